"""A file that an installed package ships: found without importing the package, checked before it is used."""

import hashlib
import importlib.util
from pathlib import Path

from energyprof.workload import WorkloadError
from energyprof.workloads.training.device import INSTALL


def folder(module: str, holds: str) -> Path:
    """Where the installed package ``module`` lies; ``holds`` is what it is needed for.

    Raises:
        WorkloadError: it is not installed.
    """
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise WorkloadError(f"{module}, which ships {holds}, is not installed: {INSTALL.format('workloads')}")
    return Path(spec.origin).parent


def checked(path: Path, sha256: str, distribution: str) -> Path:
    """``path``, once its bytes have been found to be the expected ones; else install ``distribution`` anew.

    Our own is installed as it was: nobody has registered its name.

    Raises:
        WorkloadError: the file is missing, unreadable or another one.
    """
    ours = distribution == "energyprof"
    again = "install energyprof anew" if ours else f"pip install --force-reinstall {distribution}"
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            for part in iter(lambda: file.read(1 << 20), b""):
                digest.update(part)
    except OSError as error:
        raise WorkloadError(f"cannot read {path} ({error.strerror}): {again}") from error
    found = digest.hexdigest()
    if found != sha256:
        raise WorkloadError(f"{path} has SHA-256 {found[:12]}…, not {sha256[:12]}…: {again}")
    return path
