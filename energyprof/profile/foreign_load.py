"""Looks at what else the processors do, before and while a training runs, and says so once at its start."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from energyprof.measure.busy_time import BusyTime
from energyprof.profile.recorder import Recorder
from energyprof.report.foreign_load import LoadReading, others, reading

# So long after its start a training is still worth stopping.
START_S = 10.0
# A look at less than this tells little of what goes on.
LOOK_S = 1.0


class ForeignLoad:
    """The machine's busy time beside the training's, into the trace; a warning where others' matters."""

    def __init__(self, busy: BusyTime, recorder: Recorder) -> None:
        self._busy, self._recorder = busy, recorder
        self._cpu_s = 0.0  # of the training, as last seen
        self._first: LoadReading | None = None
        self._started_s: float | None = None
        self._told = False
        self._known = busy.cpus > 0

    def fields(self, cpu_s: float | None = None) -> Mapping[str, Any]:
        """What an event says of the processors; ``cpu_s``: the training's time, if it was just read."""
        self._cpu_s = self._cpu_s if cpu_s is None else cpu_s
        said: dict[str, Any] = {"cpu_s": self._cpu_s}
        now_s, busy_s = time.monotonic(), self._busy.read() if self._known else None
        if busy_s is None:
            return said
        said |= {"busy_s": busy_s, "profiler_s": time.process_time(), "cpus": self._busy.cpus}
        self._warn(reading(now_s, said))
        return said

    def look(self) -> None:
        """Read it into the trace while no training runs."""
        if self._known:
            self._recorder.event("load", self.fields())

    def starts(self) -> None:
        """The training starts now."""
        self.look()
        self._started_s, self._first = time.monotonic(), None

    def ends_unknown(self) -> None:
        """The training ended and the kernel does not tell what it used: nor what others did."""
        self._known = False

    @property
    def wanted(self) -> bool:
        """Whether the training has just begun, and what else runs is not known yet."""
        if self._told or not self._known or self._started_s is None:
            return False
        return time.monotonic() - self._started_s < START_S

    def _warn(self, now: LoadReading | None) -> None:
        if now is None or self._told:
            return
        if self._first is None:
            self._first = now
            return
        if now.time_s - self._first.time_s < LOOK_S:
            return
        if self._started_s is not None and now.time_s - self._started_s > START_S:
            return
        found = others([self._first, now], self._first.time_s, now.time_s)
        if found is not None and found.matter:
            self._told = True
            print(
                f"warning: other programs use {found} cores: two trainings on busy cores slow each other "
                "many times over, and their energy is in this report's; wait until the machine is idle",
                file=sys.stderr,
                flush=True,
            )
