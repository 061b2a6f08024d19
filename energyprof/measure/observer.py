"""A background thread that asks the probes once a second under what conditions the devices work."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from energyprof.clock import ended
from energyprof.errors import MeterError
from energyprof.meter import Probe

PERIOD_S = 1.0
# A probe that hangs is left behind after this.
STOP_S = 0.2

Tell = Callable[[Mapping[str, Any]], None]


class Observer:
    """Tells ``tell`` what each probe reads, at once and then every second, until stopped.

    Of the processes on a device it tells those that are not ``own`` and do not descend from it.
    """

    def __init__(self, probes: Sequence[Probe], own: int, tell: Tell) -> None:
        self._probes, self._own, self._tell = probes, own, tell
        self._stopping = False
        self._wake = threading.Lock()  # held while there is nothing to wake for
        self._wake.acquire()
        self._before_start = True
        self._thread = threading.Thread(target=self._observe, name="energyprof-observer", daemon=True)
        if probes:
            self._thread.start()

    def training_starts(self) -> None:
        """From now on a process that cannot be looked up may be the training's own."""
        self._before_start = False

    def ask_now(self) -> None:
        """Ask the probes now, besides once a second."""
        with contextlib.suppress(RuntimeError):  # already poked, and not yet awake
            self._wake.release()

    def stop(self) -> None:
        """Ask no more."""
        self._stopping = True
        self.ask_now()
        if self._probes:
            ended(self._thread, time.monotonic() + STOP_S)

    def _observe(self) -> None:
        while True:
            for probe in self._probes:
                try:
                    facts = dict(probe.read())
                except MeterError as error:
                    facts = {"problem": str(error)}
                except Exception as error:  # noqa: BLE001  # a bug in a probe must not stop the others
                    facts = {"problem": f"{type(error).__name__}: {error}"}
                foreign = [
                    process for process in facts.pop("processes", ()) if self._is_foreign(process["pid"])
                ]
                if foreign:
                    facts["foreign"] = [f"{process['name']}, pid {process['pid']}" for process in foreign]
                self._tell({"device": probe.name, **facts})
            self._wake.acquire(timeout=PERIOD_S)
            if self._stopping:
                return

    def _is_foreign(self, pid: int) -> bool:
        """Whether ``pid`` is not ours. In a container a driver may give numbers that mean nothing here."""
        seen = set()
        while pid not in seen:
            if pid == self._own:
                return False
            seen.add(pid)
            try:
                # proc(5): the parent's number is the second field after the name, which stands in brackets.
                pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                return self._before_start or len(seen) > 1
        return True
