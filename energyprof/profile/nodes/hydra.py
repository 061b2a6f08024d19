"""Which launch this is, where MPICH's mpiexec gives its processes no name for it: where it listens itself."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from energyprof.profile.processes import started_of, stat_of

# What Hydra's proxy on each node is told of its mpiexec; of Intel MPI's the same in two words.
ADDRESSED = (
    re.compile(rb"--control-port\0([^\0]+)"),
    re.compile(rb"--upstream-host\0([^\0]+\0--upstream-port\0[^\0]+)"),
)
# Wrappers, shells and containers may stand between; more than so many do not.
GENERATIONS = 30


def launch() -> str:
    """The same for all processes of an mpiexec, on whatever node; else for all that this parent started."""
    pid = parent = os.getppid()
    for _ in range(GENERATIONS):
        if pid <= 1:
            break
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
            for pattern in ADDRESSED:
                if (found := pattern.search(words)) is not None:
                    return found[1].decode(errors="replace")
        stat = stat_of(pid)
        pid = 0 if stat is None else int(stat[1])
    return f"{parent}-{started_of(parent)}"
