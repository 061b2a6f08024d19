"""What may happen during a training: it ends, or is asked to end."""

from __future__ import annotations

import contextlib
import math
import queue
import signal
import time
from collections.abc import Callable, Iterator

from energyprof.profile.pacemaker import Pacemaker
from energyprof.profile.unwinding import end

# ("exit", code) · ("signal", number): it is to end · ("warning", number): the program may want to know
# · ("early", number): a warning that came before there was a program
Inbox = queue.SimpleQueue[tuple[str, int]]

# These mean the end. All others only tell: a batch system sends them some time before it (sbatch --signal,
# oarsub --checkpoint), and a program may save what it has.
_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
# Those that end no process, or stop it (signal(7)); that cannot be caught; that tell of a fault of our own.
_OTHERS = (
    *(signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH),
    *(signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGKILL, signal.SIGSTOP),
    *(signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSYS),
)
# Those that become messages, unless another library handles them.
HEARD = frozenset(signal.valid_signals()) - set(_OTHERS)


def message(inbox: Inbox, timeout_s: float) -> tuple[str, int]:
    """The next message, or ``("tick", 0)`` if there is none in that time."""
    try:
        return inbox.get(timeout=timeout_s)
    except queue.Empty:
        return ("tick", 0)


def wait(
    inbox: Inbox, wait_s: float, on_tick: Callable[[], None] = lambda: None, tick_s: float = math.inf
) -> int | None:
    """Wait that long, calling ``on_tick`` every ``tick_s``; returns the signal that ended it, if any.

    Warnings are kept for the program that is started next.
    """
    until_s = time.monotonic() + wait_s
    early: dict[int, None] = {}
    try:
        while (left_s := until_s - time.monotonic()) > 0:
            kind, number = message(inbox, min(tick_s, left_s))
            on_tick()
            if kind == "signal":
                return number
            if kind in ("warning", "early"):
                early[number] = None
        return None
    finally:
        for number in early:
            inbox.put(("early", number))


def name_of(number: int) -> str:
    """A signal's name: SIGTERM, SIGRTMIN+3."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"


@contextlib.contextmanager
def signals() -> Iterator[Inbox]:
    """Every signal that would end this process as a message, for as long as the context lasts."""
    inbox: Inbox = queue.SimpleQueue()
    # nohup means it: a hang-up that is ignored stays ignored. What another library handles is its affair.
    handled = (signal.SIG_DFL, signal.default_int_handler, end)
    wanted = sorted(HEARD)
    before = {number: found for number in wanted if (found := signal.getsignal(number)) in handled}

    def take(number: int, _: object) -> None:
        inbox.put(("signal" if number in _END else "warning", number))

    for number in before:
        signal.signal(number, take)
    pacemaker = Pacemaker(lambda: inbox.put(("tick", 0)))
    try:
        yield inbox
    finally:
        pacemaker.stop()
        for number, handler in before.items():
            signal.signal(number, handler)
