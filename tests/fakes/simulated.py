"""Runs in simulated time: the sampler's own loop reads devices that follow a waveform, or break.

Only the clock, the lock that a lane waits on and the chance are simulated. Which schedule reads a device and
when it rests is decided by the program's own code, and nothing depends on how fast this machine is.
"""

from __future__ import annotations

import math
import os
import random
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from unittest.mock import patch

from energyprof.errors import MeterError
from energyprof.measure import sampler
from energyprof.measure.meters.nvidia import counter as nvml_counter
from energyprof.measure.meters.nvidia.ticks import find_tick
from energyprof.meter import Meter, MeterInfo, Source
from energyprof.trace.rows import Sample
from fakes.traces import Trace
from fakes.waveform import Waveform

# What a read gives at a time, in the meter's unit. Raises MeterError.
Value = Callable[[float], float]

# A thread wakes so late in the mean; a phase's first word takes at most so long to the sampler.
LATE_S, WIRE_S = 0.0002, 0.0006


@dataclass(frozen=True)
class Device:
    """A meter to be; ``read_s`` is how long a read takes that begins at a time."""

    info: MeterInfo
    value: Value
    read_s: Callable[[float], float] = lambda at_s: 50e-6
    close: Callable[[], None] = lambda: None


class Clock:
    """Simulated time in the place of the module ``time``; whoever sleeps wakes a little late."""

    def __init__(self, rng: random.Random) -> None:
        self.now_s, self._rng = 0.0, rng

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, span_s: float) -> None:
        self.now_s += span_s + self._rng.expovariate(1 / LATE_S)


def simulate(
    lane: Sequence[Device],
    interval_s: float,
    until_s: float,
    phases_s: Iterable[float],
    seed: object,
) -> list[Trace]:
    """A trace of each device of one lane, from 0 s until the sampler is stopped; each phase pokes it."""
    rng = random.Random(str(seed))
    clock = Clock(rng)
    loop: sampler.Sampler = object.__new__(sampler.Sampler)  # without its threads
    loop._readings, loop._stopping = deque(), False
    loop._begun = threading.Semaphore(0)
    pokes = [at_s + rng.uniform(0, WIRE_S) for at_s in sorted(phases_s)]
    meters = [_Open(device, clock, rng) for device in lane]
    seeded = SimpleNamespace(Random=lambda: random.Random(rng.random()))
    with patch.object(sampler, "time", clock), patch.object(sampler, "random", seeded):
        loop._read_on_time(list(enumerate(meters)), _Wake(clock, [*pokes, until_s], loop), interval_s)
    samples: list[list[Sample]] = [[] for _ in lane]
    for reading in loop.drain():
        samples[reading.meter].append(Sample(reading.start_s, reading.end_s, reading.value))
    return [
        Trace(device.info, device.info.paced_s(interval_s), found)
        for device, found in zip(lane, samples, strict=True)
    ]


class _Wake:
    """The lock on which a lane waits: released when a phase begins, and at last to stop."""

    def __init__(self, clock: Clock, pokes: Iterable[float], loop: sampler.Sampler) -> None:
        self._clock, self._pokes, self._loop = clock, deque(pokes), loop

    def acquire(self, timeout: float) -> None:
        now_s = self._clock.now_s
        until_s = now_s + timeout
        if self._pokes and self._pokes[0] <= until_s:
            until_s = max(now_s, self._pokes.popleft())
            while self._pokes and self._pokes[0] <= until_s:
                self._pokes.popleft()
            self._loop._stopping = not self._pokes
        self._clock.sleep(until_s - now_s)


class _Open:
    """The device as the sampler meets it: time passes while it is read."""

    def __init__(self, device: Device, clock: Clock, rng: random.Random) -> None:
        self.info = device.info
        self._device, self._clock, self._rng = device, clock, rng

    def read(self) -> float:
        span_s = self._device.read_s(self._clock.now_s) * self._rng.uniform(0.7, 1.5)
        shown_s = self._clock.now_s + span_s * self._rng.random()
        self._clock.now_s += span_s
        return self._device.value(shown_s)

    def close(self) -> None:
        pass


# What devices show.


