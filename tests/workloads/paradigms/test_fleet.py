"""The server of a deployment: who comes, comes late, leaves, is silent or a stranger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("torch")

from energyprof.settings import Settings
from energyprof.workload import Event, Exchange, Facts, Round
from energyprof.workloads.paradigms import dealt
from energyprof.workloads.paradigms.cohort import Cohort
from energyprof.workloads.paradigms.federated import flower, rounds
from energyprof.workloads.paradigms.federated.client import Clients
from energyprof.workloads.paradigms.federated.engines.deployed import fleet, signed
from energyprof.workloads.paradigms.federated.strategies import WEIGHT
from fakes.dealt_line import Line, plan_of
from fakes.installed import needs

needs("flwr")
pytestmark = pytest.mark.slow  # torch takes seconds to load
SECRET = b"0123456789abcdef"
SEED = 0


class Device:
    """One client, as the device's side plays it; ``silent``: it answers nothing more."""

    def __init__(self, number: int, secret: bytes = SECRET) -> None:
        self.number, self.secret, self.silent = number, secret, False
        _, players = cohort()
        self._parts, self._clients = players._parts, Clients(players, CONFIG, lambda event: None)

    def answers(self, words: dict[str, Any], payload: bytes) -> tuple[dict[str, str], bytes] | None:
        said = signed.opened(self.secret, "server", words, payload)
        if said is None:
            return signed.signed(self.secret, "client", {"error": "another --token", "run": ""}), b""
        if self.silent and said["do"] == "turn":
            return None
        common = {"run": said["run"], "round": said["round"], "client": self.number}
        if said["do"] != "turn":
            return signed.signed(self.secret, "client", common), b""
        turn = self._clients.turn(self.number, payload, said["mu"])
        done = {WEIGHT: len(self._parts[self.number]), "samples": turn.samples, "loss": turn.loss}
        return signed.signed(self.secret, "client", {**common, **done}, turn.payload), turn.payload


class Flower:
    """The line to a ServerApp (``apps.server_app``), the SuperLink behind it, and the devices there."""

    def __init__(self) -> None:
        self.devices: dict[int, Device] = {}
        self.on_turn: Callable[[], None] = lambda: None
        self._answers: dict[str, Any] = {}
        self._failed: dict[str, str] = {}
        self._sent = 0
        self._last_of: dict[int, str] = {}  # the number of a node's last turn

    def come(self, node: int, device: Device) -> Device:
        self.devices[node] = device
        return device

    def ask(self, header: dict[str, Any], payloads: Any = ()) -> Any:
        if header["do"] == "nodes":
            return {"nodes": list(self.devices)}, []
        if header["do"] == "push":
            return {"ids": [self._push(*one) for one in zip(header["messages"], payloads, strict=True)]}, []
        there = [number for number in header["ids"] if number in self._answers]
        found = [self._answers.pop(number) for number in there]
        replies: list[Any] = [{"id": n, "words": words} for n, (words, _) in zip(there, found, strict=True)]
        failed = [number for number in header["ids"] if number in self._failed]
        replies += [{"id": number, "error": self._failed.pop(number)} for number in failed]
        return {"replies": replies}, [*(payload for _, payload in found), *[b""] * len(failed)]

    def breaks_off(self, node: int, why: str) -> None:
        """What a SuperLink says of an answer whose sender died, minutes later."""
        self._failed[self._last_of[node]] = why

    def _push(self, message: Any, payload: bytes) -> str:
        device = self.devices.get(message["node"])
        if device is None:
            return ""  # as a SuperLink says of a node that has left
        self._sent += 1
        answer = device.answers(message["words"], payload)
        if answer is not None:
            self._answers[str(self._sent)] = answer
        if message["kind"] == "train":
            self._last_of[message["node"]] = str(self._sent)
            self.on_turn()
        return str(self._sent)

    def send(self, header: dict[str, Any], payloads: Any = ()) -> None:
        assert header == {"do": "end"}


PLAN = plan_of(Settings(paradigm="federated", clients=2), max_samples=96)
CONFIG = PLAN.config["paradigm"]


def cohort() -> tuple[Line, Cohort]:
    program = Line(PLAN)
    program.prepare()
    return program, Cohort(program, dealt.parts(program, CONFIG["clients"]), SEED)


