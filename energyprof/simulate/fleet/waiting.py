"""How many of the clients asked a round waits for: as many as were said, or as many as now pay best."""

from __future__ import annotations

from typing import Any, Protocol

from energyprof.simulate.fleet.progress import Rounds
from energyprof.simulate.numerics import load
from energyprof.simulate.placement.workers import Course, best_k

# How much a round's times count beside those of all rounds before.
FRESH = 0.1


class Waiting(Protocol):
    """Decides before each round, and sees how long each of its turns lasted."""

    def how_many(self, asked: int, progress: float) -> int:
        """Of ``asked`` clients, with so much of the way done."""

    def see(self, lasts_s: Any) -> None:
        """The turns of a round, ``(asked,)``, broken off or not."""


class Static:
    """The same number each time."""

    def __init__(self, active: int) -> None:
        self._active = active

    def how_many(self, asked: int, progress: float) -> int:
        """At most those that are asked."""
        return min(asked, self._active)

    def see(self, lasts_s: Any) -> None:
        """Nothing follows from it."""


class Dynamic:
    """By the times seen so far: the most of the way a second, or the most gain (Xu et al., arXiv 2004.14696).

    What a round with k clients is worth says the table of measured rounds; where a course of the descent is
    given, theory's gain does.
    """

    def __init__(self, rounds: Rounds, course: Course | None) -> None:
        self._course = course
        self._rounds = rounds
        self._worth: Any = None
        self._mean_s: Any = None  # of the k-th quickest, (asked,)

    def how_many(self, asked: int, progress: float) -> int:
        """All until times are known, and when fewer or more are asked than before."""
        numpy = load("numpy")
        if self._mean_s is None or len(self._mean_s) != asked:
            return asked
        if self._course is not None:
            return best_k(self._course.at(progress), self._mean_s.tolist())
        if self._worth is None or len(self._worth) != asked:
            self._worth = numpy.array([1 / self._rounds.needed(k) for k in range(1, asked + 1)])
        return int(numpy.argmax(self._worth / self._mean_s)) + 1

    def see(self, lasts_s: Any) -> None:
        """Take a round's order statistics into their means."""
        numpy = load("numpy")
        ordered = numpy.sort(lasts_s)
        if self._mean_s is None or len(self._mean_s) != len(ordered):
            self._mean_s = ordered
        else:
            self._mean_s = (1 - FRESH) * self._mean_s + FRESH * ordered
