"""What node 0 leaves in the reports' folder when it ends before all others came: who comes later finds it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from energyprof.errors import FileError, TrainingError
from energyprof.files import write_text
from energyprof.profile.nodes.local import hashed
from energyprof.units import seconds

SUFFIX = ".over"
# Nobody who began with node 0 waits longer than that, if not told to: older ones are of runs that are past.
EXPIRES_S = 600.0
# Where another run may have the same key, node 0 may begin it yet: it is waited for no longer than this.
AGAIN_S = 60.0
MAX_BYTES = 2000


class Tombstone:
    """Where one run's would lie; ``key`` is that run's, and no other's if it is ``once``."""

    def __init__(self, folder: Path, key: str, *, once: bool) -> None:
        self._path = folder / f".energyprof-{hashed(key)}{SUFFIX}"
        self._once = once
        self._begun_s = time.monotonic()
        self._before = self._read() is not None  # it was there before this process was
        self._told = False

    def leave(self, why: str) -> None:
        """Say that node 0 has ended, and why. A folder that takes nothing is told nothing."""
        with contextlib.suppress(FileError):
            write_text(self._path, why[:MAX_BYTES])

    def clear(self) -> None:
        """As node 0: this run has begun. What runs of the past have left in the folder goes, too."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        for path in self._path.parent.glob(f".energyprof-*{SUFFIX}"):
            with contextlib.suppress(OSError):  # another node 0 has just removed it
                if _age_s(path) > EXPIRES_S:
                    path.unlink(missing_ok=True)

    def check(self) -> None:
        """As another node: whether node 0 has ended. One that was there before may be of an earlier try.

        Raises:
            TrainingError: it has, and is not to begin again.
        """
        found = self._read()
        if found is None:
            return
        why, age_s = found
        if self._once or not self._before or time.monotonic() - self._begun_s > AGAIN_S:
            # Made anew by who came after node 0 had removed it; nobody looks there any more.
            shutil.rmtree(self._path.with_suffix(""), ignore_errors=True)
            raise TrainingError(f"no training: node 0 has ended: {why}")
        if not self._told:
            self._told = True
            print(
                f"node 0 ended {seconds(age_s)} ago: {why}; in case it begins again it is"
                f" waited for, for {AGAIN_S:.0f} s",
                file=sys.stderr,
                flush=True,
            )

    def _read(self) -> tuple[str, float] | None:
        """What it says, and its age in s; both at once, since node 0 may remove it at any moment."""
        with contextlib.suppress(OSError):
            if (age_s := _age_s(self._path)) <= EXPIRES_S:
                return self._path.read_text(encoding="utf-8", errors="replace").strip(), age_s
        return None


def _age_s(path: Path) -> float:
    """Since when it is there, in s by the clock of the folder's own machine: a node's may be hours off.

    Raises:
        OSError: it is not there.
    """
    written_s = path.stat().st_mtime
    try:
        with tempfile.NamedTemporaryFile(prefix=".energyprof-now-", dir=path.parent) as now:
            return os.stat(now.name).st_mtime - written_s
    except OSError:
        return time.time() - written_s
