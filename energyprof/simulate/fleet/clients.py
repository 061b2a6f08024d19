"""The fleet's clients, drawn from its kinds: arrays over clients, those of one kind side by side."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from energyprof.simulate.fleet.device import Device, Training
from energyprof.simulate.numerics import load
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class Clients:
    """What each client does and draws; arrays ``(n,)``."""

    devices: tuple[Device, ...]
    spans: tuple[slice, ...]  # of each kind
    kind: Any  # index of its kind
    samples_per_s: Any
    joules_a_sample: Any
    fixed_s: Any  # of a turn: start, receiving, sending
    start_j: Any
    down_j: Any
    up_j: Any
    jitter: Any
    idle_w: Any

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.kind)

    @property
    def idles(self) -> bool:
        """Whether any of them takes power while it waits for the others."""
        return any(device.idle_w for device in self.devices)


def draw(devices: Sequence[Device], training: Training, rng: Any) -> Clients:
    """``training.clients`` of them; kinds have their shares to the nearest client, the rest is drawn.

    Speeds and watts are log-normal around their kind's, which is the median.
    """
    numpy = load("numpy")
    counts = shares(training.clients, [device.share for device in devices])
    edges = [0]
    for count in counts:
        edges.append(edges[-1] + count)
    spans = tuple(slice(a, b) for a, b in itertools.pairwise(edges))
    kind = numpy.repeat(numpy.arange(len(devices), dtype=numpy.int16), counts)

    def of(values: Sequence[float]) -> Any:
        return numpy.repeat(numpy.array(values, dtype=float), counts)

    def around(values: Sequence[float], spreads: Sequence[float]) -> Any:
        made = of(values)
        for span, spread in zip(spans, spreads, strict=True):
            if spread:
                made[span] *= numpy.exp(spread * rng.standard_normal(span.stop - span.start))
        return made

    speed = around([d.samples_per_s for d in devices], [d.spread for d in devices])
    power_w = around([d.power_w for d in devices], [d.power_spread for d in devices])
    links_s = [link_s(device, training) for device in devices]
    fixed_s = [d.start_s + down_s + up_s for d, (down_s, up_s) in zip(devices, links_s, strict=True)]
    return Clients(
        tuple(devices),
        spans,
        kind,
        speed,
        power_w / speed,
        of(fixed_s),
        of([d.start_j for d in devices]),
        of([d.link_w * down_s for d, (down_s, _) in zip(devices, links_s, strict=True)]),
        of([d.link_w * up_s for d, (_, up_s) in zip(devices, links_s, strict=True)]),
        of([d.jitter for d in devices]),
        of([d.idle_w for d in devices]),
    )


def link_s(device: Device, training: Training) -> tuple[float, float]:
    """Seconds of a turn for receiving the model, and for sending the update."""
    down_s = 8 * training.model_bytes / device.down_bit_per_s if device.down_bit_per_s else 0.0
    up_s = 8 * training.update_bytes / device.up_bit_per_s if device.up_bit_per_s else 0.0
    return down_s, up_s


def shares(count: int, weights: Sequence[float]) -> list[int]:
    """``count`` divided by ``weights``, whole numbers by the largest remainders."""
    whole = math.fsum(weights)
    exact = [count * weight / whole for weight in weights]
    found = [math.floor(part) for part in exact]
    order = sorted(range(len(exact)), key=lambda i: found[i] - exact[i])
    for i in order[: count - sum(found)]:
        found[i] += 1
    return found
