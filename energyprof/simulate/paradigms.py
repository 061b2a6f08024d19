"""What each way to train takes, by part: the equations of Savazzi et al. (arXiv 2103.10346, 2206.10380)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from energyprof.simulate.embodied import embodied
from energyprof.simulate.links import moved
from energyprof.simulate.parts import Part
from energyprof.simulate.place import Place
from energyprof.simulate.places import used
from energyprof.simulate.scenario import Inputs, Link, Paradigm, ParadigmKind, Scenario
from energyprof.simulate.storage import stored


def life_cycle(scenario: Scenario, paradigm: Paradigm, x: Inputs) -> dict[str, Part]:
    """The parts of every training in the life cycle, of what its data and devices take, and of inference.

    Raises:
        UsageError: a number that its equation needs is missing.
    """
    parts = dict(_TRAINED[paradigm.kind](scenario, paradigm, x))
    if "life.inferences" in x:
        parts["inference"] = _inference(scenario, paradigm, x)
    return parts


def _inference(scenario: Scenario, paradigm: Paradigm, x: Inputs) -> Part:
    """At the server an inference's data go up first; at the clients they are there."""
    each_j = x.first(f"paradigm.{paradigm.name}.inference_j", "life.inference_j")
    if paradigm.inference_at == "client":
        return used(x, scenario.clients, x["life.inferences"] * each_j)
    sent = moved(x, scenario.link("uplink"), x["life.inferences"] * x["life.inference_bits"])
    return used(x, scenario.server, x["life.inferences"] * each_j) + sent


def useful_trainings(x: Inputs, name: str) -> float:
    """How many trainings are used: each of the updates, if there are any, as often as it is said."""
    return x.get(1.0, f"paradigm.{name}.trainings", "life.trainings") * x.get(1.0, f"paradigm.{name}.updates")


def trainings(x: Inputs, name: str) -> float:
    """How often it is trained: those that are used, and what all seeds, sweeps and early stops come to."""
    return useful_trainings(x, name) + x.get(0.0, "life.development")


def compute_j(x: Inputs, who: str, name: str) -> float:
    """J a round of one of ``who``: measured, or power × time. A paradigm's own number comes first."""
    own, shared = f"paradigm.{name}", who
    for at in (own, shared):
        if f"{at}.round_j" in x:
            return x[f"{at}.round_j"] * x.get(1.0, f"{at}.meter_gain")
        if f"{at}.power_w" in x:
            return x[f"{at}.power_w"] * compute_s(x, who, name)
    return x.first(f"{own}.round_j", f"{shared}.round_j")


def compute_s(x: Inputs, who: str, name: str) -> float:
    """Seconds a round of one of ``who``."""
    return x.first(f"paradigm.{name}.round_s", f"{who}.round_s")


def idle_j(x: Inputs, who: str, name: str) -> float | None:
    """J a round of one of ``who`` that waits; ``None``: nothing is said of waiting."""
    for at in (f"paradigm.{name}", who):
        if f"{at}.idle_j" in x:
            return x[f"{at}.idle_j"]
        if f"{at}.idle_w" in x:
            return x[f"{at}.idle_w"] * x.first(f"{at}.idle_s")
    return None


def start_j(x: Inputs, who: str, name: str) -> float | None:
    """J of one start and end of a training's program at one of ``who``; ``None``: nothing is said of it."""
    for at in (f"paradigm.{name}", who):
        if f"{at}.start_j" in x:
            return x[f"{at}.start_j"] * x.get(1.0, f"{at}.meter_gain")
    return None


def _machine(
    scenario: Scenario, x: Inputs, who: str, name: str, rounds: float, begun: float, place: Place
) -> dict[str, Part]:
    """Compute, start-up, waiting, manufacture: ``rounds`` machine-rounds, ``begun`` machine-trainings."""
    parts = {"compute": used(x, place, rounds * compute_j(x, who, name))}
    starting_j = start_j(x, who, name)
    if starting_j is not None:
        parts["start-up"] = used(x, place, begun * starting_j)
    waiting_j = idle_j(x, who, name)
    if waiting_j is not None:
        parts["idle"] = used(x, place, rounds * waiting_j)
    devices = scenario.devices.get(who, ())
    if devices:
        waiting_s = x.get(0.0, f"paradigm.{name}.idle_s", f"{who}.idle_s")
        starting_s = x.get(0.0, f"paradigm.{name}.start_s", f"{who}.start_s")
        reserved_s = rounds * (compute_s(x, who, name) + waiting_s) + begun * starting_s
        parts |= embodied(x, who, devices, reserved_s)
    return parts


def _central(scenario: Scenario, paradigm: Paradigm, x: Inputs) -> Mapping[str, Part]:
    """γ·n·E_0 + α·Σ b(E_k)/EE_U, the data moved α times over the whole life: once, if nothing is said."""
    return _at_server(scenario, paradigm.name, x, moves=x.get(1.0, f"paradigm.{paradigm.name}.moves"))


def _refreshed(scenario: Scenario, paradigm: Paradigm, x: Inputs) -> Mapping[str, Part]:
    """The same with the data moved again in each round of each training."""
    name = paradigm.name
    each = x[f"paradigm.{name}.rounds"] * trainings(x, name)
    return _at_server(scenario, name, x, moves=x.get(each, f"paradigm.{name}.moves"))


