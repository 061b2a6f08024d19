"""Energy among what a training logs: joules until now, watts, joules a sample, for any tracker.

::

    with EnergyLog(sinks=[WandbSink(run)]) as log:
        for step in range(1, steps + 1):
            ...
            log.step(samples=64 * step, step=step)

Values are asked for on the wire and handed over in threads of their own: a profiler or a tracker that is
slow, hangs or fails costs values, never the training.
"""

import contextlib
import importlib
import logging
import queue
import threading
import time
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from energyprof.callbacks.log_sink import LogSink
from energyprof.callbacks.window import Window
from energyprof.wire import Wire

logger = logging.getLogger(__name__)

# Between two readings for sinks, unless said otherwise.
EVERY_S = 1.0
# An answer takes a millisecond. One that takes longer is given up, and the next is not waited for at all.
WAIT_S = 0.05
# The last values are waited for longer: the training is over.
LAST_S = 1.0
# So much may lie before a sink that is slow; what comes then is left out.
QUEUED = 100
# A sink that is still busy when the training is over is waited for so long, all together.
CLOSE_S = 5.0
# Over less a mean power says nothing.
LEAST_S = 0.01
J_PER_KWH = 3.6e6


class EnergyLog:
    """The energy of a training from `begin` to `end`, for loggers.

    ``grid``: a number of g CO2e/kWh, or a country's code or name; without one nothing is said of emissions.
    Values are ``energy_j`` since `begin` with its ``energy_u_j`` (k = 2), ``power_w`` (mean since the values
    before), ``j_per_sample``, and ``emissions_g`` with a grid; each after ``energyprof/``, or after
    ``energyprof_modelled/`` where no meter measures. What is not known is left out.

    Raises:
        ValueError: the grid is neither a number above 0 nor a country that is known.
    """

    def __init__(
        self,
        sinks: Sequence[LogSink] = (),
        grid: "Union[float, str, None]" = None,
        every_s: float = EVERY_S,
    ) -> None:
        self._g_per_kwh = _intensity(grid)
        self._every_s = every_s
        self._sinks = list(sinks)
        self._followers: List[_Follower] = []
        self._readings: Optional[_Readings] = None
        self._last_s = 0.0
        self._samples, self._recounted = 0, False

    def __enter__(self) -> "EnergyLog":
        self.begin()
        return self

    def __exit__(self, *raised: object) -> None:
        self.end()

    def begin(self) -> None:
        """The training begins. The first to be measured without a profiler starts one, as `measure` does."""
        self._readings = _Readings()
        self._followers = [_Follower(sink) for sink in self._sinks]
        self._samples, self._recounted = 0, False
        self._last_s = time.monotonic()

    def step(self, samples: Optional[int] = None, step: Optional[int] = None) -> None:
        """So much is trained; may be called at every step: sinks get values every ``every_s``.

        ``samples`` are all since `begin`, not an epoch's: once they fall, joules a sample are left out.
        """
        self._note(samples)
        if self._followers and time.monotonic() - self._last_s >= self._every_s:
            self._pass_on(samples, step)

    def values(self, samples: Optional[int] = None) -> Dict[str, float]:
        """What is known now, for a logger of one's own; empty: nothing."""
        return self._values(samples, WAIT_S)

    def _values(self, samples: Optional[int], wait_s: float) -> Dict[str, float]:
        found = None if self._readings is None else self._readings.now(wait_s)
        if found is None:
            return {}
        energy_j = found.pop("energy_j")
        named = {"energy_j": energy_j, **found}
        if energy_j is None:
            return {}
        self._note(samples)
        if samples and not self._recounted:
            named["j_per_sample"] = energy_j / samples
        if self._g_per_kwh is not None:
            named["emissions_g"] = energy_j / J_PER_KWH * self._g_per_kwh
        prefix = "energyprof/" if self._readings and self._readings.measured else "energyprof_modelled/"
        return {prefix + name: value for name, value in named.items() if value is not None}

    def end(self, samples: Optional[int] = None, step: Optional[int] = None) -> None:
        """The training is over: the last values go out, and sinks get a moment to take them."""
        if self._readings is None:
            return
        if self._followers:
            self._pass_on(samples, step, LAST_S)
        until_s = time.monotonic() + CLOSE_S
        for follower in self._followers:
            follower.close(until_s)
        self._note(samples)
        self._readings.close(None if self._recounted else samples)
        self._readings, self._followers = None, []

    def _note(self, samples: Optional[int]) -> None:
        if samples is None or self._recounted:
            return
        self._recounted = samples < self._samples
        if self._recounted:
            logger.warning(
                "energyprof: samples fell from %d to %d, so joules a sample are left out: "
                "give all that were trained since the start, not an epoch's",
                self._samples,
                samples,
            )
        self._samples = samples

    def _pass_on(self, samples: Optional[int], step: Optional[int], wait_s: float = WAIT_S) -> None:
        self._last_s = time.monotonic()
        values = self._values(samples, wait_s)
        if not values:
            return
        for follower in self._followers:
            follower.put(values, samples if step is None else step)


