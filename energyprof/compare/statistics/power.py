"""What so many runs can tell: the increase that they detect, and how many it takes to pass a limit."""

from __future__ import annotations

import math

from energyprof.compare.statistics.intervals import ALPHA, Difference, joint_dof
from energyprof.compare.statistics.student import t_quantile

POWER = 0.80  # with which a minimum detectable effect is detected (Cohen 1988, section 2.4)


# No training is repeated more often than this; a search for a number of runs gives up here.
MOST_RUNS = 10_000


def detectable(
    change: Difference, alpha: float = ALPHA, power: float = POWER, margin: float = 0.0
) -> float | None:
    """The increase that fails a limit of ``margin`` with ``power`` at these runs' scatter; None: none does.

    To fail, the increase must be beyond chance and its estimate beyond the margin: the estimate must exceed
    the larger of t_alpha · se and log(1 + margin), which an increase larger than that by t_power · se does.
    Both quantiles are Student's (Bloom 1995, Evaluation Review 19).
    """
    if change.se is None or alpha < change.least_p:
        return None
    if change.dof is None:
        return margin
    least = max(t_quantile(1 - alpha, change.dof) * change.se, math.log1p(margin))
    return _expm1(least + t_quantile(power, change.dof) * change.se)


def runs_needed(change: Difference, margin: float, alpha: float = ALPHA, power: float = POWER) -> int | None:
    """Runs a side (or pairs) with which unchanged work passes a limit of ``margin`` with ``power``.

    Its half-width and the estimate's own scatter then fit below log(1 + margin). None: there is no spread,
    or it would take more than `MOST_RUNS`.
    """
    unit_sd, dof_per_run = change.unit_sd, change.dof_per_run
    if unit_sd is None or alpha < change.least_p:
        return None
    if dof_per_run is None:
        return 2

    def enough(n: int) -> bool:
        own_sd = unit_sd / math.sqrt(n)
        dof = dof_per_run * (n - 1)
        if change.floor_dof is not None:
            dof = joint_dof(((own_sd, dof), (change.floor_sd, change.floor_dof))) or dof
        spread = t_quantile(1 - alpha, dof) + t_quantile(power, dof)
        return spread * math.hypot(own_sd, change.floor_sd) <= math.log1p(margin)

    if not enough(MOST_RUNS):
        return None
    low, high = 1, MOST_RUNS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _expm1(log_ratio: float) -> float | None:
    # Beyond this a ratio does not fit a float, and means no more than "any": few runs, wildly apart.
    return math.expm1(log_ratio) if log_ratio < 700 else None
