"""A meter and a better one in one recording, and their mean powers window by window."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from energyprof.errors import UsageError
from energyprof.measure.calibration import Efficiency
from energyprof.meter import BOUNDARIES, WHOLES
from energyprof.report.energy import MIN_COVERAGE, SHORT_REFRESHES, Integrator, MeterEnergy
from energyprof.report.record import MeterRecord, Report
from energyprof.report.uncertainty import SCALE, ZERO
from energyprof.trace.file import read_rows
from energyprof.trace.rows import Row

# Windows are at least this long, and at least 20 updates of the slower meter.
WINDOW_S = 10.0
# The load keeps its level in a window if its quarters, and the one before them, differ by no more than this
# share of the whole spread: plugs lag by a second or more, which looks like a gain where the load steps.
PARTS = 4
LEVEL = 0.05


@dataclass(frozen=True)
class CalibrationRequest:
    """Which meter to compare with which, and how."""

    meter: str
    reference: str
    efficiency: Efficiency | None
    window_s: float | None  # None: as long as the slower meter needs


@dataclass(frozen=True)
class Pair:
    """The two meters, and those whose power is subtracted from the reference's."""

    meter: MeterRecord
    reference: MeterRecord
    others: tuple[MeterRecord, ...]

    @property
    def wider(self) -> bool:
        """Whether the reference reads more than the meter does."""
        return self.reference.boundary != self.meter.boundary

    @property
    def all(self) -> tuple[MeterRecord, ...]:
        """Meter, reference and the others, in this order."""
        return (self.meter, self.reference, *self.others)


@dataclass(frozen=True)
class Powers:
    """The mean powers in one window."""

    run: int
    start_s: float
    meter_w: float
    meter_u_w: float  # standard, without gain and zero
    reference_w: float
    others_w: tuple[float, ...]


@dataclass(frozen=True)
class _Part:
    """A quarter of a window: the energies of meter, reference and the others."""

    start_s: float
    energies: tuple[MeterEnergy, ...]

    @property
    def complete(self) -> bool:
        """Whether every meter covers it."""
        return all(e.joules is not None and e.coverage >= MIN_COVERAGE for e in self.energies)

    @property
    def joules(self) -> list[float]:
        """What each meter says; only for a part that is complete."""
        return [energy.joules for energy in self.energies if energy.joules is not None]


def pair_of(report: Report, asked: CalibrationRequest, path: Path) -> Pair:
    """The two meters, if one can tell something about the other.

    Raises:
        UsageError: it cannot, and why.
    """
    there = {meter.name: meter for meter in report.meters}
    for name in (asked.meter, asked.reference):
        if name not in there:
            raise UsageError(f"{path}: it has no meter {name}; it has {', '.join(there) or 'none'}")
    meter, reference = there[asked.meter], there[asked.reference]
    if meter is reference:
        raise UsageError(f"--reference {reference.name}: is the meter itself; name a better one")
    for model in (meter, reference):
        if model.origin != "measured":
            raise UsageError(f"{model.name} is a model, not a meter: nothing to calibrate")
    within = BOUNDARIES.index(reference.boundary) - BOUNDARIES.index(meter.boundary)
    if within < 0:
        raise UsageError(
            f"{reference.name} ({reference.boundary}) covers less than {meter.name} ({meter.boundary}): "
            "a reference must read the same power, or more"
        )
    if within == 0:
        _check_same(meter, reference, asked.efficiency)
    elif reference.boundary == "wall_ac" and asked.efficiency is None:
        raise UsageError(
            f"{reference.name} reads before the power supply, {meter.name} after it: it loses 4 to 15 %, "
            "and guessing that is guessing the gain; give --efficiency from its data sheet, such as 0.94±0.01"
        )
    return Pair(meter, reference, _others(report, meter) if within else ())


def _check_same(meter: MeterRecord, reference: MeterRecord, efficiency: Efficiency | None) -> None:
    """Raises UsageError if two meters of one boundary do not read the same joules."""
    both = f"{meter.name} reads the {meter.part}, {reference.name} the {reference.part}"
    if meter.part != reference.part:
        raise UsageError(f"{both}: these are not the same joules")
    cross_checks = meter.info.checks == reference.name or reference.info.checks == meter.name
    if meter.info.kind == reference.info.kind and meter.part != "machine" and not cross_checks:
        raise UsageError(f"{meter.name} and {reference.name} read two devices, not the same joules")
    if efficiency is not None:
        raise UsageError(f"--efficiency: no power supply lies between {meter.name} and {reference.name}")


def _others(report: Report, meter: MeterRecord) -> tuple[MeterRecord, ...]:
    """What else on the chips was measured: the first kind of meter for each part, each joule once."""
    if meter.boundary != "component" or meter.part in WHOLES:
        return ()
    kinds: dict[str, str] = {meter.part: meter.info.kind}
    others = []
    for other in report.meters:
        skipped = other is meter or other.origin != "measured" or other.info.checks or other.part in WHOLES
        if skipped or other.boundary != "component":
            continue
        if kinds.setdefault(other.part, other.info.kind) == other.info.kind:
            others.append(other)
    return tuple(others)


