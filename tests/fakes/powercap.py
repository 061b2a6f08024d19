"""A powercap tree whose counters follow a waveform in real time, as the kernel's would."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from fakes import sysfs
from fakes.waveform import Waveform

# What a test may allow a counter of 50 W: on a busy machine the thread renews it half a second late.
LAG_J = 25.0


class LivePowercap:
    """Package zones below ``root``, each with the waveform's power, renewed every ``renew_s`` or so.

    Once there is a file ``root/break`` the counters are empty for good, as of a driver without a reading.
    """

    def __init__(
        self,
        root: Path,
        wave: Waveform,
        packages: int = 1,
        range_uj: int = sysfs.INTEL_RANGE_UJ,
        renew_s: float = 0.005,
    ) -> None:
        sysfs.cpuinfo(root, sockets=packages)
        zones = [sysfs.zone(root, f"intel-rapl:{n}", f"package-{n}", 0, range_uj) for n in range(packages)]
        self._counters = [zone / "energy_uj" for zone in zones]
        self._break = os.fspath(root / "break")
        self._wave, self._range_uj, self._renew_s = wave, range_uj, renew_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the counters."""
        self._ended.set()
        self._thread.join()

    def _renew(self) -> None:
        files = [os.open(path, os.O_WRONLY) for path in self._counters]
        try:
            # Asleep, not at a lock with a time limit: it costs half, and most tests wait beside this thread.
            while not self._ended.is_set():
                time.sleep(self._renew_s)
                if os.path.exists(self._break):
                    for file in files:
                        os.truncate(file, 0)
                    return
                joules = self._wave.counter_j(time.monotonic())
                # One width and one write: a reader never meets half a number.
                text = b"%020d\n" % (int(joules * 1e6) % (self._range_uj + 1))
                for file in files:
                    os.pwrite(file, text, 0)
        finally:
            for file in files:
                os.close(file)
