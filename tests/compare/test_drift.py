"""Several calibrations of one meter: the latest holds, and how they differ says how it drifts."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from energyprof.compare.drift import latest_calibrations
from energyprof.errors import UsageError
from energyprof.measure.calibration import SCHEMA, CalibrationRecord, Reference
from energyprof.meter import CalibratedRange, Calibration
from energyprof.report.transfer import DRIFT_U, SLOPE_U


def record(day: int, gain: float = 1.06, **changes: object) -> CalibrationRecord:
    start, end = (f"2027-01-{day:02}T08:{minute}:00Z" for minute in ("00", "10"))
    made = CalibratedRange(50.0, 250.0, start, end, DRIFT_U, SLOPE_U)
    calibration = Calibration(gain, 0.005, 0.0, 0.0, "by hand", made)
    reference = Reference("shelly:192.0.2.7", "S3", "made by hand", "wall_ac", 0.005, "its maker")
    return replace(CalibrationRecord(SCHEMA, end, "nvml:0", "GPU-1", reference, calibration), **changes)


def drift_of(*records: CalibrationRecord) -> float:
    (latest,) = latest_calibrations(records)
    assert latest.calibration.made is not None
    return latest.calibration.made.drift_u


def test_one_alone_keeps_the_default() -> None:
    assert latest_calibrations([record(1)]) == (record(1),)
    assert latest_calibrations([]) == ()
    two = latest_calibrations([record(1), record(1, meter="nvml:1")])
    assert [found.meter for found in two] == ["nvml:0", "nvml:1"]


def test_the_latest_holds_whatever_the_order_of_the_files() -> None:
    (latest,) = latest_calibrations([record(3, 1.07), record(1, 1.06)])
    assert latest.calibration.gain == 1.07
    assert latest.calibration.made is not None
    assert latest.calibration.made.end == "2027-01-03T08:10:00Z"


def test_a_machines_own_drift_replaces_the_default_the_more_calibrations_there_are() -> None:
    # In a day, which is two times 12 h: 1 % makes 0.71 % in 12 h. The default counts as two.
    own = 0.01 / math.sqrt(2)
    assert drift_of(record(1, 1.0), record(2, 1.01)) == pytest.approx(
        math.sqrt((2 * DRIFT_U**2 + own**2) / 3), rel=1e-3
    )
    calm = [record(day, 1.06) for day in range(1, 12)]
    assert drift_of(*calm) == pytest.approx(DRIFT_U * math.sqrt(2 / 12))


def test_what_says_nothing_of_its_drift_is_refused() -> None:
    timeless = replace(record(2), calibration=replace(record(2).calibration, made=None))
    for other, says in (
        (record(2, device="GPU-2"), "were made on different devices"),
        (timeless, "one says not when it was made"),
        (record(1), "two of nvml:0 are of one recording"),
    ):
        with pytest.raises(UsageError, match=says):
            latest_calibrations([record(1), other])
