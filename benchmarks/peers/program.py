"""A tool's own command line on a program: what it prints does not matter here, but its exit code does.

The settings name the ``command`` and, with a ``*``, the ``reports`` it should leave.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from peers.windows import read_order, wait_until

# perun waits 60 s for a process of its own that is gone.
PATIENCE_S = 110.0

if __name__ == "__main__":
    order = read_order()
    wait_until(order.windows[0][0])
    start_s = time.monotonic()
    try:
        done = subprocess.run(order.settings["command"], timeout=PATIENCE_S, check=False)
        order.answer(exit=done.returncode)
    except subprocess.TimeoutExpired:
        order.answer(exit=None)
    reports = [str(path) for path in Path().glob(order.settings["reports"]) if path.is_file()]
    order.answer(took_s=time.monotonic() - start_s, reports=reports)
