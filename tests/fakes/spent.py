"""A powercap counter that shows just the joules that a script says it spends: no clock decides them."""

from __future__ import annotations

import threading
from pathlib import Path

from fakes import sysfs

# For a script: `use(joules)` comes back when the counter shows them; `rest()` lets the meter look at the edge
# of a phase while nothing is spent: it is longer than the interval between two reads.
SPENDER = """
import os, time, energyprof
_root = os.environ["ENERGYPROF_SYSFS_ROOT"]
def _read(path):
    with open(path) as file:
        return int(file.read() or 0)
def use(joules):
    counter = os.path.join(_root, "sys/class/powercap/intel-rapl:0/energy_uj")
    before = _read(counter)
    total = _read(_root + "/spent_uj") + int(joules * 1e6)
    with open(_root + "/spent_uj", "w") as file:
        file.write("%020d" % total)
    while _read(counter) - before < int(joules * 1e6):
        time.sleep(0.002)
def rest():
    time.sleep(0.2)
"""


class SpentJoules:
    """One package below ``root``: what scripts spend, and 0.1 mW, so that it never stands still."""

    def __init__(self, root: Path) -> None:
        sysfs.cpuinfo(root, sockets=1)
        zone = sysfs.zone(root, "intel-rapl:0", "package-0", 0, sysfs.INTEL_RANGE_UJ)
        self._counter, self._spent = zone / "energy_uj", sysfs.write(root / "spent_uj", "0" * 20)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the counter."""
        self._ended.set()
        self._thread.join()

    def _renew(self) -> None:
        own_uj, spent_uj = 0, 0
        with open(self._counter, "r+b", buffering=0) as file:
            while not self._ended.wait(0.008):
                own_uj += 1
                # A script truncates the file before it writes: half a number is none.
                text = self._spent.read_text()
                spent_uj = int(text) if len(text) == 20 else spent_uj
                file.seek(0)
                file.write(b"%020d\n" % (own_uj + spent_uj))
