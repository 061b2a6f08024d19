"""Values of one lever tried in turn within one training, in random order, block by block.

What a value takes a sample settles in seconds; what drifts during a training falls on all values alike, since
each comes once in every block. The lever is kept and put back as for a whole training (``levers.py``).
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, runtime_checkable

from energyprof.measure.lever import Amounts, Control, Lever, LeverError
from energyprof.measure.levers import find_named
from energyprof.measure.meters import sysfs_root
from energyprof.profile.levers import TurnedLevers, kept
from energyprof.profile.recorder import Recorder
from energyprof.profile.scan_plan import ScanPlan
from energyprof.report.record import LeverRecord
from energyprof.storable.frozen import dataclass

# The phase whose samples are counted (``compare/scan.py``).
TRAIN = "train"
# A window lasts until samples were counted so often after what settles, however slow the steps.
LEAST_COUNTS = 4
SCANNED = "scanned: "  # before the values, in the record of a lever that had several


@runtime_checkable
class Followed(Protocol):
    """A control that has to be asked of running processes one by one."""

    def follow(self, processes: Callable[[], Iterable[int]]) -> None:
        """From now on ask it of these as well."""


@dataclass(frozen=True)
class Point:
    """One value: what each control is asked for it."""

    shown: str  # "250 W"
    amount: float | None  # in W or Hz; None: it is not an amount
    asked: tuple[tuple[Control, str], ...]


class Scan:
    """One training's scan: turns the lever when a window is over."""

    def __init__(
        self, plan: ScanPlan, points: Sequence[Point], levers: Sequence[Lever], state: TurnedLevers
    ) -> None:
        """``points``: what was found comes first."""
        self._plan, self._points, self._state = plan, points, state
        self._controls = [control for control, _ in points[0].asked]
        self._turns = self._planned()
        self._begun = self._over = False
        self._trained_s, self._last_s, self._was_training = 0.0, 0.0, False
        self._counts = 0
        self._samples: int | None = None
        tried = ", ".join(point.shown for point in points)
        self.records = tuple(
            LeverRecord(lever.name, lever.device, lever.values.shown(text), SCANNED + tried, SCANNED + tried)
            for lever, (_, text) in zip(levers, points[0].asked, strict=True)
        )
        self._trouble: list[str] = []

    @property
    def problems(self) -> tuple[str, ...]:
        """Why it ended early, and what was not put back."""
        return (*self._trouble, *self._state.problems)

    def tick(self, recorder: Recorder, processes: Callable[[], Iterable[int]]) -> None:
        """Turn the lever if the window has had its seconds of training; called a few times a second."""
        if self._over:
            return
        now_s, seen = time.monotonic(), recorder.snapshot()
        training = seen.phase == TRAIN
        if not self._begun:
            if not training:
                return
            self._begin(recorder, processes)
        elif training and self._was_training:
            self._trained_s += now_s - self._last_s
        if training and self._trained_s >= self._plan.settle_s and seen.samples != self._samples:
            self._counts += 1
        self._last_s, self._was_training, self._samples = now_s, training, seen.samples
        long_enough = self._trained_s >= self._plan.window_s + self._plan.settle_s
        if long_enough and self._counts >= LEAST_COUNTS:
            self._turn(recorder)

    def _begin(self, recorder: Recorder, processes: Callable[[], Iterable[int]]) -> None:
        self._begun = True
        for control in self._controls:
            if isinstance(control, Followed):
                control.follow(processes)
        plan = self._plan
        spans = {"settle_s": plan.settle_s, "window_s": plan.window_s}
        values = [point.shown for point in self._points]
        recorder.event("scan", {"lever": plan.lever, "base": values[0], "values": values, **spans})
        self._turn(recorder)

    def _turn(self, recorder: Recorder) -> None:
        self._trained_s, self._counts = 0.0, 0
        block, point = next(self._turns, (0, None))
        try:
            for control, wanted in (point or self._points[0]).asked:
                ask(control, wanted)
        except LeverError as error:
            self._trouble.append(f"the scan of {self._plan.lever} ended early: {error}")
            point = None
        self._over = point is None
        said = ("", None) if point is None else (point.shown, point.amount)
        recorder.event("turn", {"value": said[0], "block": block, "amount": said[1]})

    def _planned(self) -> Iterator[tuple[int, Point]]:
        first = self._plan.first_block
        for block in range(first, first + self._plan.blocks):
            order = list(self._points)
            random.Random(f"{self._plan.lever}/{block}").shuffle(order)
            yield from ((block, point) for point in order)


@contextlib.contextmanager
def scanned(plan: ScanPlan | None) -> Iterator[Scan | None]:
    """The scan of one training; what it turns is put back whatever ends it.

    Raises:
        UsageError: there is no such lever, or another energyprof has turned it.
        MissingPart: this machine does not have it.
        LeverError: it cannot be read.
    """
    if plan is None:
        yield None
        return
    levers, state = find_named(sysfs_root(), plan.lever), TurnedLevers()
    # First: what the clocks of a GPU were before is told with their values, and cannot be read until then.
    wanted = [[lever.own(value) for lever in levers] for value in plan.values]
    besides = [pair for lever in levers for pair in lever.also]
    with kept([*besides, *((lever.label, lever.control) for lever in levers)], state) as read:
        yield Scan(plan, _points(levers, [read[len(besides) :], *wanted]), levers, state)


def ask(control: Control, wanted: str) -> None:
    """Have the control at ``wanted``. Raises LeverError: it does not take it."""
    before = control.read()
    if before == wanted and not isinstance(control, Followed):
        return
    control.write(wanted)
    if before != wanted and control.read() == before:
        raise LeverError(f"{control.address}: was written and is as before: something else holds it")


def _points(levers: Sequence[Lever], values: Sequence[Sequence[str]]) -> list[Point]:
    """A point for each of ``values``, each what the levers are asked; those that read alike are one."""
    points: dict[str, Point] = {}
    for texts in values:
        pairs = list(zip(levers, texts, strict=True))
        shown = " / ".join(dict.fromkeys(lever.values.shown(text) for lever, text in pairs))
        asked = tuple((lever.control, text) for lever, text in pairs)
        points.setdefault(shown, Point(shown, _amount(levers[0], texts[0]), asked))
    return list(points.values())


def _amount(lever: Lever, text: str) -> float | None:
    return lever.values.amount(text) if isinstance(lever.values, Amounts) else None
