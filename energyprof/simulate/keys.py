"""What a scenario may say: every key, its unit and its limits. ``*`` stands for a name of the user's."""

from __future__ import annotations

from collections.abc import Mapping, Set

from energyprof.errors import UsageError, unknown_key
from energyprof.simulate.quantity import Kind
from energyprof.simulate.scenario import WAYS

_JOULES = Kind("J", 0, 1e20)
_SECONDS = Kind("s", 0, 1e12)
_WATTS = Kind("W", 0, 1e12)
_BITS = Kind("bit", 0, 1e24)
_COUNT = Kind("1", 0, 1e12)
_WHOLE = Kind("1", 1, 1e9, "whole")
_WHOLE0 = Kind("1", 0, 1e9, "whole")
_SHARE = Kind("1", 0, 1)
_YEARS = Kind("years", 1e-3, 100)

_COMPUTE = {
    "round_j": _JOULES,
    "round_s": _SECONDS,
    "power_w": _WATTS,
    "idle_j": _JOULES,
    "idle_w": _WATTS,
    "idle_s": _SECONDS,
    "start_j": _JOULES,
    "start_s": _SECONDS,
}
_LINK = {
    "bit_per_j": Kind("bit/J", 1e-3, 1e18),
    "kwh_per_gb": Kind("kWh/GB", 0, 1e6),
    "year": Kind("1", 2000, 2050, "whole"),
    "router_w": _WATTS,
    "idle_w": _WATTS,
    "bit_per_s": Kind("bit/s", 1e-3, 1e18),
}
_DEVICE = {
    "embodied_kg": Kind("kg", 0, 1e9),
    "primary_mj": Kind("MJ", 0, 1e12),
    "end_of_life_kg": Kind("kg", 0, 1e9),
    "count": Kind("1", 0, 1e9),
    "share": _SHARE,
    "life_years": _YEARS,
    "utilisation": Kind("1", 1e-3, 1),
}

NUMBERS: Mapping[str, Kind] = {
    "seed": Kind("1", 0, 2**63, "whole"),
    "draws": Kind("1", 100, 1e6, "whole"),
    "data.clients": Kind("1", 1, 1e7, "whole"),
    "data.bits_per_client": _BITS,
    "data.new_bits_per_client": _BITS,
    "data.model_bits": _BITS,
    "data.upload_bits": _BITS,
    "data.download_bits": _BITS,
    "data.stored_bytes": Kind("B", 0, 1e24),
    "data.stored_s": _SECONDS,
    "data.replication": Kind("1", 1, 100),
    "data.w_per_tb": Kind("W/TB", 0, 1e4),
    "data.kg_per_tb": Kind("kg/TB", 0, 1e5),
    "data.life_years": _YEARS,
    "site.*.pue": Kind("1", 1, 10),
    "site.*.intensity": Kind("g/kWh", 0, 5000),
    "site.*.wue": Kind("l/kWh", 0, 1000),
    **{f"{who}.{key}": kind for who in ("server", "client") for key, kind in _COMPUTE.items()},
    **{f"{who}.device.*.{key}": kind for who in ("server", "client") for key, kind in _DEVICE.items()},
    **{f"link.{key}": kind for key, kind in _LINK.items()},
    **{f"link.{way}.{key}": kind for way in ("uplink", "downlink", "side") for key, kind in _LINK.items()},
    "life.trainings": _COUNT,
    "life.development": _COUNT,
    "life.inferences": Kind("1", 0, 1e18),
    "life.inference_j": _JOULES,
    "life.inference_bits": _BITS,
    "paradigm.*.inference_j": _JOULES,
    "paradigm.*.rounds": Kind("1", 0, 1e9),
    "paradigm.*.moves": Kind("1", 0, 1e9),
    "paradigm.*.active": Kind("1", 0, 1e9),
    "paradigm.*.server_share": _SHARE,
    "paradigm.*.server_round_j": _JOULES,
    "paradigm.*.server_round_s": _SECONDS,
    "paradigm.*.neighbours": _WHOLE0,
    "paradigm.*.updates": Kind("1", 0, 1e9),
    "paradigm.*.train_rounds": _WHOLE,
    "paradigm.*.sync_rounds": _WHOLE0,
    "paradigm.*.sleep_above": Kind("g/kWh", 0, 5000),
    "network.core_bit_per_s": Kind("bit/s", 1, 1e18),
    "network.access_bit_per_s": Kind("bit/s", 1, 1e18),
    "paradigm.*.trainings": _COUNT,
    "paradigm.*.upload_bits": _BITS,
    "paradigm.*.download_bits": _BITS,
    **{f"paradigm.*.{key}": kind for key, kind in _COMPUTE.items()},
    **{f"{who}.rounds": Kind("1", 1, 1e9) for who in ("server", "client")},
    "sci.flop": Kind("1", 1, 1e40),
    "sci.tokens": Kind("1", 1, 1e24),
    "sci.samples": Kind("1", 1, 1e24),
    "sci.parameters": Kind("1", 1, 1e18),
}

