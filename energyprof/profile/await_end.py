"""Waits for a training's end, or brings it about: by a signal that came, or because it hangs."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

from energyprof.profile import inbox as inboxes
from energyprof.profile.child import Child
from energyprof.profile.inbox import Inbox
from energyprof.profile.recorder import Recorder

# A program that said its last word gets this long to end.
HANG_S = 30.0
# After Ctrl-C or SIGTERM a program gets this long to clean up; a second signal ends the wait.
GRACE_S = 30.0


def await_end(
    child: Child,
    last_word: threading.Event,
    inbox: Inbox,
    recorder: Recorder,
    on_tick: Callable[[], None],
    tick_s: float,
) -> int | None:
    """Wait for the program to end; the signal that made it end, if one did."""
    stopped_by: int | None = None
    deadline_s = float("inf")
    hang_s: float | None = None
    while True:
        kind, number = inboxes.message(inbox, tick_s)
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
