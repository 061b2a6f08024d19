"""How often a counter is renewed, found in simulated time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest

from energyprof.errors import MeterError
from energyprof.measure.meters.nvidia.ticks import find_tick


@dataclass
class Counter:
    """A counter renewed every ``tick_s`` (0: always), in a time that only reads and sleeps let pass."""

    tick_s: float
    phase_s: float = 0.0
    read_s: float = 20e-6
    naps: tuple[float, ...] = (1.0,)  # how many times longer than asked each sleep takes, over and over
    now_s: float = 1000.0
    sleeps: int = field(default=0)

    def read(self) -> float:
        self.now_s += self.read_s / 2
        at_s = self.now_s + self.phase_s
        self.now_s += self.read_s / 2
        return math.floor(at_s / self.tick_s) if self.tick_s else at_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds * self.naps[self.sleeps % len(self.naps)]
        self.sleeps += 1

    def find(self) -> float | None:
        return find_tick(self.read, lambda: self.now_s, self.sleep)


@pytest.mark.parametrize("phase_s", [0.0, 0.003, 0.3, 0.9999])
@pytest.mark.parametrize(
    ("tick_s", "read_s", "within_s"),
    [
        (0.005, 20e-6, 0.2),
        (0.02, 20e-6, 0.2),
        (0.1, 20e-6, 0.7),
        (0.1, 0.02, 0.7),  # a slow driver still has five looks a tick
        (1.0, 20e-6, 2.6),
        (1.0, 0.1, 2.7),
    ],
)
def test_the_tick_is_found_within_a_look_and_soon(
    tick_s: float, read_s: float, within_s: float, phase_s: float
) -> None:
    counter = Counter(tick_s + 1e-5, phase_s, read_s)
    found_s = counter.find()
    assert found_s == pytest.approx(tick_s, abs=0.0011 + read_s)
    assert counter.now_s - 1000 < within_s


@pytest.mark.parametrize(
    ("counter", "within_s"),
    [
        (Counter(0.0), 0.1),  # always new
        (Counter(0.001), 0.1),
        (Counter(0.004), 0.1),
        (Counter(0.1, read_s=0.05), 1.0),  # two looks a tick: seen as 50, 100 or 150 ms
        (Counter(0.02, read_s=0.03), 0.3),  # new at each look
        (Counter(math.inf), 1.6),  # stands still
        (Counter(10.0, phase_s=9.5), 2.6),  # changed once
    ],
)
def test_without_a_tick_to_be_seen_there_is_none(counter: Counter, within_s: float) -> None:
    assert counter.find() is None
    assert counter.now_s - 1000 < within_s


def test_edges_that_were_slept_through_do_not_move_the_median() -> None:
    # Every two hundredth sleep lasts 130 ms, and with it an edge or two pass unseen.
    counter = Counter(0.1, naps=(*[1.0] * 200, 130.0))
    assert counter.find() == pytest.approx(0.1, abs=0.002)


def test_a_counter_that_cannot_be_read_says_so() -> None:
    def read() -> float:
        raise MeterError("nvml:0: GPU is lost")

    with pytest.raises(MeterError, match="GPU is lost"):
        find_tick(read)