def counter(wave: Waveform, phase_s: float, tick_s: float, first_tick_s: float) -> Value:
    """A counter's joules, renewed every ``tick_s`` at times that have nothing to do with the load's."""

    def value(at_s: float) -> float:
        renewed_s = math.floor((at_s - first_tick_s) / tick_s) * tick_s + first_tick_s
        return wave.energy_j(phase_s - 10, phase_s + renewed_s)

    return value


def power(
    wave: Waveform, phase_s: float, refresh_s: float = 0.0, first_s: float = 0.0, window_s: float = 0.0
) -> Value:
    """A power, renewed every ``refresh_s`` (0: always) with the mean over the ``window_s`` before it."""

    def value(at_s: float) -> float:
        if refresh_s:
            at_s = math.floor((at_s - first_s) / refresh_s) * refresh_s + first_s
        if not window_s:
            return wave.power_w(phase_s + at_s)
        return wave.energy_j(phase_s + at_s - window_s, phase_s + at_s) / window_s

    return value


class File:
    """A file of a driver, its text set in one write."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT)

    def show(self, text: str) -> None:
        if not text:
            os.ftruncate(self._file, 0)
        else:
            # One width: nothing is left over of a longer text, and cutting files off is slow.
            os.pwrite(self._file, f"{text:<24}\n".encode(), 0)

    def close(self) -> None:
        os.close(self._file)


class Through:
    """What a real meter reads of a file in which the hardware shows ``text`` at that time."""

    def __init__(self, source: Source, path: Path, text: Callable[[float], str]) -> None:
        self._file, self._text = File(path), text
        self._meter = cast(Meter, source.open())

    def __call__(self, at_s: float) -> float:
        self._file.show(self._text(at_s))
        return self._meter.read()

    def close(self) -> None:
        self._file.close()
        self._meter.close()


def in_microjoules(value: Value, range_uj: int) -> Callable[[float], str]:
    """The text of a powercap counter, which goes round after ``range_uj``."""
    return lambda at_s: str(int(value(at_s) * 1e6) % (range_uj + 1))


def knowing_its_tick(device: Device, seed: object) -> Device:
    """The device as NVML's meter leaves it after it was opened: its tick was found by looking."""
    rng = random.Random(str(seed))
    clock = Clock(rng)
    tick_s = find_tick(_Open(device, clock, rng).read, clock.monotonic, clock.sleep)
    info = replace(device.info, refresh_s=tick_s or device.info.refresh_s, ticks=bool(tick_s))
    return replace(device, info=info)


@contextmanager
def nvml_time(at_s: float = 0.0) -> Iterator[Callable[[float], None]]:
    """In a process with the fake NVML: sets its clock, on which meters that are opened look for ticks too."""
    file, clock = File(Path(os.environ["FAKE_NVML_CLOCK"])), Clock(random.Random(1))

    def show(now_s: float) -> None:
        clock.now_s = now_s
        file.show(f"{now_s:.9f}")

    def sleep(span_s: float) -> None:
        show(clock.now_s + span_s)

    show(at_s)
    with patch.object(nvml_counter, "find_tick", partial(find_tick, clock=clock.monotonic, sleep=sleep)):
        yield show
    file.close()


# How devices break; times as those of the simulation.


def failing(
    value: Value, from_s: float, until_s: float = math.inf, words: str = "Input/output error"
) -> Value:
    """Reads fail between two times."""

    def shown(at_s: float) -> float:
        if from_s <= at_s < until_s:
            raise MeterError(f"fake: {words}")
        return value(at_s)

    return shown


def stalled(value: Value, from_s: float, until_s: float = math.inf) -> Value:
    """The value stands still between two times, and catches up afterwards."""
    return lambda at_s: value(from_s if from_s <= at_s < until_s else at_s)


def restarted(value: Value, at_s: float) -> Value:
    """A counter that is 0 at a time and goes on from there."""
    return lambda now_s: value(now_s) - (value(at_s) if now_s >= at_s else 0.0)


def at_times(value: Value, by: float, from_s: float, until_s: float) -> Value:
    """Every other tenth of a second between two times, something else is read."""
    return lambda at_s: by if from_s <= at_s < until_s and int(at_s / 0.1) % 2 else value(at_s)
