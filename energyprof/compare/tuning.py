"""Which value of a lever takes least joules a sample under a bound, from windows in interleaved blocks.

Machine levers change what a sample takes, not how many samples the target takes: so the joules to the target
are those of a sample times the samples. All intervals of one figure hold together (``effects.py``), so they
hold for the value that comes out best as well, however many were tried.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, geometric_mean
from typing import Literal

from energyprof.compare.effects import LEVEL, ByBlock, Effect, effects, residual
from energyprof.compare.levers import NEAR
from energyprof.compare.scan import Scanned
from energyprof.compare.statistics.student import t_quantile
from energyprof.compare.zeus import ZeusPick, zeus_pick
from energyprof.report.record import Report
from energyprof.storable.frozen import dataclass

Standing = Literal["within", "beyond", "unclear"]


@dataclass(frozen=True)
class Bound:
    """What a value may cost; ``None``: anything."""

    slowdown: float | None = None  # share of the time a sample, against the value that was found
    power_w: float | None = None  # mean power while training


@dataclass(frozen=True)
class TunedValue:
    """One value over its blocks."""

    value: str
    amount: float | None  # in W or Hz
    n: int  # blocks
    sample_j: float
    sample_s: float
    power_w: float
    energy: Effect | None  # on the joules a sample, against what was found; None: it is that
    time: Effect | None
    standing: Standing  # to the bound


@dataclass(frozen=True)
class Tuned:
    """What a scan says."""

    lever: str
    bound: Bound
    values: tuple[TunedValue, ...]  # what was found first, then from the most joules to the least
    best: TunedValue | None  # of those surely within the bound; None: none is
    zeus: ZeusPick | None  # None: its rules are for limits, of which this lever has none
    samples: float | None  # to the target; None: no run reached it
    unmeasured: int
    origin: str  # of the joules

    @property
    def base(self) -> TunedValue:
        """What was found."""
        return self.values[0]

    @property
    def unbound(self) -> tuple[TunedValue, ...]:
        """Limits of power that changed nothing: all counted meters together drew less."""
        if not self.lever.partition(":")[0].endswith(".power_limit"):
            return ()
        return tuple(row for row in self.values if row.amount and row.power_w < NEAR * row.amount)

    @property
    def saves(self) -> bool:
        """Whether the best value surely takes less than what was found."""
        effect = self.best.energy if self.best is not None else None
        return effect is not None and effect.sure and effect.ratio < 1


def tuned(scanned: Scanned, bound: Bound, samples: float | None, origin: str = "measured") -> Tuned | None:
    """What the windows say; ``None``: none of what was found has been measured."""
    order = scanned.values
    energy, time, power = (_by_value(scanned, order, of) for of in ("energy", "time", "power"))
    if not energy[0]:
        return None
    pairs = zip(effects(energy[0], energy[1:]), effects(time[0], time[1:]), strict=True)
    both: list[tuple[Effect | None, Effect | None]] = [(None, None), *pairs]
    amounts = {window.value: window.amount for window in scanned.windows}
    most_w = _upper(power)
    rows = [
        TunedValue(
            value,
            amounts.get(value),
            len(energy[i]),
            geometric_mean(energy[i].values()),
            geometric_mean(time[i].values()),
            geometric_mean(power[i].values()),
            *both[i],
            _standing(bound, both[i][1], i == 0, fmean(power[i].values()), most_w[i]),
        )
        for i, value in enumerate(order)
        if energy[i]
    ]
    within = [row for row in rows if row.standing == "within"]
    return Tuned(
        scanned.lever,
        bound,
        (rows[0], *sorted(rows[1:], key=lambda row: -row.sample_j)),
        min(within, key=lambda row: row.sample_j, default=None),
        zeus_pick(
            [(row.value, row.amount, row.sample_j, row.sample_s) for row in rows],
            scanned.lever,
            bound.slowdown,
        ),
        samples,
        scanned.unmeasured,
        origin,
    )


def samples_to_target(report: Report) -> float | None:
    """The mean over the runs that reached it; ``None``: none did."""
    counts = [run.samples for run in report.runs if run.status == "reached" and run.samples]
    return fmean(counts) if counts else None


def _by_value(scanned: Scanned, order: Sequence[str], of: str) -> list[ByBlock]:
    found: Mapping[str, dict[int, float]] = {value: {} for value in order}
    for w in scanned.windows:
        amounts = {
            "energy": w.energy_j / w.samples,
            "time": w.time_s / w.samples,
            "power": w.energy_j / w.time_s,
        }
        if amounts[of] > 0:
            found[w.value][w.block] = amounts[of]
    return list(found.values())


def _upper(powers: Sequence[ByBlock]) -> list[float | None]:
    """The upper ends of the powers' simultaneous intervals; ``None``: nothing tells the scatter."""
    found = residual(powers)
    if found is None:
        return [None] * len(powers)
    sd, dof = found
    half = t_quantile(1 - LEVEL / 2 / len(powers), dof) * sd
    return [
        geometric_mean(blocks.values()) * math.exp(half / math.sqrt(len(blocks))) if blocks else None
        for blocks in powers
    ]


def _standing(
    bound: Bound, time: Effect | None, is_base: bool, power_w: float, most_w: float | None
) -> Standing:
    kept: list[Standing] = []
    if bound.slowdown is not None and not is_base:
        most = 1 + bound.slowdown
        low, high = (time.low, time.high) if time is not None else (None, None)
        if low is None or high is None:
            kept.append("unclear")
        else:
            kept.append("within" if high <= most else "beyond" if low > most else "unclear")
    if bound.power_w is not None:
        sure = most_w is not None and most_w <= bound.power_w
        kept.append("within" if sure else "beyond" if power_w > bound.power_w else "unclear")
    return next((standing for standing in ("beyond", "unclear") if standing in kept), "within")
