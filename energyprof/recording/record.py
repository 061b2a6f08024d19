"""One training, metered: from its idle start to its end, everything that happens goes into the trace."""

from __future__ import annotations

import contextlib
import os
import queue
import resource
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from energyprof.errors import MeterError
from energyprof.meter import Meter, Probe, Recording
from energyprof.readings.observer import Observer
from energyprof.readings.sampler import Sampler
from energyprof.readings.samples import Sample
from energyprof.readings.tracefile import TraceWriter
from energyprof.recording.child import Child, Output
from energyprof.recording.live import Live, Snapshot
from energyprof.report import MeterRecord
from energyprof.wire import WIRE_VARIABLE, Listener, Message

# How often readings go to the trace and to the screen.
TICK_S = 0.5
# After a program has ended its machine gets this long to calm down before it is looked at idle again.
COOLDOWN_S = 1.0
# How often the training's processor time is read: at the edges of its phases, but not at every step of a
# program that marks each; and now and then between them, so that a process that is orphaned was seen before.
CPU_EDGE_S = 0.05
CPU_TICK_S = 5.0
# A program that said its last word gets this long to end.
HANG_S = 30.0
# After Ctrl-C or SIGTERM a program gets this long to clean up; a second signal ends the wait.
GRACE_S = 30.0

Watch = Callable[[Snapshot], None]
Inbox = queue.SimpleQueue[tuple[str, int]]  # ("exit", code) or ("signal", number)


@dataclass(frozen=True)
class Training:
    """One process to meter."""

    command: tuple[str, ...]
    seed: int | None
    first_phase: str  # what it does until it says otherwise
    output: Output
    environment: Mapping[str, str] = field(default_factory=dict)  # beside the profiler's own
    processes: int = 1
    # What the first phase is if the program never says otherwise. A program that has this owes no last word,
    # either: one that ends well is done. None: a program that says all of it.
    unmarked: str | None = None
    folder: Path | None = None  # where it is started; None: here
    package: Path | None = None  # the energyprof that it imports; None: this one


@dataclass(frozen=True)
class Instruments:
    """What a training is measured with, and how."""

    meters: tuple[Meter, ...]
    recordings: tuple[Recording, ...]  # joined when the training is over
    probes: tuple[Probe, ...]
    interval_s: float  # between two reads of each meter
    idle_s: float  # how long the machine is looked at before and after each training


class Recorder:
    """One run's way into the trace: everything that happens, with the time since the run's zero."""

    def __init__(
        self, trace: TraceWriter, run: int, runs: int, training: Training, meters: Sequence[MeterRecord]
    ) -> None:
        self.training = training
        self.live = Live(run, runs, training.seed, meters)
        self.zero_s, self._zero_utc_s = time.monotonic(), time.time()
        self._trace, self._run, self._meters = trace, run, meters
        self._lock = threading.Lock()
        self.event("run", {"seed": training.seed, "monotonic_s": self.zero_s, "utc": utc(self._zero_utc_s)})

    def event(self, name: str, fields: Mapping[str, Any], at_s: float | None = None) -> None:
        """Write down an event that happened now, or ``at_s`` on the monotonic clock."""
        time_s = (time.monotonic() if at_s is None else at_s) - self.zero_s
        with self._lock:
            self._trace.event(self._run, name, time_s, fields)
            if name == "phase":
                self.live.phase(time_s, fields["name"])
            elif name == "progress":
                self.live.progress(fields["samples"], fields["score"])

    def take(self, sampler: Sampler) -> None:
        """Write down what the sampler read, and bring it to the disk."""
        with self._lock:
            for meter, start_s, end_s, value, error in sampler.drain():
                sample = Sample(start_s - self.zero_s, end_s - self.zero_s, value)
                self._trace.sample(self._run, self._meters[meter].name, *sample, error)
                self.live.sample(meter, sample)
            self._trace.flush()

    def join(self, recording: Recording) -> None:
        """Write down what something else recorded of the run; what is wrong with it stands in its place."""
        name, span_s = recording.info.name, time.monotonic() - self.zero_s
        with self._lock:
            try:
                for at_s, value in recording.between(self._zero_utc_s, self._zero_utc_s + span_s):
                    time_s = at_s - self._zero_utc_s
                    self._trace.sample(self._run, name, time_s, time_s, value, "")
            except MeterError as error:
                self._trace.sample(self._run, name, span_s, span_s, None, str(error))
            self._trace.flush()

    def end(self) -> None:
        """Close the run's part of the trace."""
        self._trace.end_run()

    def snapshot(self) -> Snapshot:
        """How things stand now."""
        with self._lock:
            return self.live.snapshot(time.monotonic() - self.zero_s)


