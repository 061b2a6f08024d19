"""``energyprof.measure()``: the energy of a stretch of this program, known while it runs.

Under ``energyprof run`` or ``exec`` their profiler measures. Else the first window starts one, in a process
of its own, which ends with this program and leaves a report. Of several processes
that were launched together the first speaks, and no other starts a profiler: a node is counted once.
"""

import functools
import importlib
import itertools
import os
import threading
import time
from typing import Any, Callable, Dict, NamedTuple, Optional, TypeVar, cast

from energyprof.wire import WIRE_VARIABLE, Wire, connect
from energyprof.wire.launchers import muted

Function = TypeVar("Function", bound=Callable[..., Any])

# The joules so far are asked for no more often than this: a loop of a million steps asks at each.
RENEWED_S = 0.05
# An answer that is older is not given: the next is waited for, but not for long.
OLD_S, WAIT_S = 0.1, 1.0


class _Known(NamedTuple):
    """What the profiler said of a window, or of all until now."""

    energy_j: Optional[float]
    energy_u_j: Optional[float]
    power_w: Optional[float]


_NOTHING = _Known(None, None, None)
_lock = threading.RLock()
_numbers = itertools.count(1)
# Questions have a connection of their own: whoever marks a phase does not wait for an answer to another.
_questions: Optional[Wire] = None


class Window:
    """A stretch of the program: from entering the ``with`` to leaving it, or a call of a function.

    ``samples`` may be set to the number of samples that went through it.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.samples: Optional[int] = None
        self.time_s: Optional[float] = None  # once it is over
        self.number = 0  # by which the wire knows it; 0: it was not entered yet
        self._began_s = 0.0
        self._known: Optional[_Known] = None

    def __enter__(self) -> "Window":
        wire = _wire()
        self.number, self._known, self.time_s = next(_numbers), None, None
        if wire is not None:
            wire.send("window", number=self.number, name=self.name or "window")
        self._began_s = time.monotonic()
        return self

    def __exit__(self, *raised: object) -> None:
        self.time_s = time.monotonic() - self._began_s
        wire = connect()
        if wire is not None:
            samples = None if self.samples is None else int(self.samples)
            wire.send("close", number=self.number, samples=samples)

    def __call__(self, function: Function) -> Function:
        """The function, each call of which is a window; of a generator from its first item to its last."""
        name = self.name or function.__qualname__
        import inspect  # half of what loading this file would take

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                with Window(name):
                    return await function(*args, **kwargs)

            return cast(Function, awaited)

        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def drawn(*args: Any, **kwargs: Any) -> Any:
                with Window(name):
                    return (yield from function(*args, **kwargs))

            return cast(Function, drawn)

        if inspect.isasyncgenfunction(function):

            @functools.wraps(function)
            async def awaited_items(*args: Any, **kwargs: Any) -> Any:
                items = function(*args, **kwargs)
                with Window(name):
                    try:
                        async for item in items:
                            yield item
                    finally:
                        await items.aclose()

            return cast(Function, awaited_items)

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            with Window(name):
                return function(*args, **kwargs)

        return cast(Function, called)

    @property
    def wire_path(self) -> Optional[str]:
        """Where whoever measures this process listens; ``None``: nobody does."""
        wire = connect()
        return None if wire is None or wire.broken else wire.path

    @property
    def energy_j(self) -> Optional[float]:
        """Its energy in J, until now if it goes on; ``None``: not known, or not yet."""
        return self._asked().energy_j

    @property
    def energy_u_j(self) -> Optional[float]:
        """The energy's expanded uncertainty in J (k = 2, towards the end that lies further away)."""
        return self._asked().energy_u_j

    @property
    def power_w(self) -> Optional[float]:
        """Its mean power in W, until now if it goes on."""
        return self._asked().power_w

    @property
    def report(self) -> Any:
        """The `Report` so far, with this window among ``runs[-1].windows``; ``None``: there is none.

        It lies on the disk as well. Needs Python 3.10, as all of energyprof but the training side does.
        """
        path = self.report_path
        return None if path is None else _own().report_at(path)

    @property
    def report_path(self) -> Optional[str]:
        """Where the report so far lies, which is written now; ``None``: there is none."""
        said = _ask("report")
        return None if said is None else cast(Optional[str], said.get("path"))

    def _asked(self) -> _Known:
        if self._known is not None:
            return self._known
        over = self.time_s is not None
        known = _as_known(_ask("energy", window=self.number, over=over)) if self.number else _NOTHING
        if over and known.energy_j is not None:
            self._known = known
        return known

    def __repr__(self) -> str:
        joules = self.energy_j
        return f"<{self.name or 'window'}: {'energy not known' if joules is None else f'{joules:.4g} J'}>"