class _Readings:
    """The joules of one window of the program, asked for without waiting long."""

    def __init__(self) -> None:
        self._window = Window("training")
        self._window.__enter__()
        path = self._window.wire_path
        # A connection of its own: whoever marks phases does not wait for an answer to this.
        self._wire = None if path is None else Wire(path)
        self._waiting = False
        self._before = (0.0, 0.0)  # joules, and the seconds that they are of
        self._power_w: Optional[float] = None
        self.measured = False

    def now(self, wait_s: float) -> Optional[Dict[str, Optional[float]]]:
        """Joules, their uncertainty and the power; ``None``: not known now."""
        said = self._said(wait_s)
        if said is None or said.get("energy_j") is None:
            return None
        self.measured = said.get("origin") == "measured"
        energy_j, time_s = float(said["energy_j"]), float(said["time_s"])
        joules, seconds = energy_j - self._before[0], time_s - self._before[1]
        if seconds >= LEAST_S:
            self._power_w, self._before = joules / seconds, (energy_j, time_s)
        return {"energy_j": energy_j, "energy_u_j": said.get("energy_u_j"), "power_w": self._power_w}

    def close(self, samples: Optional[int]) -> None:
        self._window.samples = samples
        self._window.__exit__()

    def _said(self, wait_s: float) -> Optional[Dict[str, Any]]:
        if self._wire is None:
            return None
        if self._waiting:
            if self._wire.answered(wait_s if wait_s > WAIT_S else 0.0) is None:
                return None
            self._waiting = False  # it is of long ago
        self._wire.put("energy", window=self._window.number, over=False)
        said = self._wire.answered(wait_s)
        self._waiting = said is None
        return said


class _Follower:
    """Hands values to one sink in a thread of its own."""

    def __init__(self, sink: LogSink) -> None:
        self._sink = sink
        self._left_out = 0
        self._queue: "queue.Queue[Optional[tuple[Mapping[str, float], Optional[int]]]]" = queue.Queue(QUEUED)
        self._thread = threading.Thread(target=self._follow, name="energyprof-log", daemon=True)
        self._thread.start()

    def put(self, values: Mapping[str, float], step: Optional[int]) -> None:
        try:
            self._queue.put_nowait((values, step))
        except queue.Full:
            self._left_out += 1

    def close(self, until_s: float) -> None:
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=max(0.0, until_s - time.monotonic()))
        self._thread.join(max(0.0, until_s - time.monotonic()))
        if self._thread.is_alive() or self._left_out:
            lost = self._left_out + self._queue.qsize()
            logger.warning("energyprof: %s was too slow: values that it did not get: %d", self._name, lost)

    @property
    def _name(self) -> str:
        return type(self._sink).__name__

    def _follow(self) -> None:
        while True:
            news = self._queue.get()
            if news is None:
                return
            try:
                self._sink.log(*news)
            except Exception:
                logger.warning(
                    "energyprof: %s failed; the training goes on, but is no longer logged there",
                    self._name,
                    exc_info=True,
                )
                break
        while self._queue.get() is not None:  # whoever waits for room gets it
            pass


def _intensity(grid: "Union[float, str, None]") -> Optional[float]:
    if grid is None:
        return None
    if isinstance(grid, str):
        # By its name: the training side, to which this belongs, is valid without it (Python 3.8).
        found = importlib.import_module("energyprof.compare.emissions").of_country(grid)
        return float(found.g_per_kwh)
    if not 0 < grid < float("inf"):
        raise ValueError(f"grid {grid!r}: give g CO2e/kWh above 0, such as 56, or a country such as FR")
    return float(grid)
