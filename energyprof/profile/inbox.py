"""What may happen during a training: it ends, or is asked to end."""

from __future__ import annotations

import contextlib
import math
import queue
import signal
import time
from collections.abc import Callable, Iterator

Inbox = queue.SimpleQueue[tuple[str, int]]  # ("exit", code) or ("signal", number)


def message(inbox: Inbox, timeout_s: float) -> tuple[str, int]:
    """The next message, or ``("tick", 0)`` if there is none in that time."""
    try:
        return inbox.get(timeout=timeout_s)
    except queue.Empty:
        return ("tick", 0)


def wait(
    inbox: Inbox, wait_s: float, on_tick: Callable[[], None] = lambda: None, tick_s: float = math.inf
) -> int | None:
    """Wait that long, calling ``on_tick`` every ``tick_s``; returns the signal that ended it, if any."""
    until_s = time.monotonic() + wait_s
    while (left_s := until_s - time.monotonic()) > 0:
        kind, number = message(inbox, min(tick_s, left_s))
        on_tick()
        if kind == "signal":
            return number
    return None


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
