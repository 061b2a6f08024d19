"""Background threads that read the meters on time: one a lane, so that a hung meter delays no other."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from energyprof.clock import ended
from energyprof.errors import MeterError
from energyprof.measure.schedule import FixedInterval, Schedule, StratifiedRandom, TickTracking
from energyprof.meter import Meter

# Meters hang for good (a dead bus, a driver in a reset): their threads are left behind after this. A request
# over a network may take 1.5 s.
STOP_S = 1.7
# At the end the tick that is under way is waited for, so that its energy has an end too.
LAST_TICK_STEP_S = 0.002
LAST_TICK_S = 0.5


class Reading(NamedTuple):
    """One attempt to read one meter; both stamps are ``time.monotonic()``."""

    meter: int  # index among the sampler's meters
    start_s: float
    end_s: float
    value: float | None
    error: str


class Sampler:
    """Reads every meter about each ``interval_s``, as its kind of reading asks for, until stopped."""

    def __init__(self, meters: Sequence[Meter], interval_s: float) -> None:
        self._readings: deque[Reading] = deque()
        self._stopping = False
        # Bare locks, held while there is nothing to wake for: an Event's wait costs half as much again.
        lanes: dict[str, list[tuple[int, Meter]]] = {}
        for index, meter in enumerate(meters):
            lanes.setdefault(meter.info.lane or f"its own: {index}", []).append((index, meter))
        self._lanes = list(lanes.values())
        self._wakes = [threading.Lock() for _ in self._lanes]
        self._begun = threading.Semaphore(0)  # raised by each lane that has read its meters once
        self._threads = []
        for lane, wake in zip(self._lanes, self._wakes, strict=True):
            wake.acquire()
            thread = threading.Thread(
                target=self._read_on_time,
                args=(lane, wake, interval_s),
                name=f"energyprof-{lane[0][1].info.name}",
                daemon=True,
            )
            self._threads.append(thread)
            thread.start()

    def read_now(self) -> None:
        """Read every meter now, besides its deadlines: a phase begins, and its edge should have a reading."""
        for wake in self._wakes:
            with contextlib.suppress(RuntimeError):  # already poked, and not yet awake
                wake.release()

    def wait_for_first(self, most_s: float) -> None:
        """Wait until every meter was read once, but not for one that hangs."""
        until_s = time.monotonic() + most_s
        for _ in self._lanes:
            self._begun.acquire(timeout=max(0.0, until_s - time.monotonic()))

    def drain(self) -> Iterable[Reading]:
        """What was read since the last call, each meter's readings in order."""
        for _ in range(len(self._readings)):
            yield self._readings.popleft()

    def stop(self) -> list[int]:
        """Read every meter once more and stop; the indices of the meters that hang come back."""
        self._stopping = True
        self.read_now()
        deadline_s = time.monotonic() + STOP_S
        return [
            index
            for lane, thread in zip(self._lanes, self._threads, strict=True)
            if not ended(thread, deadline_s)
            for index, _ in lane
        ]

    def _read_on_time(
        self, lane: Sequence[tuple[int, Meter]], wake: threading.Lock, interval_s: float
    ) -> None:
        schedule = _schedule(lane, interval_s)
        rest_s = max(meter.info.min_interval_s for _, meter in lane)
        first = True
        while True:
            last_one = self._stopping  # looked at first, so that a reading follows the call of stop()
            rested_s = time.monotonic() + rest_s
            for index, meter in lane:
                self._readings.append(reading := _read(index, meter))
                schedule.saw(reading.start_s, reading.end_s, reading.value)
            if first:
                self._begun.release()
                first = False
            if last_one:
                if isinstance(schedule, TickTracking):
                    self._see_the_tick_end(*lane[0])
                return
            now_s = time.monotonic()
            wake.acquire(timeout=max(0.0, schedule.next_s(now_s) - now_s))
            # A device that must not be asked so often is not, however often it is poked.
            while not self._stopping and (early_s := rested_s - time.monotonic()) > 0:
                wake.acquire(timeout=early_s)

    def _see_the_tick_end(self, index: int, meter: Meter) -> None:
        shown = first = _read(index, meter)
        until_s = first.start_s + min(LAST_TICK_S, 1.5 * meter.info.refresh_s)
        # By when a reading began, not by when it is looked at: a busy machine may lie between the two.
        while first.value is not None and shown.value == first.value and shown.start_s < until_s:
            time.sleep(LAST_TICK_STEP_S)
            self._readings.append(shown := _read(index, meter))


def _schedule(lane: Sequence[tuple[int, Meter]], interval_s: float) -> Schedule:
    """Powers at random times, counters that tick slowly at their ticks, other counters on even beats."""
    infos = [meter.info for _, meter in lane]
    paced_s = min(info.paced_s(interval_s) for info in infos)
    if infos[0].reads == "power_w":
        return StratifiedRandom(paced_s, random.Random())
    if len(infos) == 1 and infos[0].ticks:
        return TickTracking(paced_s, infos[0].refresh_s)
    return FixedInterval(paced_s)


def _read(index: int, meter: Meter) -> Reading:
    start_s = time.monotonic()
    value, problem = None, ""
    try:
        value = meter.read()
    except MeterError as error:
        problem = str(error)
    except Exception as error:  # noqa: BLE001  # a bug in a meter must not pass for a quiet machine
        problem = f"{type(error).__name__}: {error}"
    return Reading(index, start_s, time.monotonic(), value, problem)
