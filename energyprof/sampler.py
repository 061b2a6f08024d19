"""Background threads that read the meters on time: one a meter, so that a hung one delays no other."""

from __future__ import annotations

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

# No round number: the sensors of A100 and H100 look 25 ms in every 100 ms, and a load or a meter with such a
# period would always be met at the same point (Yang et al., SC'24, arXiv 2312.02741).
INTERVAL_S = 0.097


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
        self._wakes = [threading.Event() for _ in meters]
        self._threads = [
            threading.Thread(
                target=self._read_on_time,
                args=(index, meter, interval_s),
                name=f"energyprof-{meter.info.name}",
                daemon=True,
            )
            for index, meter in enumerate(meters)
        ]
        for thread in self._threads:
            thread.start()

    def poke(self) -> None:
        """Read every meter now, besides its deadlines: a phase begins, and its edge should have a reading."""
        for wake in self._wakes:
            wake.set()

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
        return [index for index, thread in enumerate(self._threads) if thread.is_alive()]

    def _read_on_time(self, index: int, meter: Meter, interval_s: float) -> None:
        wake, readings = self._wakes[index], self._readings
        first_s = time.monotonic()
        while True:
            last_one = self._stopping  # read before, so that a reading follows the call of stop()
            wake.clear()
            start_s = time.monotonic()
            value, problem = _read(meter)
            end_s = time.monotonic()
            readings.append(Reading(index, start_s, end_s, value, problem))
            if last_one:
                return
            # The next deadline of a fixed grid: those that a slow read let pass are missed, not caught up.
            beats = math.floor((end_s - first_s) / interval_s) + 1
            wake.wait(first_s + beats * interval_s - end_s)


def _read(meter: Meter) -> tuple[float | None, str]:
    try:
        return meter.read(), ""
    except MeterError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001  # a bug in a meter must not pass for a quiet machine
        return None, f"{type(error).__name__}: {error}"
