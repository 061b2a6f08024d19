"""A training's last checkpoint, in a temporary folder for as long as the training goes on."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Callable, Optional

from energyprof.workload import WorkloadError
from energyprof.workloads.training import ranks


class Checkpoint:
    """A place for one checkpoint; each replaces the one before."""

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted and ranks.rank() == 0
        self._folder: Optional[Path] = None

    def __enter__(self) -> "Checkpoint":
        if self._wanted:
            self._folder = Path(tempfile.mkdtemp(prefix="energyprof-checkpoint-"))
        return self

    def __exit__(self, *_: Any) -> None:
        if self._folder is not None:
            shutil.rmtree(str(self._folder), ignore_errors=True)

    def write(self, state: Callable[[], Any]) -> None:
        """Write ``state()`` and wait until the disk has it; only the first process does.

        Raises:
            WorkloadError: the disk does not take it.
        """
        if self._folder is None:
            return
        import torch

        path = self._folder / "checkpoint.pt"
        try:
            with path.with_suffix(".part").open("wb") as file:
                torch.save(state(), file)
                file.flush()
                os.fsync(file.fileno())
            path.with_suffix(".part").replace(path)
        except (OSError, RuntimeError) as error:  # torch's writer turns a full disk into a RuntimeError
            raise WorkloadError(
                f"{self._folder}: the checkpoint cannot be written ({_reason(error)}): make room, "
                "set TMPDIR, or do without --checkpoint"
            ) from error


def _reason(error: BaseException) -> str:
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (words.splitlines() or ["?"])[0][:120]
