"""Windows of a recording in which all of some meters were read and the load kept its level."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from statistics import fmean

from energyprof.compare.recording import Recording
from energyprof.errors import UsageError
from energyprof.meter import MeterInfo
from energyprof.report.energy import MIN_COVERAGE, SHORT_REFRESHES, MeterEnergy
from energyprof.report.integrator import Integrator
from energyprof.report.record import MeterRecord
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Row

# Windows are at least this long, and at least 20 updates of the slowest meter.
WINDOW_S = 10.0
# The load keeps its level in a window if its quarters, and the one before them, differ by no more than this
# share of the whole spread: plugs lag by a second or more, which looks like a gain where the load steps.
PARTS = 4
LEVEL = 0.05
# Of the time between first and last reading; parts with a gap are left out.
LEAST_COVERAGE = 0.95


@dataclass(frozen=True)
class Part:
    """A quarter of a window: the energies of the meters, in their order."""

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


def window_length_s(meters: Sequence[MeterRecord], asked_s: float | None) -> float:
    """Raises UsageError if the window asked for is too short."""
    slowest = max(meters, key=renewal_s)
    least_s = SHORT_REFRESHES * renewal_s(slowest)
    if asked_s is None:
        return max(WINDOW_S, least_s)
    if not (math.isfinite(asked_s) and asked_s >= least_s and asked_s > 0):
        raise UsageError(
            f"--window {asked_s:g}: {slowest.name} has a new value every {renewal_s(slowest):.3g} s, and "
            f"{SHORT_REFRESHES} of them are needed: give {least_s:.3g} or more"
        )
    return asked_s


def renewal_s(meter: MeterRecord) -> float:
    """How long one value of the meter stands in a trace."""
    return max(meter.info.refresh_s, meter.interval_s)


def raw(info: MeterInfo) -> MeterInfo:
    """The meter as it reads."""
    return replace(info, calibration=None)


def parts_of(
    recording: Recording, meters: Sequence[MeterRecord], infos: Sequence[MeterInfo], part_s: float
) -> dict[int, list[Part]]:
    """The energies of ``meters`` part by part, for each run in which all of them were read.

    ``infos``: what each of them is taken to be, in their order: with or without its calibration.

    Raises:
        UsageError: a meter covers less than ``LEAST_COVERAGE`` of the time.
    """
    found: dict[int, list[Part]] = {}
    spans = _spans(recording.rows(), meters)
    for run, rows in itertools.groupby(recording.rows(), key=lambda row: row.run):
        if run in spans:
            found[run] = _parts(rows, meters, infos, *spans[run], part_s)
    parts = [part for run in found.values() for part in run]
    for i, meter in enumerate(meters):
        coverage = fmean(part.energies[i].coverage for part in parts) if parts else 1.0
        if coverage < LEAST_COVERAGE:
            raise UsageError(
                f"{meter.name} covers {100 * coverage:.1f} % of the time, {100 * LEAST_COVERAGE:.0f} % is "
                "needed: record again"
            )
    return found


def steady(
    parts: Sequence[Part], load_j: Callable[[Part], float], swing_j: float
) -> Iterator[Sequence[Part]]:
    """Each ``PARTS`` parts in a row whose loads, with the one before, differ by ``swing_j`` at most."""
    at = 1
    while at + PARTS <= len(parts):
        seen = parts[at - 1 : at + PARTS]
        loads_j = [load_j(part) for part in seen if part.complete]
        if len(loads_j) == len(seen) and max(loads_j) - min(loads_j) <= swing_j:
            yield seen[1:]
            at += PARTS
        else:
            at += 1


def swing(parts: Iterable[Part], load_j: Callable[[Part], float]) -> float:
    """How far the load may move within a window, in J a part."""
    loads_j = [load_j(part) for part in parts if part.complete]
    return LEVEL * (max(loads_j) - min(loads_j)) if loads_j else 0.0


def _spans(rows: Iterable[Row], meters: Sequence[MeterRecord]) -> dict[int, tuple[float, float]]:
    """The time span in which all meters were read, for each run that has them all."""
    seen: dict[tuple[int, str], tuple[float, float]] = {}
    runs: dict[int, None] = {}
    names = {meter.name for meter in meters}
    for row in rows:
        runs[row.run] = None
        if row.source in names and row.sample.value is not None:
            first_s, _ = seen.get((row.run, row.source), (row.sample.end_s, 0.0))
            seen[row.run, row.source] = (first_s, row.sample.start_s)
    spans = {}
    for run in runs:
        if all((run, meter.name) in seen for meter in meters):
            # A reading stands for the time shortly before it.
            margins = [(seen[run, m.name], 2 * renewal_s(m) + m.info.window_s) for m in meters]
            start_s = max(first_s + margin_s for (first_s, _), margin_s in margins)
            spans[run] = (start_s, min(last_s - margin_s for (_, last_s), margin_s in margins))
    return spans


def _parts(
    rows: Iterable[Row],
    meters: Sequence[MeterRecord],
    infos: Sequence[MeterInfo],
    start_s: float,
    end_s: float,
    part_s: float,
) -> list[Part]:
    count = max(0, math.floor((end_s - start_s) / part_s))
    edges = list(itertools.pairwise(start_s + i * part_s for i in range(count + 1)))
    integrators = {
        m.name: Integrator(info, m.interval_s, edges) for m, info in zip(meters, infos, strict=True)
    }
    for row in rows:
        if row.source in integrators:
            integrators[row.source].push(row.sample)
    energies = zip(*(integrators[meter.name].finish() for meter in meters), strict=True)
    return [Part(at_s, found) for (at_s, _), found in zip(edges, energies, strict=True)]
