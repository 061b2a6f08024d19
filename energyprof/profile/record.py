"""One training, metered: from its idle start to its end, everything that happens goes into the trace."""

from __future__ import annotations

import math
import os
import resource
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from energyprof.measure.busy_time import BusyTime
from energyprof.measure.meters import sysfs_root
from energyprof.measure.observer import Observer
from energyprof.measure.sampler import Sampler
from energyprof.profile import inbox as inboxes
from energyprof.profile.answers import Answers
from energyprof.profile.attached import Attached
from energyprof.profile.await_end import await_end, await_leave
from energyprof.profile.foreign_load import ForeignLoad
from energyprof.profile.inbox import Inbox
from energyprof.profile.island import pythonpath
from energyprof.profile.open_meters import OpenMeters
from energyprof.profile.pacemaker import Pacemaker
from energyprof.profile.recorder import Recorder
from energyprof.profile.room import WIRE, room
from energyprof.profile.training import Attachment, Training
from energyprof.profile.watchers import Watchers
from energyprof.storable.events import QUESTIONS
from energyprof.trace.rows import Row
from energyprof.wire import WIRE_VARIABLE
from energyprof.wire.launchers import AMBIENT_VARIABLE, ambient
from energyprof.wire.listener import Listener, Message

if TYPE_CHECKING:
    from energyprof.profile.child import Child
    from energyprof.profile.scan import Scan

# How often readings go to the trace and to the screen.
TICK_S = 0.5
# How often it is looked whether a window of a scan is over: windows are as long as was asked.
SCAN_TICK_S = 0.1
# After a program has ended its machine gets this long to calm down before it is looked at idle again.
COOLDOWN_S = 1.0
# How often the training's processor time is read: at the edges of its phases, but not at every step of a
# program that marks each; and now and then between them, so that a process that is orphaned was seen before.
CPU_EDGE_S = 0.05
CPU_TICK_S = 5.0
# Windows that follow each other faster have no readings of their own at their edges.
EDGE_S = 0.05
# A program that asked to be measured waits for the meters' first readings, but not for a meter that hangs.
FIRST_READ_S = 2.0

# Writes the report with the rows of the run so far; where it lies, or None: it cannot be written.
ReportWriter = Callable[[Callable[[], Iterable[Row]]], Path | None]


def record(
    recorder: Recorder,
    on: OpenMeters,
    inbox: Inbox,
    watchers: Watchers,
    write: ReportWriter,
    scan: Scan | None = None,
) -> tuple[tuple[str, ...], int | None]:
    """Meter one training from its idle start to its end; its last lines and the signal that stopped it.

    ``write``: writes the report as it is so far, for a program that asks for it.
    """
    with room() as folder:
        recording = _Recording(recorder, on, inbox, watchers, write, scan, folder)
        try:
            stopped_by = recording.run()
        finally:
            tail = recording.end()
        return tail, stopped_by