def _at_server(scenario: Scenario, name: str, x: Inputs, moves: float) -> dict[str, Part]:
    rounds = x[f"paradigm.{name}.rounds"] * trainings(x, name)
    bits = x["data.clients"] * x["data.bits_per_client"]
    parts = _machine(scenario, x, "server", name, rounds, trainings(x, name), scenario.server)
    return parts | {"uplink": moved(x, scenario.link("uplink"), moves * bits), **stored(scenario, x, bits)}


def _continual(scenario: Scenario, paradigm: Paradigm, x: Inputs) -> Mapping[str, Part]:
    """m·γ·n'·E_0 + Σ ΔData/EE_U: each of m updates trains n' rounds on what came anew, moved once."""
    name = paradigm.name
    rounds = x[f"paradigm.{name}.rounds"] * trainings(x, name)
    bits = x[f"paradigm.{name}.updates"] * x["data.clients"] * x["data.new_bits_per_client"]
    parts = _machine(scenario, x, "server", name, rounds, trainings(x, name), scenario.server)
    return parts | {"uplink": moved(x, scenario.link("uplink"), bits), **stored(scenario, x, bits)}


def _federated(scenario: Scenario, paradigm: Paradigm, x: Inputs) -> Mapping[str, Part]:
    """γ·β·n·E_0 + n·K_a·E_k + n·K_a·b(W)/EE_U + γ·n·K·b(W)/EE_D; one client needs no average."""
    name, clients = paradigm.name, x["data.clients"]
    active = x.get(clients, f"paradigm.{name}.active")
    rounds = x[f"paradigm.{name}.rounds"] * trainings(x, name)
    begun = clients * trainings(x, name)
    parts = _machine(scenario, x, "client", name, rounds * active, begun, paradigm.clients)
    several = _several(clients)
    parts["server"] = used(x, scenario.server, rounds * several * _averaging_j(x, name, several))
    up, down = rounds * active * _bits(x, name, "upload"), rounds * clients * _bits(x, name, "download")
    parts["uplink"] = moved(x, scenario.link("uplink"), up)
    parts["downlink"] = moved(x, scenario.link("downlink"), down)
    devices = scenario.devices.get("server", ())
    if devices:
        busy_s = x.first(f"paradigm.{name}.server_round_s", "server.round_s")
        if f"paradigm.{name}.server_round_s" not in x:
            busy_s = busy_s * _share(x, name)
        added = embodied(x, "server", devices, rounds * several * busy_s)
        parts |= {part: parts.get(part, Part()) + more for part, more in added.items()}
    return parts


def _several(clients: float) -> float:
    """1 where there are several clients, else 0; clients are never drawn, so this is one number."""
    return 1.0 if clients > 1 else 0.0


def _share(x: Inputs, name: str) -> float:
    return x.first(f"paradigm.{name}.server_share", "factors.federated.server_share")


def _averaging_j(x: Inputs, name: str, several: float) -> float:
    if not several:
        return 0.0
    if f"paradigm.{name}.server_round_j" in x:
        return x[f"paradigm.{name}.server_round_j"] * x.get(1.0, f"paradigm.{name}.server_meter_gain")
    if "server.round_j" in x:
        return _share(x, name) * x["server.round_j"] * x.get(1.0, "server.meter_gain")
    if "server.power_w" in x:
        return _share(x, name) * x["server.power_w"] * x["server.round_s"]
    return x.first(f"paradigm.{name}.server_round_j", "server.round_j")


def _bits(x: Inputs, name: str, way: str) -> float:
    return x.first(f"paradigm.{name}.{way}_bits", f"data.{way}_bits", "data.model_bits")


def _consensus(scenario: Scenario, paradigm: Paradigm, x: Inputs) -> Mapping[str, Part]:
    """Σ_t Σ_k [E_k + |N_k|·b(W)/EE_S]: no server, no γ; without side links up and down again.

    Of ``train_rounds`` + ``sync_rounds`` rounds only the first train (SkipTrain, arXiv 2407.01283). A client
    whose grid is dirty sleeps: a message needs both its ends awake.
    """
    name, clients = paradigm.name, x["data.clients"]
    awake = x.get(1.0, f"paradigm.{name}.participation")
    rounds = x[f"paradigm.{name}.rounds"] * trainings(x, name)
    active = x.get(clients, f"paradigm.{name}.active") * awake
    training = x.get(1.0, f"paradigm.{name}.train_rounds")
    training = training / (training + x.get(0.0, f"paradigm.{name}.sync_rounds"))
    begun = clients * trainings(x, name)
    parts = _machine(scenario, x, "client", name, rounds * active * training, begun, paradigm.clients)
    if not _several(clients):
        return parts
    messages = rounds * active * awake * x[f"paradigm.{name}.neighbours"]
    bits = messages * _bits(x, name, "upload")
    side = scenario.links.get("side")
    if side is not None:
        parts["side link"] = moved(x, _awake(scenario, paradigm, side), bits)
    else:
        parts["uplink"] = moved(x, _awake(scenario, paradigm, scenario.link("uplink")), bits)
        parts["downlink"] = moved(x, _awake(scenario, paradigm, scenario.link("downlink")), bits)
    return parts


def _awake(scenario: Scenario, paradigm: Paradigm, link: Link) -> Link:
    """The link at the hours in which its clients are awake, if it is they who feed it."""
    own = link.place == scenario.clients
    return dataclasses.replace(link, place=paradigm.clients) if own else link


_TRAINED: Mapping[ParadigmKind, Callable[[Scenario, Paradigm, Inputs], Mapping[str, Part]]] = {
    "central": _central,
    "refreshed": _refreshed,
    "continual": _continual,
    "federated": _federated,
    "consensus": _consensus,
}
