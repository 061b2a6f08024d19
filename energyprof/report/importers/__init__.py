"""Files of other tools as reports: one module per kind of file, and here which kind a file is."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from energyprof.errors import FileError, UsageError
from energyprof.report.importers.imported import Imported, Request

IMPORTS = {
    "mlperf": "energyprof.report.importers.mlperf",
    "codecarbon": "energyprof.report.importers.codecarbon",
    "carbontracker": "energyprof.report.importers.carbontracker",
    "zeus": "energyprof.report.importers.zeus",
    "pyjoules": "energyprof.report.importers.pyjoules",
    "expetator": "energyprof.report.importers.expetator",
}


class Importer(Protocol):
    """What a module of `IMPORTS` offers."""

    def recognises(self, path: Path) -> bool:
        """Whether the file's content is of this kind; also ``False`` if it is not text."""
        ...

    def read(self, request: Request) -> Imported:
        """What the files hold.

        Raises:
            FileError: a file cannot be read, or is not what it should be.
            UsageError: the files are several works, or an option makes no sense with them.
        """
        ...


def read(request: Request, kind: str = "") -> Imported:
    """What the files hold; without ``kind`` their content tells what they are. Raises as `Importer`."""
    if kind and kind not in IMPORTS:
        raise UsageError(f"--kind {kind}: choose from {', '.join(IMPORTS)}")
    for path in (*request.files, *request.power):
        if not path.exists():
            raise FileError(f"{path}: no such file")
    if len({path.resolve() for path in request.files}) < len(request.files):
        raise UsageError("a file is named twice; it would count as two runs")
    return _load(kind or _kind(request.files)).read(request)


def _kind(files: Sequence[Path]) -> str:
    kinds = {path: next((name for name in IMPORTS if _load(name).recognises(path)), "") for path in files}
    for path, kind in kinds.items():
        if not kind:
            raise FileError(f"{path}: not of a known kind ({', '.join(IMPORTS)}); --kind NAME forces one")
    if len(set(kinds.values())) > 1:
        shown = ", ".join(f"{path} is {kind}" for path, kind in kinds.items())
        raise UsageError(f"a report is made from files of one kind: {shown}")
    return kinds[files[0]]


def _load(name: str) -> Importer:
    return cast(Importer, import_module(IMPORTS[name]))
