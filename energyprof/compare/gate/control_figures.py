"""What a control tells of a machine: power at rest, joules and seconds of fixed work, clocks, heat."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from energyprof.compare.change import exp
from energyprof.report.record import Report, Run
from energyprof.storable.frozen import dataclass
from energyprof.storable.values import is_number

Kind = Literal["idle", "joules", "seconds", "clock", "heat"]


@dataclass(frozen=True)
class ControlFigure:
    """How values of one kind are held against each other."""

    unit: str
    least: float  # a smaller change never matters: of the logarithm, of temperatures in K
    scale: Callable[[float], float] = math.log
    back: Callable[[float], float] = exp


def _same(value: float) -> float:
    return value


# The least: what verdicts of 3 % could not be moved by, and what whole watts, MHz and °C cannot tell.
FIGURES: Mapping[Kind, ControlFigure] = {
    "idle": ControlFigure("W", 0.03),
    "joules": ControlFigure("J", 0.02),
    "seconds": ControlFigure("s", 0.02),
    "clock": ControlFigure("MHz", 0.02),
    "heat": ControlFigure("°C", 4.0, _same, _same),
}
# Rounds of work that one figure is for, so that it is neither tiny nor huge: a million of a processor's
# multiplications take 0.1 s, a thousand of a GPU's products as long.
ROUNDS: Mapping[str, tuple[int, str]] = {
    "cpu": (1_000_000, "a million rounds"),
    "gpu": (1_000, "a thousand products"),
}


@dataclass(frozen=True)
class Reading:
    """One figure's value in one control."""

    kind: Kind
    figure: str
    value: float  # above 0


def readings_of(report: Report) -> tuple[Reading, ...]:
    """Every figure that the last run of a control has, in the order in which they are shown.

    A model's joules say what the model says, not what the machine does: they are left out.
    """
    if not report.runs:
        return ()
    run = report.runs[-1]
    told = run.facts.get("control")
    facts = told if isinstance(told, dict) else {}
    found: list[Found] = [
        *(_powers(run, facts) if report.origin == "measured" else ()),
        *_speeds(facts),
        ("clock", "CPU clock", facts.get("cpu_mhz")),
        ("heat", "CPU temperature", facts.get("cpu_c")),
        *_devices(run),
    ]
    return tuple(Reading(kind, figure, value) for kind, figure, value in found if _is_amount(value))


Found = tuple[Kind, str, Any]


def _powers(run: Run, facts: Mapping[str, Any]) -> Iterator[Found]:
    yield "idle", "idle power", run.idle_before_w
    for kind, (each, words) in ROUNDS.items():
        rounds = sum(work["rounds"] for _, work in _work(facts, kind))
        joules = [phase.energy_j for phase in run.phases if phase.name == kind]
        if rounds and len(joules) == 1 and joules[0] is not None:
            yield "joules", f"energy of {words}, {kind.upper()}", each * joules[0] / rounds


def _speeds(facts: Mapping[str, Any]) -> Iterator[Found]:
    for kind, (each, words) in ROUNDS.items():
        for name, work in _work(facts, kind):
            if work["rounds"] > 0:
                yield "seconds", f"time of {words}, {name}", each * work["seconds"] / work["rounds"]


def _work(facts: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What the program said of the work of each device of a kind, if it is what it should be."""
    told = facts.get("work")
    for name, work in told.items() if isinstance(told, dict) else ():
        of_kind = isinstance(work, dict) and work.get("kind") == kind
        if of_kind and all(is_number(work.get(key)) for key in ("rounds", "seconds")):
            yield str(name), work


def _devices(run: Run) -> Iterator[Found]:
    """What the probes saw of GPUs while the program ran; the program's course is always the same."""
    for device, seen in run.conditions.items():
        for kind, words, key in _CONDITIONS:
            told = seen.get(key)
            if isinstance(told, dict):
                yield kind, f"{device} {words}", told.get("mean")


_CONDITIONS: tuple[tuple[Kind, str, str], ...] = (
    ("clock", "clock", "sm_mhz"),
    ("heat", "temperature", "temperature_c"),
)


def _is_amount(value: Any) -> bool:
    return is_number(value) and value > 0
