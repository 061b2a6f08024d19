"""How a run stands while it goes on, out of the same segments as the report's numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from energyprof.meter import MeterInfo, Origin, joint_origin
from energyprof.report.phases import OVER, PART, counts
from energyprof.report.record import MeterRecord
from energyprof.report.segments.segment import Segment, now_for_s
from energyprof.report.segments.segmenter import segmenter
from energyprof.storable.frozen import dataclass
from energyprof.trace.rows import Sample
from energyprof.workload import AWAY


@dataclass(frozen=True)
class Snapshot:
    """One moment of a run. ``None``: not known (yet)."""

    run: int  # from 0
    runs: int
    seed: int | None
    phase: str
    time_s: float  # since the run's zero
    train_s: float | None  # since training began
    samples: int | None
    score: float | None
    watts: float | None  # now, over the counted meters; not known where one of them does not tell
    joules: float | None  # since training began
    origin: Origin
    actor: str = ""  # whose phase it is
    round: int = 0  # the last that is over
    clients: int = 0  # that had a part in it
    moved_bytes: int = 0  # between clients and server so far


class Live:
    """Takes readings and events as they come and tells how things stand."""

    def __init__(self, run: int, runs: int, seed: int | None, meters: Sequence[MeterRecord]) -> None:
        self._run, self._runs, self._seed = run, runs, seed
        self._meters = meters
        self._segmenters = [segmenter(m.info, m.interval_s) for m in meters]
        self._watts: list[float | None] = [None for _ in meters]
        self._read_s = [-math.inf for _ in meters]  # when each last told of its power
        self._joules = 0.0
        self._train_start_s: float | None = None
        self._over_since_s: float | None = None
        self._phase, self._actor = "idle", ""
        self._round, self._clients, self._moved_bytes = 0, 0, 0
        self._taking_part = 0
        self._samples: int | None = None
        self._score: float | None = None
        self.problem = ""  # what ended the display of powers and joules; "": it goes on

    def sample(self, meter: int, sample: Sample) -> None:
        """Take one reading. Whatever is wrong with it, what is shown ends, never what is measured."""
        if self.problem:
            return
        try:
            self._sample(meter, sample)
        except Exception as error:  # noqa: BLE001 - the run goes on, whatever its display meets
            self.problem = f"{self._meters[meter].name}: {type(error).__name__}: {error}"
            self._watts = [None for _ in self._meters]

    def _sample(self, meter: int, sample: Sample) -> None:
        info = self._meters[meter].info
        if info.reads == "power_w" and sample.value is not None and info.is_reading(sample.value):
            self._read_s[meter] = sample.end_s
        for segment in self._segmenters[meter].push(sample):
            self._watts[meter] = info.corrected_j(segment.end_w, 1.0) if segment.seen else None
            if segment.seen:
                self._read_s[meter] = max(self._read_s[meter], segment.end_s)
            if self._meters[meter].counted and self._over_since_s is None:
                self._count(info, segment)

    def _count(self, info: MeterInfo, segment: Segment) -> None:
        """Add what of a segment lies in the training; time that was not seen is taken for what reports do."""
        start_s = self._train_start_s
        if start_s is not None and segment.end_s > start_s:
            from_s = max(segment.start_s, start_s)
            joules = segment.joules - segment.joules_until(from_s)
            self._joules += info.corrected_j(joules, segment.end_s - from_s)

    def phase(self, time_s: float, name: str, actor: str = "") -> None:
        """A phase began."""
        if name == AWAY:
            return
        self._phase, self._actor = name, actor
        if counts(name):
            self._over_since_s = None
            if self._train_start_s is None:
                self._train_start_s = time_s
        elif self._over_since_s is None and (name.startswith(PART) or name in OVER):
            self._over_since_s = time_s

    def progress(self, samples: int, score: float | None) -> None:
        """The training went on."""
        self._samples = samples
        self._score = score if score is not None else self._score

    def exchange(self, bytes_up: int, bytes_down: int) -> None:
        """A client has done its part of a round."""
        self._taking_part += 1
        self._moved_bytes += bytes_up + bytes_down

    def round_over(self, number: int) -> None:
        """A round is over."""
        self._round, self._clients, self._taking_part = number, self._taking_part, 0

    def snapshot(self, time_s: float) -> Snapshot:
        """How things stand at ``time_s``."""
        over_s = time_s if self._over_since_s is None else min(time_s, self._over_since_s)
        started = self._train_start_s
        return Snapshot(
            self._run,
            self._runs,
            self._seed,
            self._phase,
            time_s,
            None if started is None else max(0.0, over_s - started),
            self._samples,
            self._score,
            self._now_w(time_s),
            self._joules if started is not None and self._now_w(over_s) is not None else None,
            joint_origin(m.origin for m in self._meters if m.counted),
            self._actor,
            self._round,
            self._clients,
            self._moved_bytes,
        )

    def _now_w(self, time_s: float) -> float | None:
        """The power of the counted meters; ``None``: there is none, or one never told, or no longer does."""
        total_w = None
        for of, read_s, watts in zip(self._meters, self._read_s, self._watts, strict=True):
            if of.counted:
                if watts is None or time_s - read_s > now_for_s(of.info, of.interval_s):
                    return None
                total_w = (total_w or 0.0) + watts
        return total_w
