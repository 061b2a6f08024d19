"""How much a calibration is doubted away from where it was made: at other loads, and at other times.

A calibration tells what a meter or a node read then and there. The defaults are drawn from an 8-GPU node
beside a wattmetre, calibrated on one half of its time or load and tested on the other (Grid'5000;
github.com/vladostp/an-experimental-comparison-of-software-based-power-meters).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

# Relative, standard (k = 1). Twelve hours after its calibration that node drew 2.5 % less at idle, at half
# and full load as before: an rms of 1.2 to 1.5 %, each level's own: what varies between the three leaves
# nothing common to them (analysis of variance). Nor did 58 loads of another node, over days in which it
# wandered at idle by 15 %: a watt that RAPL read was 1.208 ± 0.020 W each time. It grows as a random walk …
DRIFT_U = 0.012
DRIFT_HOURS = 12.0
# … from an hour, which a calibration itself takes …
LEAST_HOURS = 1.0
# … up to what nodes wander over days: 1,013 to 1,178 W at idle, a rectangle of 7.5 %.
DRIFT_MOST_U = 0.043
# What the slope may be off by outside the loads: efficiency curves and fans. Between idle and half load that
# node drew 1.20 W for a watt that its GPUs read, between half and full load 1.11; drawn from the latter
# alone, a map misses idle by 9 %.
SLOPE_U = 0.05
# Loads this far outside (of the range) are no extrapolation worth a flag: they are noise of its ends.
LOAD_MARGIN = 0.05
# No flag for hours, which pass between any calibration and its use; the doubt of this many is all there is.
FLAGGED_HOURS = DRIFT_HOURS * (DRIFT_MOST_U / DRIFT_U) ** 2
# So far outside of its devices' temperatures a calibration is of another machine room, or of another season.
TEMPERATURE_MARGIN_C = 10.0
# Of several calibrations the drift is their own; the default counts as so many of them.
_DEFAULT_COUNTS = 2


def drift_u(hours: float, per_12_h: float, most: float = DRIFT_MOST_U) -> float:
    """The relative standard uncertainty so many hours outside the time of a calibration."""
    return min(max(most, per_12_h), per_12_h * math.sqrt(max(LEAST_HOURS, hours) / DRIFT_HOURS))


def own_drift(changes: Sequence[tuple[float, float]]) -> float:
    """A machine's own drift per 12 h: of each two calibrations the hours between and the relative change.

    The default counts as two such pairs: the mean of the scaled inverse χ² that both make (Gelman et al.,
    Bayesian Data Analysis, 3rd ed., section 2.6).
    """
    own = [change**2 / max(hours / DRIFT_HOURS, 1 / 12) for hours, change in changes]
    return math.sqrt((_DEFAULT_COUNTS * DRIFT_U**2 + math.fsum(own)) / (_DEFAULT_COUNTS + len(own)))


def hours_outside(start: str, end: str, utc: str, after_s: float = 0.0) -> float:
    """How many hours a moment lies outside ``start`` … ``end``: ``after_s`` after ``utc`` (all ISO 8601).

    As many as can be if a time is not known.
    """
    from energyprof.trace.stamps import seconds  # with all the forms that times have, for calibrations alone

    try:
        at_s, first_s, last_s = seconds(utc, None) + after_s, seconds(start, None), seconds(end, None)
    except ValueError:
        return math.inf
    return max(0.0, first_s - at_s, at_s - last_s) / 3600


def beyond_w(low_w: float, high_w: float, mean_w: float) -> float:
    """How far a mean power lies outside a range of powers; 0 within."""
    return max(0.0, low_w - mean_w, mean_w - high_w)


def is_extrapolation(low_w: float, high_w: float, mean_w: float) -> bool:
    """Whether that is far enough to be said."""
    return beyond_w(low_w, high_w, mean_w) > LOAD_MARGIN * (high_w - low_w)


def warm_words(range_c: tuple[float, float] | None, mean_c: float | None) -> str:
    """The same of a temperature, where both are known; nobody knows by how much it moves a meter."""
    if range_c is None or mean_c is None or beyond_w(*range_c, mean_c) <= TEMPERATURE_MARGIN_C:
        return ""
    return f"{mean_c:.0f} °C, calibrated from {range_c[0]:.0f} to {range_c[1]:.0f} °C"


def outside_words(low_w: float, high_w: float, mean_w: float, hours: float) -> str:
    """What is outside, for a flag; empty if nothing worth one is."""
    parts = []
    if is_extrapolation(low_w, high_w, mean_w):
        parts.append(f"{mean_w:.4g} W, calibrated from {low_w:.4g} to {high_w:.4g} W")
    if hours == math.inf:
        parts.append("at a time that is not known")
    elif hours > FLAGGED_HOURS:
        parts.append(f"{hours / 24:.0f} days from its time")
    return "; ".join(parts)
