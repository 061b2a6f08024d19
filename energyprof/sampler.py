"""Background threads that read the meters on time: one a lane, so that a hung meter delays no other."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from energyprof.errors import MeterError
from energyprof.meter import Meter

# Meters hang for good (a dead bus, a driver in a reset): their threads are left behind after this.
STOP_S = 1.0


class Reading(NamedTuple):
    """One attempt to read one meter; both stamps are ``time.monotonic()``."""

    meter: int  # index among the sampler's meters
    start_s: float
    end_s: float
    value: float | None
    error: str


class Sampler:
    """Reads every meter each ``interval_s``, at deadlines that do not drift, until stopped."""

    def __init__(self, meters: Sequence[Meter], interval_s: float) -> None:
        self._readings: deque[Reading] = deque()
        self._stopping = False
        # Bare locks, held while there is nothing to wake for: an Event's wait costs half as much again.
        lanes: dict[str, list[tuple[int, Meter]]] = {}
        for index, meter in enumerate(meters):
            lanes.setdefault(meter.info.lane or f"its own: {index}", []).append((index, meter))
        self._lanes = list(lanes.values())
        self._wakes = [threading.Lock() for _ in self._lanes]
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

    def poke(self) -> None:
        """Read every meter now, besides its deadlines: a phase begins, and its edge should have a reading."""
        for wake in self._wakes:
            with contextlib.suppress(RuntimeError):  # already poked, and not yet awake
                wake.release()

    def drain(self) -> Iterable[Reading]:
        """What was read since the last call, each meter's readings in order."""
        for _ in range(len(self._readings)):
            yield self._readings.popleft()

    def stop(self) -> list[int]:
        """Read every meter once more and stop; the indices of the meters that hang come back."""
        self._stopping = True
        self.poke()
        deadline_s = time.monotonic() + STOP_S
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))
        return [
            index
            for lane, thread in zip(self._lanes, self._threads, strict=True)
            if thread.is_alive()
            for index, _ in lane
        ]

    def _read_on_time(
        self, lane: Sequence[tuple[int, Meter]], wake: threading.Lock, interval_s: float
    ) -> None:
        first_s = time.monotonic()
        while True:
            last_one = self._stopping  # looked at first, so that a reading follows the call of stop()
            for index, meter in lane:
                start_s = time.monotonic()
                value, problem = _read(meter)
                self._readings.append(Reading(index, start_s, time.monotonic(), value, problem))
            if last_one:
                return
            # The next deadline of a fixed grid: those that a slow read let pass are missed, not caught up.
            now_s = time.monotonic()
            beats = math.floor((now_s - first_s) / interval_s) + 1
            wake.acquire(timeout=max(0.0, first_s + beats * interval_s - now_s))


def _read(meter: Meter) -> tuple[float | None, str]:
    try:
        return meter.read(), ""
    except MeterError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001  # a bug in a meter must not pass for a quiet machine
        return None, f"{type(error).__name__}: {error}"
