"""A meter made of the answers of a device: one question, asked for each reading."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from energyprof.errors import MeterError
from energyprof.measure.meters.network.address import Address
from energyprof.measure.meters.network.http import Client, NoAnswer, Service
from energyprof.meter import Finding, MeterInfo, Role, Source
from energyprof.storable.frozen import dataclass

# Plugs and BMCs renew their power about once a second; to ask more often would only load them.
POWER_INTERVAL_S = 1.0

# What the value is the mean of, no one states. The chips in plugs count pulses of energy and give a mean from
# one renewal to the next; BMCs smooth over seconds.
PLUG_WINDOW_S = 1.0
BMC_WINDOW_S = 5.0

# Of their energy registers no one promises more than a value a minute (Shelly's API gives energy by the
# minute). So the power, integrated, is what counts, and the register is held against it: the minute that it
# may be late is within this tolerance after twenty minutes.
REGISTER_REFRESH_S = 60.0
REGISTER_INTERVAL_S = 5.0
REGISTER_TOLERANCE = 0.05


def blocked(kind: str, role: Role, error: MeterError) -> Finding:
    """What a search comes to that ended in ``error``."""
    remedy = error.remedy if isinstance(error, NoAnswer) else ""
    return Finding(kind, role, "blocked", reason=str(error), remedy=remedy)


def number(answer: Any, *path: str | int) -> float:
    """The number at ``path`` of an answer; as text (some firmware) it counts too.

    Raises:
        MeterError: there is none: the key is missing, the value null, no number, or not finite.
    """
    value = answer
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            raise MeterError(f"the answer has no {_dotted(path)}") from None
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            found = float(value)
        except (ValueError, OverflowError):
            found = math.nan
        if math.isfinite(found):
            return found
    raise MeterError(f"{_dotted(path)} is {json.dumps(value)[:40]}, which is not a number")


def _dotted(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


@dataclass(frozen=True)
class Question:
    """What to ask a device for one reading, and where in its answer that is."""

    path: str
    query: Mapping[str, str | int]
    value: Callable[[Any], float]  # raises MeterError if the answer has no reading

    def ask(self, client: Client) -> float:
        """The reading. Raises MeterError."""
        return self.value(client.get(self.path, self.query))


class HttpMeter:
    """One reading, asked for again and again."""

    def __init__(self, info: MeterInfo, service: Service, question: Question) -> None:
        """Raises MeterError if the connection cannot be prepared; it is made with the first read."""
        self.info = info
        self._question = question
        self._client = Client(service)

    def read(self) -> float:
        """The power in W or the counter in J."""
        try:
            return self._question.ask(self._client)
        except MeterError as error:
            raise MeterError(f"{self.info.name}: {error}") from error

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self._client.close()


def register_of(power: MeterInfo, method: str, resolution_j: float) -> MeterInfo:
    """The energy register that a device keeps beside its power: recorded, and held against it."""
    return replace(
        power,
        name=f"{power.name}:register",
        reads="energy_j",
        method=method,
        resolution=resolution_j,
        refresh_s=REGISTER_REFRESH_S,
        refresh_is_longest=True,
        min_interval_s=REGISTER_INTERVAL_S,
        window_s=0.0,
        window_assumed=False,
        checks=power.name,
        tolerance=REGISTER_TOLERANCE,
    )


def found(
    service: Service,
    power: tuple[MeterInfo, Question],
    register: tuple[MeterInfo, Question] | None,
    answer: Any,
    notes: Sequence[str] = (),
) -> Finding:
    """The sources of a device, of which ``answer`` is what it just said to the questions.

    Raises:
        MeterError: there is no power in the answer. A register that is not there is only noted.
    """
    info, question = power
    now_w = question.value(answer)
    sources, remarks = [_source(service, info, question)], list(notes)
    if now_w == 0:
        remarks.append(f"{info.name} reads 0 W: is the machine plugged in there?")
    if register is not None:
        try:
            register[1].value(answer)
            sources.append(_source(service, *register))
        except MeterError as error:
            remarks.append(f"no energy register to hold {info.name} against: {error}")
    return Finding(info.kind, "real", "found", tuple(sources), notes=tuple(remarks))


def _source(service: Service, info: MeterInfo, question: Question) -> Source:
    return Source(info, functools.partial(HttpMeter, info, service, question))


def pick(place: Address, option: str, there: Sequence[str]) -> str:
    """Which of the parts of a device is meant: the one asked for, or the only one.

    Raises:
        NoAnswer: there are several and none is asked for, or the one asked for is not there.
    """
    asked, listed = place.text(option), ", ".join(there)
    if asked in there:
        return asked
    if not asked and len(there) == 1:
        return there[0]
    if not there:
        raise NoAnswer("it measures no power", "check whether this model has a power meter")
    reason = f"it has no {option} {asked}" if asked else f"it measures more than one {option}"
    raise NoAnswer(
        f"{reason}: there are {listed}", f"--meters '{place.kind}={place.place}?{option}={there[0]}'"
    )
