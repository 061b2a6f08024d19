"""A powercap tree whose counter follows a waveform in real time, as the kernel's would."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from fakes import sysfs
from fakes.waveform import Waveform


class LivePowercap:
    """One package zone below ``root``; a thread renews its counter about every millisecond.

    Once there is a file ``root/break`` the counter is empty for good, as of a driver without a reading.
    """

    def __init__(self, root: Path, wave: Waveform, range_uj: int = 262143328850) -> None:
        sysfs.cpuinfo(root)
        self.zone = sysfs.zone(root, "intel-rapl:0", "package-0", 0, range_uj)
        self._wave, self._range_uj = wave, range_uj
        self._counter, self._break = self.zone / "energy_uj", root / "break"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _renew(self) -> None:
        with open(self._counter, "r+b", buffering=0) as file:
            while not self._ended.wait(0.001):
                if self._break.exists():
                    file.truncate(0)
                    return
                joules = self._wave.counter_j(time.monotonic())
                # One width and one write: a reader never meets half a number.
                file.seek(0)
                file.write(b"%020d\n" % (int(joules * 1e6) % (self._range_uj + 1)))
