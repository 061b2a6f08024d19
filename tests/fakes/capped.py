"""A package whose power follows what its levers are set to, integrated in real time as its counter would."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from fakes import sysfs


class CappedPackage:
    """``intel-rapl:0`` below ``root``; its counter adds up ``power_w()``, asked every ``renew_s``."""

    def __init__(self, root: Path, power_w: Callable[[], float], renew_s: float = 0.002) -> None:
        sysfs.cpuinfo(root)
        zone = sysfs.zone(root, "intel-rapl:0", "package-0", 0, sysfs.INTEL_RANGE_UJ)
        self._counter, self._power_w, self._renew_s = zone / "energy_uj", power_w, renew_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the counter."""
        self._ended.set()
        self._thread.join()

    def _renew(self) -> None:
        joules, last_s = 0.0, time.monotonic()
        with open(self._counter, "r+b", buffering=0) as file:
            while not self._ended.is_set():
                time.sleep(self._renew_s)
                now_s = time.monotonic()
                joules += self._power_w() * (now_s - last_s)
                last_s = now_s
                # One width and one write: a reader never meets half a number.
                file.seek(0)
                file.write(b"%020d\n" % int(joules * 1e6))
