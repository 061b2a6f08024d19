"""One run's way into the trace."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from energyprof.errors import MeterError
from energyprof.measure.sampler import Sampler
from energyprof.meter import ExternalLog
from energyprof.profile.clock_watch import ClockWatch
from energyprof.profile.live import Live, Snapshot
from energyprof.profile.speakers import Speakers
from energyprof.profile.training import Training
from energyprof.report.energy import Energy
from energyprof.report.record import MeterRecord
from energyprof.report.so_far import Key, SoFar, Until
from energyprof.trace.rows import Row, Sample
from energyprof.trace.writer import TraceWriter
from energyprof.units import utc
from energyprof.wire.listener import Message


class Recorder:
    """One run's way into the trace: everything that happens, with the time since the run's zero."""

    def __init__(
        self, trace: TraceWriter, run: int, runs: int, training: Training, meters: Sequence[MeterRecord]
    ) -> None:
        self.training = training
        self.last_facts: Callable[[], Mapping[str, Any]] = dict  # asked for when all is over
        self.live = Live(run, runs, training.seed, meters)
        self._clocks = ClockWatch(self.event)
        self.zero_s = self._clocks.zero.monotonic_s
        self._trace, self._run, self._meters = trace, run, meters
        self._lock = threading.Lock()
        self._speakers = Speakers()
        self._so_far: SoFar | None = None
        self._started_s = 0.0  # when the program began
        began = {"monotonic_s": self.zero_s, "utc": utc(self._clocks.zero.utc_s)}
        self.event("run", {"seed": training.seed, **began})
        self._clocks.begin()

    def event(self, name: str, fields: Mapping[str, Any], at_s: float | None = None) -> None:
        """Record an event that happened now, or at ``at_s`` on the monotonic clock."""
        time_s = (time.monotonic() if at_s is None else at_s) - self.zero_s
        with self._lock:
            self._trace.event(self._run, name, time_s, fields)
            if name == "phase":
                self.live.phase(time_s, fields["name"], fields.get("actor", ""))
            elif name == "exchange":
                self.live.exchange(fields["bytes_up"], fields["bytes_down"])
            elif name == "round":
                self.live.round_over(fields["round"])
            elif name == "progress":
                self.live.progress(fields["samples"], fields["score"])

    def hear(self, message: Message) -> bool:
        """Record what a process of the training said, and who that is; whether the program spoke."""
        number, role, changed = self._speakers.hear(message.sender, message.rank)
        for part in changed:
            self.event("speaker", part._asdict(), at_s=message.time_s)
        fields = message.fields if number == 1 else {**message.fields, "process": number}
        if message.event in ("window", "close"):
            self._window(message)
        if role == "program":
            self.event(message.event, fields, at_s=message.time_s)
            return True
        with self._lock:  # not shown: it is not known yet whether it counts
            self._trace.event(self._run, message.event, message.time_s - self.zero_s, fields)
        return False

    def phase(self, name: str) -> None:
        """Write down that a phase of the profiler's own begins now."""
        self.event("phase", {"name": name, "samples": None})

    def start(self) -> None:
        """Write down that the training's process starts now, in its first phase."""
        started_s = time.monotonic()
        self._started_s = started_s - self.zero_s
        first = {"name": self.training.first_phase, "samples": None}
        unmarked = {"unmarked": self.training.unmarked} if self.training.unmarked else {}
        self.event("phase", {**first, **unmarked}, at_s=started_s)
        self.event("cpu", {"cpu_s": 0.0}, at_s=started_s)
        self.event("started", {})
        if self.training.processes > 1:
            self.event("facts", {"facts": {"processes": self.training.processes}})

    def take(self, sampler: Sampler) -> None:
        """Record what the sampler read and where the clocks stand, and flush it to disk."""
        self._clocks.look()
        with self._lock:
            self._drain(sampler)
            self._trace.flush()

    def energy(self, window: Key | None, until: Until, sampler: Sampler) -> tuple[Energy, float] | None:
        """The energy of a window, or of all, and its time in s; ``None``: still to come, or forgotten."""
        with self._lock:
            self._drain(sampler)
            so_far = self._summed()
            return so_far.until_now() if window is None else so_far.of_window(window, until)

    @contextlib.contextmanager
    def still(self, sampler: Sampler) -> Iterator[Callable[[], Iterable[Row]]]:
        """The run's rows until now, as often as they are called for; nothing is added meanwhile."""
        with self._lock:
            self._drain(sampler)
            self._trace.flush()
            yield self._trace.rows

    def _drain(self, sampler: Sampler) -> None:
        for meter, start_s, end_s, value, error in sampler.drain():
            sample = Sample(start_s - self.zero_s, end_s - self.zero_s, value)
            name = self._meters[meter].name
            self._trace.sample(self._run, name, *sample, error)
            self.live.sample(meter, sample)
            if self._so_far is not None:
                self._so_far.sample(name, sample)

    def _window(self, message: Message) -> None:
        key, time_s = (message.sender.pid, message.fields["number"]), message.time_s - self.zero_s
        with self._lock:
            so_far = self._summed()
            if message.event == "window":
                so_far.open(key, time_s)
            else:
                so_far.close(key, time_s)

    def _summed(self) -> SoFar:
        """What has been measured until now; few programs ask, so it is summed up when one does."""
        if self._so_far is None:
            self._so_far = SoFar(self._meters, self._started_s)
            self._trace.flush()
            for row in self._trace.rows():
                self._so_far.sample(row.source, row.sample)
        return self._so_far

    def join(self, logs: Sequence[ExternalLog]) -> None:
        """Record what external logs hold of the run, which ends now, or what is wrong with them."""
        self._clocks.end()
        ended_s = time.monotonic()
        for log in logs:
            self._join(log, ended_s)

    def _join(self, log: ExternalLog, ended_s: float) -> None:
        from energyprof.trace.join import joined  # few runs have a log

        info, span_s = log.info, ended_s - self.zero_s
        try:
            log.settle(self._clocks.pieces()[-1].utc_of(span_s), ended_s)
            self._clocks.look()  # the rows that were waited for are of a clock that may have been set since
            now_s = time.monotonic() - self.zero_s
            samples = joined(log.between, self._clocks.pieces(), span_s, now_s, info.refresh_s)
            problem = "" if samples else f"{info.name}: no row of this run, in which the wall clock was set"
        except MeterError as error:
            samples, problem = [], str(error)
        with self._lock:
            for sample in samples:
                self._trace.sample(self._run, info.name, *sample, "")
            if problem:
                self._trace.sample(self._run, info.name, span_s, span_s, None, problem)
            self._trace.flush()

    def end(self) -> None:
        """Close the run's part of the trace."""
        if facts := self.last_facts():
            self.event("facts", {"facts": facts})
        self._trace.end_run()

    def snapshot(self) -> Snapshot:
        """How things stand now."""
        with self._lock:
            return self.live.snapshot(time.monotonic() - self.zero_s)
