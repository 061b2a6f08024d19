"""Waits for a training's end, or brings it about: by a signal that came, or because it hangs."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from energyprof.profile import inbox as inboxes
from energyprof.profile.attached import Attached
from energyprof.profile.inbox import Inbox
from energyprof.profile.recorder import Recorder

if TYPE_CHECKING:
    from energyprof.profile.child import Child

# A program that said its last word gets this long to end, and as long again while it works at ending: where
# others keep the processors busy, torch takes longer. It hangs when it sleeps, or has worked for as long.
HANG_S = 30.0
_WORKS = 0.02  # of a core: more than waiting takes
# After Ctrl-C or SIGTERM a program gets this long to clean up; a second one ends the wait. Slurm kills all
# 30 s after SIGTERM (KillWait, slurm.conf(5)), and the report is to be whole by then.
GRACE_S = 24.0
# A signal that is sent to all processes of a job at once has reached each by then.
BEHIND_S = 0.5


def await_leave(
    program: Attached, inbox: Inbox, on_tick: Callable[[], None], for_s: float, tick_s: float
) -> None:
    """Wait for a program that is not ours to end; let it go after ``for_s``, or when a signal comes."""
    until_s = time.monotonic() + for_s
    while True:
        left_s = until_s - time.monotonic()
        kind, _ = inboxes.message(inbox, max(0.0, min(tick_s, left_s)))
        if kind == "exit":
            return
        if kind == "signal" or left_s <= 0:
            program.let_go()
            until_s = math.inf
        on_tick()


def _comes(inbox: Inbox, number: int) -> bool:
    """Whether the signal that a program died of comes here, too: a batch system sends it to all processes."""
    until_s = time.monotonic() + (BEHIND_S if number in inboxes.HEARD else 0.0)
    others = []
    came = False
    while not came and (left_s := until_s - time.monotonic()) > 0:
        kind, found = inboxes.message(inbox, left_s)
        if kind in ("warning", "early", "signal"):
            came = found == number
            others += [] if came else [(kind, found)]
    for other in others:
        inbox.put(other)
    return came


def await_end(
    child: Child,
    last_word: threading.Event,
    inbox: Inbox,
    recorder: Recorder,
    on_tick: Callable[[], None],
    tick_s: float,
) -> int | None:
    """Wait for the program to end; the signal that made it end, if one did.

    A warning is passed on, and the program goes on for as long as it likes.
    """
    stopped_by: int | None = None
    warned: set[int] = set()
    early: list[int] = []
    deadline_s = float("inf")
    ending: _Ending | None = None
    while True:
        kind, number = inboxes.message(inbox, tick_s)
        if kind == "exit":
            if stopped_by is None and (-number in warned or _comes(inbox, -number)):
                # It did not know the signal, and died of it, as it would have without us.
                stopped_by = -number
                recorder.event("interrupt", {"signal": inboxes.name_of(stopped_by)})
            return stopped_by
        if kind == "warning":
            warned.add(number)
            recorder.event("warning", {"signal": inboxes.name_of(number)})
            child.warn(number)
        elif kind == "early":
            early.append(number)
            recorder.event("warning", {"signal": inboxes.name_of(number)})
        early = [number for number in early if not child.warn_those_that_care(number)]
        if kind == "signal":
            if stopped_by is not None:
                child.kill()
                continue
            stopped_by = number
            recorder.event("interrupt", {"signal": inboxes.name_of(number)})
            deadline_s = time.monotonic() + GRACE_S
            child.stop(number)
        if last_word.is_set() and ending is None:
            ending = _Ending(child)
            deadline_s = min(deadline_s, time.monotonic() + HANG_S)
        if time.monotonic() > deadline_s:
            if stopped_by is None and ending is not None and ending.goes_on():
                deadline_s = time.monotonic() + HANG_S
                continue
            if stopped_by is None:
                recorder.event("hung", {})
                child.end()
            else:
                child.kill()
            deadline_s = float("inf")
        on_tick()


class _Ending:
    """What a program that has said its last word works since then."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._begun_s = self._last_s = self._used_s()

    def goes_on(self) -> bool:
        """Whether it has worked since it was last asked, and not for too long in all."""
        used_s = self._used_s()
        worked_s, self._last_s = used_s - self._last_s, used_s
        return worked_s >= _WORKS * HANG_S and used_s - self._begun_s < HANG_S

    def _used_s(self) -> float:
        reading = self._child.cpu_time(0.0)
        return 0.0 if reading is None else reading[1]
