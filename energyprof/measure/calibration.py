"""The file that a comparison of a meter with a better one leaves, and which meter it may correct."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from energyprof.decode import Misfit, decode
from energyprof.errors import FileError, UsageError
from energyprof.files import Schema, parse, read_text, write_text
from energyprof.meter import Boundary, Calibration, MeterInfo
from energyprof.storable.frozen import dataclass
from energyprof.storable.values import fitted

# The schema and its history; a reader takes every version up to its own.
#   energyprof.calibration/1   the first
SCHEMA_NAME = "energyprof.calibration"
SCHEMA_VERSION = 1
SCHEMA = f"{SCHEMA_NAME}/{SCHEMA_VERSION}"
_SCHEMA = Schema(SCHEMA_NAME, SCHEMA_VERSION, "calibration")

# No meter worth correcting reads less than half of the power, or more than twice of it.
GAINS = (0.5, 2.0)

_EFFICIENCY = re.compile(r"(\d*\.?\d+) ?(%?) ?(?:±|\+-|\+/-) ?(\d*\.?\d+) ?(%?)")


@dataclass(frozen=True)
class Reference:
    """The better meter."""

    name: str
    device: str
    method: str
    boundary: Boundary
    gain_u: float  # relative, standard (k = 1)
    gain_source: str


@dataclass(frozen=True)
class Efficiency:
    """What share of the reference's power reaches the meter's boundary."""

    value: float
    u: float  # standard (k = 1)


@dataclass(frozen=True)
class CalibrationWindow:
    """A stretch of the recording, and the mean powers in it."""

    run: int
    start_s: float  # from the run's zero
    meter_w: float  # as it read
    reference_w: float  # as it read
    true_w: float  # what the reference says of the meter's power, but for a constant
    residual_w: float  # true_w less the line


@dataclass(frozen=True)
class CalibrationRecord:
    """What one meter of one device was found to read, against a reference."""

    schema: str
    created: str  # ISO 8601 UTC
    meter: str
    device: str
    reference: Reference
    calibration: Calibration
    # How it was found.
    efficiency: Efficiency | None = None  # None: none lies between the two
    subtracted: tuple[str, ...] = ()  # meters whose power was taken off the reference's
    window_s: float = 0.0
    windows: tuple[CalibrationWindow, ...] = ()
    intercept_w: float = 0.0  # of the line; the meter's zero error only within one boundary
    r2: float | None = None
    # How much later than the reference the meter shows a step; None: too few steps to tell.
    delay_s: float | None = None
    delay_u_s: float | None = None  # standard (k = 1)
    notes: tuple[str, ...] = ()


def calibration_of(info: MeterInfo, records: Sequence[CalibrationRecord]) -> Calibration | None:
    """The calibration among ``records`` that was made for this meter.

    Raises:
        UsageError: one bears its name, but was made on another device.
    """
    for record in records:
        if record.meter != info.name:
            continue
        if record.device != info.device:
            raise UsageError(
                f"the calibration of {info.name} was made on {record.device or 'a device without a name'}, "
                f"this one is {info.device or 'a device without a name'}: calibrate it"
            )
        return record.calibration
    return None


def check_applies(records: Sequence[CalibrationRecord], infos: Sequence[MeterInfo]) -> None:
    """Check that each of ``records`` is for one of the meters.

    Raises:
        UsageError: one is for a meter that is not among them, or for another device of its name.
    """
    names = [info.name for info in infos]
    for record in records:
        if record.meter not in names:
            raise UsageError(
                f"the calibration is for {record.meter}, which is not in use: "
                f"{'there is ' + ', '.join(names) if names else 'there is no meter'}"
            )
    for info in infos:
        calibration_of(info, records)


def parse_efficiency(text: str) -> Efficiency:
    """What ``0.94±0.01``, ``94%±1%`` or ``0.94+-0.01`` say; it is off by that much at most (a rectangle).

    Raises:
        UsageError: it is invalid, or lacks its uncertainty.
    """
    match = _EFFICIENCY.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"--efficiency {text}: give its uncertainty too, such as 0.94±0.01 or 94%±1%")
    value, a = (float(match[i]) * (0.01 if match[i + 1] else 1.0) for i in (1, 3))
    if not 0.5 <= value <= 1 or not 0 < a < 0.5:
        raise UsageError(f"--efficiency {text}: give a share between 0.5 and 1, and how much it may be off")
    return Efficiency(value, a / math.sqrt(3))


def to_json(record: CalibrationRecord) -> str:
    """The record as indented JSON with a newline at its end."""
    return (
        json.dumps(fitted(dataclasses.asdict(record)), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    )


def write(record: CalibrationRecord, path: Path, publish: Callable[[Path, str], None] = write_text) -> None:
    """Write ``record`` to ``path`` atomically. Raises FileError."""
    publish(path, to_json(record))


def read(path: Path) -> CalibrationRecord:
    """The record in the file ``path``; its calibration names the file as its source.

    Raises:
        FileError: it cannot be read, is not a calibration, or holds implausible numbers.
    """
    data = parse(read_text(path), str(path), _SCHEMA)
    try:
        record = decode(CalibrationRecord, data, "calibration")
    except Misfit as error:
        raise FileError(f"{path}: not a valid calibration: {error}") from None
    found = record.calibration
    problem = _problem(found)
    if problem:
        raise FileError(f"{path}: not a valid calibration: {problem}")
    return dataclasses.replace(
        record,
        calibration=dataclasses.replace(found, source=source(path, record.reference.name, record.created)),
    )


def source(path: Path, reference: str, created: str) -> str:
    """Where a calibration comes from: the file, the reference and the day."""
    return f"{path.name}, against {reference} on {created[:10]}"


def _problem(found: Calibration) -> str | None:
    if not GAINS[0] <= found.gain <= GAINS[1]:
        return f"a gain of {found.gain:g} is not between {GAINS[0]:g} and {GAINS[1]:g}"
    return None