def window_length_s(pair: Pair, asked_s: float | None) -> float:
    """Raises UsageError if the window asked for is too short."""
    slowest = max(pair.all, key=_renewal_s)
    least_s = SHORT_REFRESHES * _renewal_s(slowest)
    if asked_s is None:
        return max(WINDOW_S, least_s)
    if not (math.isfinite(asked_s) and asked_s >= least_s and asked_s > 0):
        raise UsageError(
            f"--window {asked_s:g}: {slowest.name} has a new value every {_renewal_s(slowest):.3g} s, and "
            f"{SHORT_REFRESHES} of them are needed: give {least_s:.3g} or more"
        )
    return asked_s


def _renewal_s(meter: MeterRecord) -> float:
    return max(meter.info.refresh_s, meter.interval_s)


def powers_of(trace: Path, pair: Pair, window_s: float) -> list[Powers]:
    """The mean powers in windows of ``window_s`` in which all were read and the load was steady.

    Raises:
        UsageError: a meter covers less than 99 % of the time.
    """
    part_s = window_s / PARTS
    spans = _spans(read_rows(trace), pair)
    runs: dict[int, list[_Part]] = {}
    for run, rows in itertools.groupby(read_rows(trace), key=lambda row: row.run):
        if run in spans:
            runs[run] = _parts(rows, pair, *spans[run], part_s)
    parts = [part for found in runs.values() for part in found]
    for i, meter in enumerate(pair.all):
        coverage = fmean(part.energies[i].coverage for part in parts) if parts else 1.0
        if coverage < MIN_COVERAGE:
            raise UsageError(
                f"{meter.name} covers {100 * coverage:.1f} % of the time, {100 * MIN_COVERAGE:.0f} % is "
                "needed: record again"
            )
    meter_j = [part.joules[0] for part in parts if part.complete]
    swing_j = LEVEL * (max(meter_j) - min(meter_j)) if meter_j else 0.0
    return [
        _powers(run, window, window_s) for run, found in runs.items() for window in _steady(found, swing_j)
    ]


def _steady(parts: Sequence[_Part], swing_j: float) -> Iterator[Sequence[_Part]]:
    """Each run of ``PARTS`` parts that, with the one before, differ by no more than ``swing_j``."""
    at = 1
    while at + PARTS <= len(parts):
        seen = parts[at - 1 : at + PARTS]
        meter_j = [part.joules[0] for part in seen if part.complete]
        if len(meter_j) == len(seen) and max(meter_j) - min(meter_j) <= swing_j:
            yield seen[1:]
            at += PARTS
        else:
            at += 1


def _spans(rows: Iterable[Row], pair: Pair) -> dict[int, tuple[float, float]]:
    """The time span in which all meters were read, for each run that has them all."""
    seen: dict[tuple[int, str], tuple[float, float]] = {}
    runs: dict[int, None] = {}
    names = {meter.name for meter in pair.all}
    for row in rows:
        runs[row.run] = None
        if row.source in names and row.sample.value is not None:
            first_s, _ = seen.get((row.run, row.source), (row.sample.end_s, 0.0))
            seen[row.run, row.source] = (first_s, row.sample.start_s)
    spans = {}
    for run in runs:
        if all((run, meter.name) in seen for meter in pair.all):
            # A reading stands for the time shortly before it.
            margins = [(seen[run, m.name], 2 * _renewal_s(m) + m.info.window_s) for m in pair.all]
            start_s = max(first_s + margin_s for (first_s, _), margin_s in margins)
            spans[run] = (start_s, min(last_s - margin_s for (_, last_s), margin_s in margins))
    return spans


def _parts(rows: Iterable[Row], pair: Pair, start_s: float, end_s: float, part_s: float) -> list[_Part]:
    """Each meter's energies in each part of one run, as it reads, without a calibration."""
    count = max(0, math.floor((end_s - start_s) / part_s))
    parts = list(itertools.pairwise(start_s + i * part_s for i in range(count + 1)))
    integrators = {m.name: Integrator(m.info, m.interval_s, parts) for m in pair.all}
    raw = replace(pair.meter.info, calibration=None)
    integrators[raw.name] = Integrator(raw, pair.meter.interval_s, parts)
    for row in rows:
        if row.source in integrators:
            integrators[row.source].push(row.sample)
    energies = zip(*(integrators[meter.name].finish() for meter in pair.all), strict=True)
    return [_Part(at_s, found) for (at_s, _), found in zip(parts, energies, strict=True)]


def _powers(run: int, window: Sequence[_Part], window_s: float) -> Powers:
    meter_w, reference_w, *others_w = (
        math.fsum(joules) / window_s for joules in zip(*(part.joules for part in window), strict=True)
    )
    own_j = [
        u_j
        for part in window
        for term, u_j in part.energies[0].terms_j.items()
        if term not in (*SCALE, *ZERO)
    ]
    u_w = math.hypot(*own_j) / window_s
    return Powers(run, window[0].start_s, meter_w, u_w, reference_w, tuple(others_w))
