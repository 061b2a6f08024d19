"""How many workers a step of training should wait for, as the training goes on.

Xu, Neglia, Sebastianelli (arXiv 2004.14696): of n workers the step waits for the k fastest. It lasts as the
k-th order statistic of their times, and gains η(‖∇‖² − (Lη/2)(‖∇‖² + σ²/k)); the best k has the highest gain
a second. What the others had begun is discarded, but burnt: all n are charged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from energyprof.decode import Amount, Positive
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class Descent:
    """What is known of the training at one moment."""

    rate: float  # η
    smoothness: float  # L
    gradient2: float  # ‖∇‖²
    variance: float  # σ² of one worker's gradient


@dataclass(frozen=True)
class Course:
    """What is known of the training as it goes on."""

    rate: Positive
    smoothness: Positive
    variance: Amount
    gradient2: tuple[Amount, ...]  # ‖∇‖² at even steps of the way to the target, first and last included

    def at(self, progress: float) -> Descent:
        """At this share of the way, between the moments given in lines."""
        last = len(self.gradient2) - 1
        place = min(max(progress, 0.0), 1.0) * last
        before = min(int(place), last - 1)
        a, b = self.gradient2[before], self.gradient2[before + 1]
        return Descent(self.rate, self.smoothness, a + (place - before) * (b - a), self.variance)


def gain(descent: Descent, k: int) -> float:
    """By how much a step with k gradients lowers the loss, at least."""
    eta, half = descent.rate, descent.smoothness * descent.rate / 2
    return eta * (descent.gradient2 - half * (descent.gradient2 + descent.variance / k))


def exponential_s(n: int, k: int, mean_s: float) -> float:
    """The expected k-th fastest of n workers with exponential times: (H_n − H_{n−k}) times their mean."""
    return mean_s * math.fsum(1 / i for i in range(n - k + 1, n + 1))


def measured_s(times_s: Sequence[Sequence[float]], k: int) -> float:
    """The mean k-th fastest of measured steps, of each of which the workers' times are given."""
    return math.fsum(sorted(step)[k - 1] for step in times_s) / len(times_s)


def best_k(descent: Descent, step_s: Sequence[float]) -> int:
    """The number of workers with the highest gain a second; ``step_s[k - 1]``: how long a step with k lasts.

    Where no step gains anything any more, all: the least noise.
    """
    gains = [gain(descent, k) / time_s for k, time_s in enumerate(step_s, 1)]
    return max(range(len(gains)), key=lambda i: gains[i]) + 1 if max(gains) > 0 else len(gains)
