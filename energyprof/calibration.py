"""The file that a comparison of a meter with a better one leaves, and which meter it may correct."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from energyprof.errors import UsageError
from energyprof.meter import Calibration, MeterInfo

SCHEMA_NAME = "energyprof.calibration"
SCHEMA_VERSION = 1
SCHEMA = f"{SCHEMA_NAME}/{SCHEMA_VERSION}"


@dataclass(frozen=True)
class CalibrationRecord:
    """What one meter of one device was found to read, against a reference."""

    schema: str
    created: str  # ISO 8601 UTC
    meter: str
    device: str
    reference: Mapping[str, str]
    calibration: Calibration


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
                f"this one is {info.device or 'a device without a name'}: calibrate this one"
            )
        return record.calibration
    return None