def record(
    recorder: Recorder, instruments: Instruments, inbox: Inbox, watch: Watch | None
) -> tuple[tuple[str, ...], int | None]:
    """Meter one training from its idle start to its end; its last lines and the signal that stopped it."""
    training = recorder.training
    cpu_s = time.process_time()
    folder = Path(tempfile.mkdtemp(prefix="energyprof-"))
    sampler = Sampler(instruments.meters, instruments.interval_s)
    observer = Observer(instruments.probes, os.getpid(), lambda facts: recorder.event("condition", facts))
    child: Child | None = None
    stopped_by: int | None = None
    last_word = threading.Event()  # of this training alone: the inbox outlives it

    def on_message(message: Message) -> None:
        recorder.event(message.event, message.fields, at_s=message.time_s)
        if message.event != "progress" or message.fields["score"] is not None:
            read_cpu_time(CPU_EDGE_S)
        if message.event == "phase":
            sampler.poke()
        elif message.event == "end":
            last_word.set()

    def on_exit(code: int, cpu_s: float | None) -> None:
        ended_s = time.monotonic()
        recorder.event("exit", {"code": code}, at_s=ended_s)
        if cpu_s is not None:
            recorder.event("cpu", {"cpu_s": cpu_s}, at_s=ended_s)
        sampler.poke()
        inbox.put(("exit", code))

    def read_cpu_time(spacing_s: float) -> None:
        if child is not None and (reading := child.cpu_time(spacing_s)) is not None:
            recorder.event("cpu", {"cpu_s": reading[1]}, at_s=reading[0])

    def on_tick() -> None:
        recorder.take(sampler)
        read_cpu_time(CPU_TICK_S)
        if watch is not None:
            watch(recorder.snapshot())

    listener = Listener(str(folder / "wire"), on_message)
    try:
        recorder.event("phase", {"name": "idle", "samples": None})
        stopped_by = _idle(inbox, instruments.idle_s, on_tick)
        if stopped_by is None:
            environment = {**os.environ, **training.environment, WIRE_VARIABLE: listener.path}
            environment["PYTHONPATH"] = _island(folder, environment.get("PYTHONPATH"), training.package)
            observer.training_starts()
            sampler.poke()
            first = {"name": training.first_phase, "samples": None}
            started_s = time.monotonic()
            unmarked = {"unmarked": training.unmarked} if training.unmarked else {}
            recorder.event("phase", {**first, **unmarked}, at_s=started_s)
            recorder.event("cpu", {"cpu_s": 0.0}, at_s=started_s)
            recorder.event("started", {})
            if training.processes > 1:
                recorder.event("facts", {"facts": {"processes": training.processes}})
            child = Child(
                training.command, environment, on_exit, training.output, training.processes, training.folder
            )
            stopped_by = _until_exit(child, last_word, inbox, recorder, on_tick)
            if stopped_by is None and instruments.idle_s > 0:
                recorder.event("phase", {"name": "cooldown", "samples": None})
                stopped_by = _idle(inbox, COOLDOWN_S, on_tick)
            if stopped_by is None and instruments.idle_s > 0:
                sampler.poke()
                recorder.event("phase", {"name": "idle", "samples": None})
                stopped_by = _idle(inbox, instruments.idle_s, on_tick)
        else:
            recorder.event("interrupt", {"signal": signal.Signals(stopped_by).name})
    finally:
        if child is not None:
            child.end()
        hanging = [instruments.meters[index].info.name for index in sampler.stop()]
        observer.stop()
        listener.close()
        if child is not None and stopped_by is None and not last_word.is_set():
            _last_word(child, training, recorder)
        usage = {
            "cpu_s": time.process_time() - cpu_s,
            "rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
        recorder.event("profiler", {**usage, "garbage": listener.garbage, "hanging": hanging})
        recorder.take(sampler)
        for recording in instruments.recordings:
            recorder.join(recording)
        recorder.end()
        shutil.rmtree(folder, ignore_errors=True)
    return tuple(child.tail()) if child is not None else (), stopped_by


def _last_word(child: Child, training: Training, recorder: Recorder) -> None:
    """Write down how a program ended that did not say so, as far as it can be told."""
    if cause := child.cause():
        recorder.event("end", {"status": "error", "message": cause})
    elif training.unmarked is not None and child.exit_code == 0:
        recorder.event("end", {"status": "done", "message": ""})


def _idle(inbox: Inbox, idle_s: float, on_tick: Callable[[], None]) -> int | None:
    until_s = time.monotonic() + idle_s
    while (left_s := until_s - time.monotonic()) > 0:
        kind, number = _next(inbox, min(TICK_S, left_s))
        on_tick()
        if kind == "signal":
            return number
    return None


def _until_exit(
    child: Child, last_word: threading.Event, inbox: Inbox, recorder: Recorder, on_tick: Callable[[], None]
) -> int | None:
    """Wait for the program to end; the signal that made it end, if one did."""
    stopped_by: int | None = None
    deadline_s = float("inf")
    hang_s: float | None = None
    while True:
        kind, number = _next(inbox, TICK_S)
        if kind == "exit":
            return stopped_by
        if kind == "signal":
            if stopped_by is not None:
                child.signal(signal.SIGKILL)
                continue
            stopped_by = number
            recorder.event("interrupt", {"signal": signal.Signals(number).name})
            deadline_s = time.monotonic() + GRACE_S
            child.stop(number)
        if last_word.is_set() and hang_s is None:
            hang_s = time.monotonic() + HANG_S
            deadline_s = min(deadline_s, hang_s)
        if time.monotonic() > deadline_s:
            if stopped_by is None:
                recorder.event("hung", {})
            child.end()
            deadline_s = float("inf")
        on_tick()


def _island(folder: Path, pythonpath: str | None, package: Path | None) -> str:
    """A ``PYTHONPATH`` on which ``import energyprof`` works in any interpreter, and nothing else is added.

    The package alone is linked into a folder of its own: with the whole site-packages on the path, another
    Python would find this one's compiled packages.
    """
    (folder / "path").mkdir()
    (folder / "path" / "energyprof").symlink_to(package or Path(__file__).resolve().parents[1])
    return os.pathsep.join(filter(None, [str(folder / "path"), pythonpath]))


def _next(inbox: Inbox, timeout_s: float) -> tuple[str, int]:
    try:
        return inbox.get(timeout=timeout_s)
    except queue.Empty:
        return ("tick", 0)


@contextlib.contextmanager
def signals() -> Iterator[Inbox]:
    """SIGINT, SIGTERM and SIGHUP as messages for as long as the context lasts."""
    inbox: Inbox = queue.SimpleQueue()
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in wanted}
    for number in wanted:
        # nohup means it: a hang-up that is ignored stays ignored.
        if before[number] != signal.SIG_IGN:
            signal.signal(number, lambda received, _: inbox.put(("signal", received)))
    try:
        yield inbox
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def utc(time_s: float) -> str:
    """A time in s since 1970 as ISO 8601, in UTC, to the millisecond."""
    moment = datetime.fromtimestamp(time_s, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc_now() -> str:
    """The time as ISO 8601, in UTC, to the millisecond."""
    return utc(time.time())