# How a factor's name begins -> what may stand in its place; of others, any amount in their unit.
FACTORS: Mapping[str, Kind] = {
    "pue.": NUMBERS["site.*.pue"],
    "federated.server_share": _SHARE,
    "utilisation.": NUMBERS["server.device.*.utilisation"],
    "life.": _YEARS,
    "storage.life": _YEARS,
    "storage.replication": NUMBERS["data.replication"],
    "network.": NUMBERS["link.kwh_per_gb"],
    "intensity.": NUMBERS["site.*.intensity"],
}
MOST_FACTOR = 1e12

WORDS: Mapping[str, str] = {
    "name": "a title",
    "site.*.country": 'a country, such as "FR"',
    "site.*.trace": "a file of intensities over time",
    "site.*.column": "the trace's column or place",
    "site.*.clients": 'the numbers of the clients there, such as "1-10, 15"',
    "server.site": "a site",
    "server.report": "a report",
    "client.site": "a site",
    "client.report": "a report",
    "link.medium": "a network of the table of factors, such as mobile",
    **{
        f"link.{way}.{key}": words
        for way in ("uplink", "downlink", "side")
        for key, words in (("medium", "a network of the table of factors"), ("site", "a site"))
    },
    "link.side.via": '"server": through the uplink and the downlink',
    "data.medium": '"ssd" or "hdd"',
    "paradigm.*.inference_at": '"server" or "client"',
    "paradigm.*.kind": "central, refreshed, continual, federated or consensus",
    "paradigm.*.report": "a report",
    "paradigm.*.graph": "a topology: ring, torus, exponential, star, full, random:K, or a file",
    "network.file": "a GML or JSON file with distances in km, or coordinates",
    "sci.flop_kind": '"gross" or "effective"',
    **{f"{who}.device.*.factor": "a name of `energyprof factors`" for who in ("server", "client")},
}


# What says one thing in several ways: a table gives one of them, and `--set` puts one in another's place.
ONE_OF = (
    (*WAYS, "medium"),
    ("intensity", "country", "trace"),
    ("round_j", "power_w"),
    ("idle_j", "idle_w"),
    ("embodied_kg", "factor"),
    ("neighbours", "graph"),
    ("hours", "deadline"),
)
# What goes with one of them alone.
GOES_WITH = {"year": "medium", "column": "trace", "bit_per_s": "router_w", "idle_w": "router_w"}


def said_twice(keys: Set[str]) -> list[str]:
    """Those of ``keys`` that say one thing of one table, of which only one would count; else nothing."""
    for at in sorted({key.rpartition(".")[0] for key in keys}):
        for group in ONE_OF:
            said = [whole for key in group if (whole := f"{at}.{key}".lstrip(".")) in keys]
            if len(said) > 1:
                return said
    return []


_PARTS = {key: tuple(key.split(".")) for key in (*NUMBERS, *WORDS)}


def pattern_of(path: tuple[str, ...]) -> str:
    """The key of the tables above that ``path`` is one of; "": it is none."""
    for key, parts in _PARTS.items():
        if len(parts) == len(path) and all(p in ("*", q) for p, q in zip(parts, path, strict=True)):
            return key
    return ""


def is_table(path: tuple[str, ...]) -> bool:
    """Whether keys of the tables above lie within ``path``."""
    if path[:1] == ("factors",):
        return True
    return any(
        len(parts) > len(path) and all(p in ("*", q) for p, q in zip(parts, path, strict=False))
        for parts in _PARTS.values()
    )


def unknown(path: tuple[str, ...], where: str) -> UsageError:
    """The error of a key that is none, with those that there are."""
    inside = path[:-1]
    there = {
        parts[len(inside)]
        for parts in (key.split(".") for key in (*NUMBERS, *WORDS))
        if len(parts) > len(inside) and all(p in ("*", q) for p, q in zip(parts, inside, strict=False))
    } - {"*"}
    if not inside:
        there |= {"factors"}
    return unknown_key(path[-1], there, where, ".".join(inside))
