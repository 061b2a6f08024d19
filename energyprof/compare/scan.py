"""What each value of a lever took, from the trace of a training in which it was turned.

A window begins when the lever was turned, and what settles is dropped. Of the rest those stretches count that
lie between two of the program's own counts of samples within one phase ``train``: evaluations do not.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

from energyprof.errors import UsageError
from energyprof.report.energy import MIN_COVERAGE, MeterEnergy
from energyprof.report.integrator import Integrator
from energyprof.report.record import MeterRecord
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Row

TRAIN = "train"


@dataclass(frozen=True)
class ScanWindow:
    """One value in one block."""

    run: int
    block: int
    value: str
    amount: float | None  # in W or Hz; None: it is no amount
    samples: int
    time_s: float
    energy_j: float


@dataclass(frozen=True)
class Scanned:
    """All windows of a report."""

    lever: str
    values: tuple[str, ...]  # that were tried; the first is what was found
    settle_s: float
    window_s: float
    windows: tuple[ScanWindow, ...]
    unmeasured: int  # windows that the meters did not see whole

    def whole_blocks(self) -> int:
        """Blocks in which every value was measured."""
        by_block: dict[int, set[str]] = {}
        for window in self.windows:
            by_block.setdefault(window.block, set()).add(window.value)
        return sum(found >= set(self.values) for found in by_block.values())


@dataclass
class _Window:
    """A window while its run is read; ``None``: nothing counted yet."""

    block: int
    value: str
    amount: float | None
    start_s: float
    stretches: list[tuple[float, float]] = field(default_factory=list)
    samples: int = 0

    def count(self, start_s: float, end_s: float, samples: int) -> None:
        """Add a stretch; one that follows on the last makes it longer."""
        self.samples += samples
        if self.stretches and self.stretches[-1][1] == start_s:
            start_s = self.stretches.pop()[0]
        self.stretches.append((start_s, end_s))


@dataclass
class _Events:
    scan: Mapping[str, Any] | None = None
    windows: list[_Window] = field(default_factory=list)
    ended_s: float = math.inf
    counts: list[tuple[float, int, str]] = field(default_factory=list)  # time, samples, phase from then on


def scanned_windows(
    rows: Iterable[Row], again: Iterable[Row], meters: Sequence[MeterRecord], where: str
) -> Scanned:
    """The windows of all runs; ``rows`` and ``again`` are the same rows, in order of time run by run.

    Raises:
        UsageError: no lever was scanned in them.
    """
    by_run = {run: _events(of_run) for run, of_run in itertools.groupby(rows, key=lambda row: row.run)}
    told = next((events.scan for events in by_run.values() if events.scan is not None), None)
    if told is None:
        raise UsageError(f"{where}: no lever was scanned in its runs: make one with energyprof tune")
    counted = [meter for meter in meters if meter.counted]
    found: list[ScanWindow] = []
    tried = 0
    for run, of_run in itertools.groupby(again, key=lambda row: row.run):
        events = by_run[run]
        tried += len(events.windows)
        found += _measured(run, of_run, events.windows, counted)
    head = str(told["lever"]), tuple(told["values"]), float(told["settle_s"]), float(told["window_s"])
    return Scanned(*head, tuple(found), tried - len(found))


def _events(rows: Iterable[Row]) -> _Events:
    """What one run's events tell, its windows with the stretches that count."""
    events, phase = _Events(), ""
    for row in rows:
        fields, at_s = row.fields, row.sample.end_s
        if row.source == "@scan":
            events.scan = fields
        elif row.source == "@turn":
            _turned(events, fields, at_s)
        elif row.source in ("@exit", "@interrupt"):
            events.ended_s = min(events.ended_s, at_s)
        elif (
            row.source in ("@phase", "@progress")
            and fields.get("process", 1) == 1
            and not fields.get("actor")
        ):
            phase = str(fields["name"]) if row.source == "@phase" else phase
            events.counts.append((at_s, -1 if fields["samples"] is None else int(fields["samples"]), phase))
    settle_s = 0.0 if events.scan is None else float(events.scan["settle_s"])
    events.counts.sort(key=lambda count: count[0])
    for window, end_s in zip(events.windows, _ends(events), strict=True):
        for (start_s, before, phase), (stop_s, after, _) in itertools.pairwise(events.counts):
            known = phase == TRAIN and 0 <= before < after
            if known and start_s >= window.start_s + settle_s and stop_s <= end_s:
                window.count(start_s, stop_s, after - before)
    events.windows = [window for window in events.windows if window.samples and window.value]
    return events


def _turned(events: _Events, fields: Mapping[str, Any], at_s: float) -> None:
    amount = fields["amount"]
    number = float(amount) if isinstance(amount, (int, float)) else None
    events.windows.append(_Window(fields["block"], fields["value"], number, at_s))


def _ends(events: _Events) -> list[float]:
    """When each window ends: with the next turn, or the run's end."""
    return [*(window.start_s for window in events.windows[1:]), *([events.ended_s] if events.windows else [])]


def _measured(
    run: int, rows: Iterable[Row], windows: Sequence[_Window], meters: Sequence[MeterRecord]
) -> Iterable[ScanWindow]:
    """The windows with their energy, those that every meter saw whole."""
    stretches = [stretch for window in windows for stretch in window.stretches]
    integrators = {m.name: Integrator(m.info, m.interval_s, stretches) for m in meters}
    for row in rows:
        if row.source in integrators:
            integrators[row.source].push(row.sample)
    if not stretches or not integrators:
        return
    each = zip(*(integrator.finish() for integrator in integrators.values()), strict=True)
    for window in windows:
        energies = [
            energy for _, of_meters in zip(window.stretches, each, strict=False) for energy in of_meters
        ]
        time_s = math.fsum(end_s - start_s for start_s, end_s in window.stretches)
        joules = _joules(energies)
        if joules is not None:
            head = (run, window.block, window.value, window.amount)
            yield ScanWindow(*head, window.samples, time_s, joules)


def _joules(energies: Sequence[MeterEnergy]) -> float | None:
    known = [
        energy.joules for energy in energies if energy.coverage >= MIN_COVERAGE and energy.joules is not None
    ]
    return math.fsum(known) if known and len(known) == len(energies) else None
