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
        return _record(recorder, on, inbox, watchers, write, scan, folder)


def _record(
    recorder: Recorder,
    on: OpenMeters,
    inbox: Inbox,
    watchers: Watchers,
    write: ReportWriter,
    scan: Scan | None,
    folder: Path,
) -> tuple[tuple[str, ...], int | None]:
    training = recorder.training
    cpu_s = time.process_time()
    sampler = Sampler(on.meters, on.interval_s)
    observer = Observer(on.probes, os.getpid(), lambda facts: recorder.event("condition", facts))
    load = ForeignLoad(BusyTime(sysfs_root()), recorder)
    child: Child | Attached | None = None
    stopped_by: int | None = None
    edges_s = [-math.inf]  # the last edge of a window that had a reading of its own
    last_word = threading.Event()  # of this training alone: the inbox outlives it

    def wake() -> None:
        sampler.read_now()
        observer.ask_now()

    def report_so_far() -> Path | None:
        with recorder.still(sampler) as rows:
            return write(rows)

    def edge_is_due() -> bool:
        """Whether a window's edge is to have a reading of its own: not at every step of a program."""
        now_s = time.monotonic()
        due = now_s - edges_s[-1] >= EDGE_S
        if due:
            edges_s[0] = now_s
        return due

    def on_message(message: Message) -> None:
        if message.event in QUESTIONS:
            answers.ask(message)
            return
        if not recorder.hear(message):
            return  # what another process does begins and ends nothing of the program's
        if message.event != "progress" or message.fields["score"] is not None:
            read_cpu_time(CPU_EDGE_S)
        if message.event == "phase" or (message.event in ("window", "close") and edge_is_due()):
            sampler.read_now()
        elif message.event == "end":
            last_word.set()

    def on_exit(code: int | None, cpu_s: float | None) -> None:
        ended_s = time.monotonic()
        recorder.event("exit", {"code": code}, at_s=ended_s)
        if cpu_s is not None:
            recorder.event("cpu", load.fields(cpu_s), at_s=ended_s)
        else:
            load.ends_unknown()
        sampler.read_now()
        inbox.put(("exit", code or 0))

    def read_cpu_time(spacing_s: float) -> None:
        if child is not None and (reading := child.cpu_time(spacing_s)) is not None:
            recorder.event("cpu", load.fields(reading[1]), at_s=reading[0])

    def on_tick() -> None:
        recorder.take(sampler)
        # Nobody waits for what others have started: of such a process counts what was seen last.
        read_cpu_time(TICK_S if load.wanted or training.beside is not None else CPU_TICK_S)
        if scan is not None and child is not None and not isinstance(child, Attached) and child.running:
            scan.tick(recorder, child.processes)
        if watchers:
            watchers.show(recorder.snapshot())

    def wait(phase: str, wait_s: float) -> int | None:
        """Let the machine be for so long; the signal that ended it, if one did."""
        load.look()
        recorder.phase(phase)
        recorder.take(sampler)  # what ended before it came between two ticks
        stopped_by = inboxes.wait(inbox, wait_s, on_tick, TICK_S)
        load.look()
        return stopped_by

    def begin() -> None:
        observer.training_starts()
        sampler.read_now()
        load.starts()
        recorder.start()
        recorder.take(sampler)  # on a busy machine a process takes longer to start than a tick

    def start() -> Child:
        from energyprof.profile.child import Child  # a program that runs already needs none of this

        environment = {**os.environ, **training.environment, WIRE_VARIABLE: listener.path}
        environment[AMBIENT_VARIABLE] = ambient(os.environ)
        environment["PYTHONPATH"] = pythonpath(folder, environment.get("PYTHONPATH"), training.package)
        begin()
        return Child(
            training.command,
            environment,
            on_exit,
            training.output,
            training.apart,
            training.folder,
            training.beside,
        )

    def attach(to: Attachment) -> Attached:
        sampler.wait_for_first(FIRST_READ_S)
        begin()
        program = Attached(to.pid, on_exit)
        to.begun(listener.path)
        return program

    listener = Listener(str(folder / WIRE), on_message)
    answers = Answers(
        lambda window, until: recorder.energy(window, until, sampler),
        sampler.read_now,
        report_so_far,
        listener.answer,
        on.selection.origin,
    )
    pacemaker = Pacemaker(wake)
    try:
        if (to := training.attached) is not None:
            child = attach(to)
            await_leave(child, inbox, on_tick, to.for_s, TICK_S)
            recorder.event("end", {"status": "done", "message": ""})
        elif (stopped_by := wait("idle", on.idle_s)) is None:
            child = start()
            recorder.take(sampler)
            stopped_by = await_end(child, last_word, inbox, recorder, on_tick, TICK_S)
            if names := child.left():
                recorder.event("left", {"names": sorted(set(names))})
        else:
            recorder.event("interrupt", {"signal": inboxes.name_of(stopped_by)})
        if stopped_by is None and on.idle_s > 0:
            stopped_by = wait("cooldown", COOLDOWN_S)
        if stopped_by is None and on.idle_s > 0:
            sampler.read_now()
            stopped_by = wait("idle", on.idle_s)
    finally:
        if child is not None:
            child.end()
        answers.close()
        hanging = [on.meters[index].info.name for index in sampler.stop()]
        observer.stop()
        pacemaker.stop()
        listener.close()
        ours = None if isinstance(child, Attached) else child
        if ours is not None and stopped_by is None and not last_word.is_set():
            _last_word(ours, training, recorder)
        usage = {
            "cpu_s": time.process_time() - cpu_s,
            "rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
        recorder.take(sampler)
        recorder.event("profiler", {**usage, "garbage": listener.garbage, "hanging": hanging})
        recorder.join(on.logs)
        recorder.end()
    return tuple(ours.tail()) if ours is not None else (), stopped_by


def _last_word(child: Child, training: Training, recorder: Recorder) -> None:
    """Record how a program ended that did not report it, as far as that can be known."""
    if cause := child.cause():
        recorder.event("end", {"status": "error", "message": cause})
    elif training.unmarked is not None and child.exit_code == 0:
        recorder.event("end", {"status": "done", "message": ""})