def measure(name: str = "") -> Window:
    """A stretch of this program to measure, as a context manager or a decorator.

    ::

        with energyprof.measure("fine-tune") as m:
            ...
        print(m.energy_j, m.energy_u_j, m.power_w)

        @energyprof.measure()
        def epoch(): ...

    Windows may nest, repeat and lie beside each other in threads. On a GPU synchronise first: work still
    queued would be counted after the window. It never stops the program: what is not known is ``None``.
    """
    return Window(str(name))


class _Total:
    """The joules so far, over a connection of their own."""

    def __init__(self, path: str) -> None:
        self.wire, self.pid = Wire(path), os.getpid()
        self._asked_s = time.monotonic()
        self._waiting = False
        self._known = _as_known(self.wire.ask("energy", window=None, over=False))

    def energy_j(self) -> Optional[float]:
        """As the last answer had it; another is asked for now and then."""
        now_s = time.monotonic()
        age_s = now_s - self._asked_s
        if self._waiting and age_s >= RENEWED_S / 2:
            self._take(self.wire.answered(WAIT_S if age_s > OLD_S else 0.0))
        if not self._waiting and age_s >= RENEWED_S:
            self.wire.put("energy", window=None, over=False)
            self._asked_s, self._waiting = now_s, True
            if age_s > OLD_S:
                self._take(self.wire.answered(WAIT_S))
        return None if self.wire.broken else self._known.energy_j

    def _take(self, answer: Optional[Dict[str, Any]]) -> None:
        if answer is not None:
            self._known, self._waiting = _as_known(answer), False


_total: Optional[_Total] = None


def energy() -> Optional[float]:
    """The joules of this program's machine so far, since the profiler began; ``None``: not known.

    May be called at every step: it is at most 0.1 s old, and asked for 20 times a second at most.
    """
    global _total
    wire = _wire()
    if wire is None:
        return None
    with _lock:
        if _total is None or _total.wire.path != wire.path or _total.pid != os.getpid():
            _total = _Total(wire.path)
        return _total.energy_j()


def start(
    meters: str = "auto", interval_s: Optional[float] = None, output: "Optional[os.PathLike[str]]" = None
) -> bool:
    """Start the profiler now, with these meters; whether one measures this program.

    The first window does so by itself. Under ``energyprof run`` or ``exec`` theirs measures.
    """
    with _lock:
        if os.environ.get(WIRE_VARIABLE):
            return connect() is not None
        return not muted() and _own().start(meters, interval_s, output)


def stop() -> None:
    """End the measuring and write the report; without this the program's end does."""
    _own().stop()


def _own() -> Any:
    """What starts a profiler: loaded where one is started."""
    return importlib.import_module("energyprof.callbacks.own_profiler")


def _wire() -> Optional[Wire]:
    """The wire to whoever measures this process; ``None``: nobody does."""
    if not os.environ.get(WIRE_VARIABLE):
        start()
    return connect()


def _ask(question: str, **fields: Any) -> Optional[Dict[str, Any]]:
    global _questions
    path = os.environ.get(WIRE_VARIABLE)
    if not path or connect() is None:
        return None
    with _lock:
        if _questions is None or _questions.path != path:
            _questions = Wire(path)
        wire = _questions
    return wire.ask(question, **fields)


def _as_known(said: Optional[Dict[str, Any]]) -> _Known:
    return _NOTHING if said is None else _Known(*(said.get(name) for name in _Known._fields))
