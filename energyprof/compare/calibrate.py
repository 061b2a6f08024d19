"""A meter calibrated against a better one, from a recording of both: gain, zero, and their uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from energyprof.compare.offset import Offset, offset
from energyprof.compare.pairing import CalibrationRequest, Pair, Powers, pair_of, powers_of
from energyprof.compare.recording import Recording, circumstances, powers_over_time
from energyprof.compare.statistics.fit import Line, line, serial
from energyprof.compare.windows import window_length_s
from energyprof.errors import UsageError
from energyprof.measure.calibration import (
    GAINS,
    SCHEMA,
    CalibrationRecord,
    CalibrationWindow,
    Efficiency,
    Reference,
)
from energyprof.meter import CalibratedRange, Calibration, MeterInfo
from energyprof.report.transfer import DRIFT_U, SLOPE_U
from energyprof.units import utc

LEAST_WINDOWS = 3
# A line through powers that are all alike says nothing about its slope: they must differ by this share of
# the largest.
LEAST_SPREAD = 0.25
# Meters show a step within a minute, however slowly their controllers ask them.
MOST_DELAY_S = 60.0
# Below this share of explained variance, something else that the reference sees changed, too.
LEAST_R2 = 0.98

_LEVELS = "run a load of several levels, such as idle, half and full, each for several windows"


def calibrate(
    recording: Recording, asked: CalibrationRequest, created: str, source: str
) -> CalibrationRecord:
    """The calibration of a meter from a recording of it and a better one.

    ``created``: now, ISO 8601 UTC; ``source``: what the calibration names as its source.

    Raises:
        FileError: its rows cannot be read.
        UsageError: the two meters cannot be compared, or the recording is not enough to tell.
    """
    pair = pair_of(recording, asked)
    window_s = window_length_s(pair.all, asked.window_s)
    powers = powers_of(recording, pair, window_s)
    if len(powers) < LEAST_WINDOWS:
        raise UsageError(
            f"{recording.where}: only {len(powers)} windows of {window_s:g} s with both meters and a steady "
            f"load; {LEAST_WINDOWS} are needed, 30 are better: {_LEVELS}"
        )
    readings = [p.meter_w for p in powers]
    spread_w, largest_w = max(readings) - min(readings), max(readings)
    if spread_w < LEAST_SPREAD * largest_w or spread_w == 0:
        raise UsageError(
            f"{asked.meter} read {min(readings):.4g} to {largest_w:.4g} W, a spread of "
            f"{100 * spread_w / largest_w if largest_w else 0:.0f} %; {100 * LEAST_SPREAD:.0f} % is needed: "
            f"{_LEVELS}"
        )
    efficiency = asked.efficiency.value if asked.efficiency else 1.0
    true = [efficiency * p.reference_w - math.fsum(p.others_w) for p in powers]
    fitted = serial(line(readings, true))
    _check(fitted, pair)
    found = replace(
        _calibration(pair, fitted, powers, asked.efficiency, source),
        made=_range(recording, pair, powers, window_s),
    )
    delay = _delay(recording, pair)
    own_u = replace(pair.meter.info, calibration=None).gain_u
    notes = _assumptions(pair)
    if found.gain_u > own_u:
        notes.append(
            f"no better than uncalibrated: ±{200 * found.gain_u:.2g} % (k = 2) against ±{200 * own_u:.2g} %; "
            "a better reference or a longer recording would help"
        )
    return CalibrationRecord(
        schema=SCHEMA,
        created=created,
        meter=asked.meter,
        device=pair.meter.info.device,
        reference=_reference(pair.reference.info),
        calibration=found,
        efficiency=asked.efficiency,
        subtracted=tuple(other.name for other in pair.others),
        window_s=window_s,
        windows=tuple(
            CalibrationWindow(p.run, p.start_s, p.meter_w, p.reference_w, w, residual)
            for p, w, residual in zip(powers, true, fitted.residuals, strict=True)
        ),
        intercept_w=fitted.intercept,
        r2=fitted.r2,
        delay_s=None if delay is None else delay.offset_s,
        delay_u_s=None if delay is None else delay.u_s,
        notes=tuple(notes),
    )


def _check(fitted: Line, pair: Pair) -> None:
    """Raises UsageError if the two are not related by a line."""
    largest_w = max(abs(residual) for residual in fitted.residuals)
    seen = f"R² = {fitted.r2:.3f}, up to {largest_w:.3g} W off the line"
    if fitted.r2 < LEAST_R2:
        remedy = (
            "keep everything else the machine does constant"
            if pair.wider
            else "do both read the same thing? Of a log, ?boundary= and part= say what it is of"
        )
        raise UsageError(
            f"{pair.meter.name} and {pair.reference.name} do not fit a line ({seen}): "
            f"R² of {LEAST_R2} is needed; {remedy}"
        )
    if not GAINS[0] <= fitted.slope <= GAINS[1]:
        raise UsageError(
            f"{pair.reference.name} grows by {fitted.slope:.3g} W per watt of {pair.meter.name}: no meter is "
            "that far off; does the reference feed only this device?"
        )


def _calibration(
    pair: Pair, fitted: Line, powers: Sequence[Powers], efficiency: Efficiency | None, source: str
) -> Calibration:
    """Gain and zero with their uncertainties (JCGM 100:2008, 5.1.2)."""
    info, reference = replace(pair.meter.info, calibration=None), pair.reference.info
    readings = [p.meter_w for p in powers]
    gain = fitted.slope
    # How much each of the others takes off the slope, and how uncertain that is.
    off = [line(readings, [p.others_w[i] for p in powers]).slope for i in range(len(pair.others))]
    others_u = [meter.info.gain_u * slope for meter, slope in zip(pair.others, off, strict=True)]
    of_reference = gain + math.fsum(off)
    efficiency_u = efficiency.u / efficiency.value if efficiency else 0.0
    # Errors of x itself flatten a line by their share of its variance (Fuller, Measurement Error Models).
    mean_w = fmean(readings)
    noise = fmean(p.meter_u_w**2 for p in powers) / fmean((w - mean_w) ** 2 for w in readings)
    gain_u = math.hypot(
        fitted.slope_u,
        of_reference * reference.gain_u,
        of_reference * efficiency_u,
        gain * noise,
        *others_u,
    )
    if pair.wider:
        return Calibration(gain, gain_u / gain, 0.0, info.offset_u_w, source)
    offset_u_w = math.hypot(fitted.intercept_u, reference.offset_u_w, fitted.intercept * reference.gain_u)
    return Calibration(gain, gain_u / gain, fitted.intercept, offset_u_w, source)


def _range(
    recording: Recording, pair: Pair, powers: Sequence[Powers], window_s: float
) -> CalibratedRange | None:
    """Where the calibration was made; ``None``: the recording does not say when."""
    known = circumstances(recording)
    starts_s = [known.zeros_s[p.run] + p.start_s for p in powers if p.run in known.zeros_s]
    if len(starts_s) < len(powers):
        return None
    return CalibratedRange(
        low_w=max(0.0, min(p.meter_w for p in powers)),
        high_w=max(0.0, *(p.meter_w for p in powers)),
        start=utc(min(starts_s)),
        end=utc(max(starts_s) + window_s),
        drift_u=DRIFT_U,
        slope_u=SLOPE_U,
        temperature_c=known.temperatures_c.get(pair.meter.name),
    )


def _delay(recording: Recording, pair: Pair) -> Offset | None:
    """How much later than the reference the meter shows a step; ``None``: there are too few to tell."""
    reference, meter = (powers_over_time(recording, one) for one in (pair.reference, pair.meter))
    try:
        return offset(reference, meter, MOST_DELAY_S)
    except UsageError:
        return None


def _reference(info: MeterInfo) -> Reference:
    source = info.calibration.source if info.calibration else info.gain_source
    return Reference(info.name, info.device, info.method, info.boundary, info.gain_u, source)


def _assumptions(pair: Pair) -> list[str]:
    if not pair.wider:
        return []
    taken = ", ".join(other.name for other in pair.others)
    notes = [f"subtracted from the reference: {taken}"] if taken else []
    notes.append(
        f"{pair.reference.name} reads more than {pair.meter.name}: what the rest uses constantly is in the "
        "intercept, so the zero is not calibrated; what rises with the load (fans, say) is in the gain"
    )
    return notes
