"""Signals that would end us unwind us, as Ctrl-C does: what was begun is put away."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from typing import NoReturn

# Batch systems, closed terminals and time limits send these, which would leave behind what was begun.
ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)


class Ended(BaseException):
    """A signal ended us; no error."""

    def __init__(self, number: int) -> None:
        """``number`` is the signal's."""
        super().__init__(number)
        self.number = number


def end(number: int, _: object) -> NoReturn:
    """What such a signal does to us; the next one of its kind ends us at once.

    Raises:
        Ended: always.
    """
    signal.signal(number, signal.SIG_DFL)
    raise Ended(number)


@contextlib.contextmanager
def unbroken() -> Iterator[None]:
    """What is done in this context is done whole: a signal that would break it off comes when it is over."""
    came: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, *ENDS)}
    before = {
        number: found for number, found in handlers.items() if found in (end, signal.default_int_handler)
    }
    try:
        for number in before:
            signal.signal(number, lambda sent, _: came.append(sent))
    except ValueError:  # not the main thread, which alone is broken off by signals
        before = {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
