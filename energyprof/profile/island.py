"""How ``import energyprof`` works in the interpreter that trains, whichever that is."""

from __future__ import annotations

import os
from pathlib import Path


def pythonpath(folder: Path, inherited: str | None, package: Path | None) -> str:
    """A ``PYTHONPATH`` with ``package`` (else this energyprof) on it, and nothing else that is ours.

    The package alone is linked into a folder of its own: with the whole site-packages on the path, another
    Python would find this one's compiled packages.
    """
    (folder / "path").mkdir()
    (folder / "path" / "energyprof").symlink_to(package or Path(__file__).resolve().parents[1])
    return os.pathsep.join(filter(None, [str(folder / "path"), inherited]))