class Training:
    """The server's rounds over a fleet, one after the other."""

    def __init__(self, answer_s: float = 0.2) -> None:
        self.flower, self.said = Flower(), []
        terms = fleet.Terms("this run", PLAN.work(), SEED, answer_s, SECRET)
        line: Any = self.flower
        self.fleet = fleet.Fleet(line, CONFIG["clients"], terms, self.said.append, lambda: None)
        _, players = cohort()
        self._events = rounds.trained(self.fleet, players, PLAN, SEED)

    said: list[Event]

    def round(self) -> dict[str, tuple[str, bool]]:
        """What became of each client in the next round, and whether it trained."""
        before = len(self.said)
        own = []
        for event in self._events:
            own.append(event)
            if isinstance(event, Round):
                break
        found = [event for event in (*self.said[before:], *own) if isinstance(event, Exchange)]
        return {event.actor: (event.outcome, event.samples > 0) for event in found}

    @property
    def told(self) -> list[str]:
        """What happened, as the report's facts have it."""
        facts = [event.facts["fleet"] for event in self.said if isinstance(event, Facts)]
        return list(facts[-1]) if facts else []


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Iterator[Training]:
    monkeypatch.setattr(fleet, "LOOK_S", 0.0)
    monkeypatch.setattr(fleet, "POLL_S", 0.01)
    with flower.identity():
        yield Training()


USED, AWAY = ("used", True), ("dropped", False)


def test_a_client_that_comes_late_trains_from_the_next_round_on(training: Training) -> None:
    training.flower.come(11, Device(0))
    training.fleet.gather()
    assert training.round() == {"client 0": USED, "client 1": AWAY}
    training.flower.come(12, Device(1))
    assert training.round() == {"client 0": USED, "client 1": USED}
    assert training.told == [
        "client 1 did not come within 0.2 s",
        "round 1: client 1 was away",
        "client 1 came before round 2",
    ]


def test_one_that_comes_while_a_round_runs_is_not_asked_before_the_next(training: Training) -> None:
    training.flower.come(11, Device(0))
    training.fleet.gather()
    training.flower.on_turn = lambda: training.flower.devices.setdefault(12, Device(1)) and None
    assert training.round() == {"client 0": USED, "client 1": AWAY}
    assert training.round() == {"client 0": USED, "client 1": USED}


@pytest.mark.parametrize("leaves", [0, 1])
def test_a_client_that_leaves_is_lost_for_its_round_and_one_in_its_place_goes_on(
    training: Training, leaves: int
) -> None:
    """It leaves once client 0 has been asked: that one before it answers, the other before it is asked."""
    for number in (0, 1):
        training.flower.come(11 + number, Device(number)).silent = number == leaves
    node, stays = 11 + leaves, 1 - leaves
    training.fleet.gather()
    training.flower.on_turn = lambda: training.flower.devices.pop(node, None) and None
    assert training.round() == {f"client {stays}": USED, f"client {leaves}": AWAY}
    training.flower.on_turn = lambda: None
    training.flower.come(13, Device(leaves))
    assert training.round() == {"client 0": USED, "client 1": USED}
    assert training.told == [f"round 1: client {leaves} left", f"client {leaves} came before round 2"]


def test_who_does_not_answer_is_not_asked_again_before_it_has(training: Training) -> None:
    training.flower.come(11, Device(0))
    training.flower.come(12, Device(1)).silent = True
    training.fleet.gather()
    assert training.round() == {"client 0": USED, "client 1": AWAY}
    assert training.round() == {"client 0": USED, "client 1": AWAY}
    assert training.told == [
        "round 1: client 1 did not answer within 0.2 s",
        "round 2: client 1 was away",
    ]


def test_a_client_is_lost_once_for_each_round_however_late_flower_says_why(training: Training) -> None:
    training.flower.come(11, Device(0))
    training.flower.come(12, Device(1)).silent = True
    training.fleet.gather()
    assert training.round() == {"client 0": USED, "client 1": AWAY}
    training.flower.devices.pop(12)
    training.flower.breaks_off(12, "the upload did not complete")
    before = len(training.said)
    assert training.round() == {"client 0": USED, "client 1": AWAY}
    lost = [event for event in training.said[before:] if isinstance(event, Exchange)]
    assert [(one.actor, one.outcome) for one in lost if one.outcome == "dropped"] == [("client 1", "dropped")]
    assert training.told == [
        "round 1: client 1 did not answer within 0.2 s",
        "round 2: client 1 was away",
    ]


def test_a_stranger_takes_no_part_whatever_client_it_says_it_is(training: Training) -> None:
    training.flower.come(11, Device(0))
    training.flower.come(12, Device(1, b"fedcba9876543210"))
    training.fleet.gather()
    assert training.round() == {"client 0": USED, "client 1": AWAY}
    assert training.told[0] == "node 12 has another --token: it takes no part"
    training.flower.come(13, Device(1))
    assert training.round() == {"client 0": USED, "client 1": USED}
