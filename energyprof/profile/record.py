"""One training, metered: from its idle start to its end, everything that happens goes into the trace."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from energyprof.measure.observer import Observer
from energyprof.measure.sampler import Sampler
from energyprof.meter import ExternalLog, Meter, Probe
from energyprof.profile import inbox as inboxes
from energyprof.profile.child import Child
from energyprof.profile.inbox import Inbox
from energyprof.profile.live import Snapshot
from energyprof.profile.recorder import Recorder, Training
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


@dataclass(frozen=True)
class Instruments:
    """What a training is measured with, and how."""

    meters: tuple[Meter, ...]
    recordings: tuple[ExternalLog, ...]  # joined when the training is over
    probes: tuple[Probe, ...]
    interval_s: float  # between two reads of each meter
    idle_s: float  # how long the machine is looked at before and after each training


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
            sampler.read_now()
        elif message.event == "end":
            last_word.set()

    def on_exit(code: int, cpu_s: float | None) -> None:
        ended_s = time.monotonic()
        recorder.event("exit", {"code": code}, at_s=ended_s)
        if cpu_s is not None:
            recorder.event("cpu", {"cpu_s": cpu_s}, at_s=ended_s)
        sampler.read_now()
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
        stopped_by = inboxes.wait(inbox, instruments.idle_s, on_tick, TICK_S)
        if stopped_by is None:
            environment = {**os.environ, **training.environment, WIRE_VARIABLE: listener.path}
            environment["PYTHONPATH"] = _island(folder, environment.get("PYTHONPATH"), training.package)
            observer.training_starts()
            sampler.read_now()
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
                stopped_by = inboxes.wait(inbox, COOLDOWN_S, on_tick, TICK_S)
            if stopped_by is None and instruments.idle_s > 0:
                sampler.read_now()
                recorder.event("phase", {"name": "idle", "samples": None})
                stopped_by = inboxes.wait(inbox, instruments.idle_s, on_tick, TICK_S)
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


def _until_exit(
    child: Child, last_word: threading.Event, inbox: Inbox, recorder: Recorder, on_tick: Callable[[], None]
) -> int | None:
    """Wait for the program to end; the signal that made it end, if one did."""
    stopped_by: int | None = None
    deadline_s = float("inf")
    hang_s: float | None = None
    while True:
        kind, number = inboxes.message(inbox, TICK_S)
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
