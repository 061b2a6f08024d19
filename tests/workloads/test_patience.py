"""A training gives up after so many evaluations that are no better than one before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from energyprof.workload import Event, Progress, Target
from energyprof.workloads import __main__ as program


class Scored:
    """A workload that comes to these scores, one after the other."""

    def __init__(self, scores: list[float]) -> None:
        self._scores, self.evaluations = scores, 0

    def train(self, seed: int) -> Iterator[Event]:
        for score in self._scores:
            self.evaluations += 1
            yield Progress(100 * self.evaluations, score)


@pytest.mark.parametrize(
    ("scores", "patience", "direction", "evaluations"),
    [
        ([0.1, 0.2, 0.2, 0.1, 0.3], 2, "max", 4),  # equal is no better
        ([0.1, 0.2, 0.1, 0.3, 0.2], 2, "max", 5),  # a better score in time
        ([0.5, 0.4, 0.45, 0.3], 1, "min", 3),
        ([0.1, 0.1, 0.1], None, "max", 3),
        ([0.1, 0.95, 0.1, 0.1], 1, "max", 2),  # the target comes first
    ],
)
def test_it_gives_up_when_its_patience_is_over(
    scores: list[float],
    patience: int | None,
    direction: Any,
    evaluations: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made: Any = Scored(scores)
    target = Target("score", 0.9 if direction == "max" else 0.0, direction)
    program._train(made, target, 0, patience)
    assert made.evaluations == evaluations
    assert len(capsys.readouterr().out.splitlines()) == evaluations
