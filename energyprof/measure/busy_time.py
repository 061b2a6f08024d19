"""How long the machine's processors have been busy, whoever kept them so: the first line of /proc/stat.

In a container it is the host's, other containers' work among it (unless lxcfs shows the container its own).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

# proc(5), the line "cpu": user, nice, system, irq, softirq. Waiting for I/O is idle, stolen time another
# guest's; guest time is in user and nice.
BUSY = (1, 2, 3, 6, 7)


class BusyTime:
    """The processor time of everything on the machine; ``cpus`` is how many there are, 0 if unknown."""

    def __init__(self, root: Path) -> None:
        self._path = root / "proc/stat"
        self._ticks_per_s = os.sysconf("SC_CLK_TCK")
        try:
            self.cpus = len(re.findall(r"^cpu\d+ ", self._path.read_text(), re.MULTILINE))
        except (OSError, ValueError):
            self.cpus = 0

    def read(self) -> float | None:
        """Busy CPU seconds since the machine started; ``None``: the kernel does not tell."""
        if self.cpus == 0:
            return None
        try:
            with self._path.open("rb", buffering=0) as file:
                line = file.read(256).partition(b"\n")[0].split()
            return sum(int(line[field]) for field in BUSY) / self._ticks_per_s
        except (OSError, ValueError, IndexError):
            return None