class _Recording:
    """A training and its meters, while it is recorded."""

    def __init__(
        self,
        recorder: Recorder,
        on: OpenMeters,
        inbox: Inbox,
        watchers: Watchers,
        write: ReportWriter,
        scan: Scan | None,
        folder: Path,
    ) -> None:
        self._recorder, self._training, self._on = recorder, recorder.training, on
        self._inbox, self._watchers, self._write, self._scan = inbox, watchers, write, scan
        self._folder = folder
        self._cpu_s = time.process_time()
        self._child: Child | Attached | None = None
        self._stopped_by: int | None = None
        self._ticked_s = -math.inf  # when readings last went to the trace
        self._edge_s = -math.inf  # the last edge of a window that had a reading of its own
        self._last_word = threading.Event()  # of this training alone: the inbox outlives it
        self._sampler = Sampler(on.meters, on.interval_s)
        self._observer = Observer(on.probes, os.getpid(), lambda facts: recorder.event("condition", facts))
        self._load = ForeignLoad(BusyTime(sysfs_root()), recorder)
        self._listener = Listener(str(folder / WIRE), self._on_message)
        self._answers = Answers(
            lambda window, until: recorder.energy(window, until, self._sampler),
            self._sampler.read_now,
            self._report_so_far,
            self._listener.answer,
            on.selection.origin,
        )
        self._pacemaker = Pacemaker(self._wake)

    def run(self) -> int | None:
        """From the idle look before the training to that after it; the signal that stopped it, if one did."""
        idle_s = self._on.idle_s
        if self._training.attached is not None:
            self._meter(self._training.attached)
        elif (stopped_by := self._wait("idle", idle_s)) is not None:
            self._recorder.event("interrupt", {"signal": inboxes.name_of(stopped_by)})
        else:
            self._train()
        if self._stopped_by is None and idle_s > 0:
            self._wait("cooldown", COOLDOWN_S)
        if self._stopped_by is None and idle_s > 0:
            self._sampler.read_now()
            self._wait("idle", idle_s)
        return self._stopped_by

    def end(self) -> tuple[str, ...]:
        """End what goes on, and write down how it ended; the last lines of the program."""
        if self._child is not None:
            self._child.end()
        self._answers.close()
        hanging = [self._on.meters[index].info.name for index in self._sampler.stop()]
        self._observer.stop()
        self._pacemaker.stop()
        self._listener.close()
        ours = None if isinstance(self._child, Attached) else self._child
        if ours is not None and self._stopped_by is None and not self._last_word.is_set():
            _last_word(ours, self._training, self._recorder)
        usage = {
            "cpu_s": time.process_time() - self._cpu_s,
            "rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
        self._recorder.take(self._sampler)
        self._recorder.event("profiler", {**usage, "garbage": self._listener.garbage, "hanging": hanging})
        self._recorder.join(self._on.logs)
        self._recorder.end()
        return tuple(ours.tail()) if ours is not None else ()

    def _train(self) -> None:
        """Start the training and wait for its end."""
        from energyprof.profile.child import Child  # a program that runs already needs none of this

        training, recorder = self._training, self._recorder
        environment = {**os.environ, **training.environment, WIRE_VARIABLE: self._listener.path}
        environment[AMBIENT_VARIABLE] = ambient(os.environ)
        environment["PYTHONPATH"] = pythonpath(self._folder, environment.get("PYTHONPATH"), training.package)
        self._begin()
        child = self._child = Child(
            training.command,
            environment,
            self._on_exit,
            training.output,
            training.apart,
            training.folder,
            training.beside,
        )
        recorder.take(self._sampler)
        on_tick, tick_s = (self._on_tick, TICK_S) if self._scan is None else (self._on_scan_tick, SCAN_TICK_S)
        self._stopped_by = await_end(child, self._last_word, self._inbox, recorder, on_tick, tick_s)
        if names := child.left():
            recorder.event("left", {"names": sorted(set(names))})

    def _meter(self, to: Attachment) -> None:
        """Meter a program that runs already, until it ends or is left."""
        self._sampler.wait_for_first(FIRST_READ_S)
        self._begin()
        program = self._child = Attached(to.pid, self._on_exit)
        to.begun(self._listener.path)
        await_leave(program, self._inbox, self._on_tick, to.for_s, TICK_S)
        self._recorder.event("end", {"status": "done", "message": ""})

    def _begin(self) -> None:
        self._observer.training_starts()
        self._sampler.read_now()
        self._load.starts()
        self._recorder.start()
        self._recorder.take(self._sampler)  # on a busy machine a process takes longer to start than a tick

    def _wait(self, phase: str, wait_s: float) -> int | None:
        """Let the machine be for so long; the signal that ended it, if one did."""
        self._load.look()
        self._recorder.phase(phase)
        self._recorder.take(self._sampler)  # what ended before it came between two ticks
        self._stopped_by = inboxes.wait(self._inbox, wait_s, self._on_tick, TICK_S)
        self._load.look()
        return self._stopped_by

    def _on_tick(self) -> None:
        recorder, self._ticked_s = self._recorder, time.monotonic()
        recorder.take(self._sampler)
        # Nobody waits for what others have started: of such a process counts what was seen last.
        often = self._load.wanted or self._training.beside is not None
        self._read_cpu_time(TICK_S if often else CPU_TICK_S)
        if self._watchers:
            self._watchers.show(recorder.snapshot())

    def _on_scan_tick(self) -> None:
        child = self._child
        if self._scan is not None and child is not None and not isinstance(child, Attached) and child.running:
            self._scan.tick(self._recorder, child.processes)
        if time.monotonic() - self._ticked_s >= TICK_S:
            self._on_tick()

    def _on_message(self, message: Message) -> None:
        if message.event in QUESTIONS:
            self._answers.ask(message)
            return
        if not self._recorder.hear(message):
            return  # what another process does begins and ends nothing of the program's
        if message.event != "progress" or message.fields["score"] is not None:
            self._read_cpu_time(CPU_EDGE_S)
        if message.event == "phase" or (message.event in ("window", "close") and self._edge_is_due()):
            self._sampler.read_now()
        elif message.event == "end":
            self._last_word.set()

    def _on_exit(self, code: int | None, cpu_s: float | None) -> None:
        ended_s = time.monotonic()
        self._recorder.event("exit", {"code": code}, at_s=ended_s)
        if cpu_s is not None:
            self._recorder.event("cpu", self._load.fields(cpu_s), at_s=ended_s)
        else:
            self._load.ends_unknown()
        self._sampler.read_now()
        self._inbox.put(("exit", code or 0))

    def _read_cpu_time(self, spacing_s: float) -> None:
        if self._child is not None and (reading := self._child.cpu_time(spacing_s)) is not None:
            self._recorder.event("cpu", self._load.fields(reading[1]), at_s=reading[0])

    def _edge_is_due(self) -> bool:
        """Whether a window's edge is to have a reading of its own: not at every step of a program."""
        now_s = time.monotonic()
        due = now_s - self._edge_s >= EDGE_S
        if due:
            self._edge_s = now_s
        return due

    def _report_so_far(self) -> Path | None:
        with self._recorder.still(self._sampler) as rows:
            return self._write(rows)

    def _wake(self) -> None:
        self._sampler.read_now()
        self._observer.ask_now()


def _last_word(child: Child, training: Training, recorder: Recorder) -> None:
    """Record how a program ended that did not report it, as far as that can be known."""
    if cause := child.cause():
        recorder.event("end", {"status": "error", "message": cause})
    elif training.unmarked is not None and child.exit_code == 0:
        recorder.event("end", {"status": "done", "message": ""})
