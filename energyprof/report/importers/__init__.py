"""Files of other tools as reports: one module per kind of file, and here which kind a file is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from energyprof.errors import FileError, UsageError
from energyprof.report.importers.imported import Imported, Request, SeveralInOne, holds
from energyprof.report.record import SCHEMA
from energyprof.trace.logs.wanted import Several

# In the order in which they are asked what a file is; any table may be a power log.
IMPORTS = {
    "mlperf": "energyprof.report.importers.mlperf",
    "codecarbon": "energyprof.report.importers.codecarbon",
    "carbontracker": "energyprof.report.importers.carbontracker",
    "zeus": "energyprof.report.importers.zeus",
    "pyjoules": "energyprof.report.importers.pyjoules",
    "expetator": "energyprof.report.importers.expetator",
    "eco2ai": "energyprof.report.importers.eco2ai",
    "perun": "energyprof.report.importers.perun",
    "power": "energyprof.report.importers.power",
}


# Within so many a report says that it is one.
REPORT_BYTES = 4096


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
    for path in request.files:
        if not path.exists():
            raise FileError(f"{path}: no such file")
        if not (path.is_file() or path.is_dir()):
            raise FileError(f"{path}: neither a file nor a folder")
    request = replace(request, files=tuple(file for path in request.files for file in _in_folder(path)))
    if len({path.resolve() for path in request.files}) < len(request.files):
        raise UsageError("a file is named twice; it would count as two runs")
    kind = kind or _kind(request)
    if kind == "mlperf":
        for path in request.logs:
            if not path.exists():
                raise FileError(f"{path}: no such file")
    _check_options(request, kind)
    files, notes = _distinct(request.files)
    found = _load(kind).read(replace(request, files=files))
    if not notes:
        return found
    return replace(found, report=replace(found.report, notes=(*notes, *found.report.notes)))


def look(request: Request, kind: str = "") -> tuple[list[Imported], Several | None]:
    """What the files hold, also where it must be said how to read them: then each way to, and what to say.

    Raises as `Importer`.
    """
    try:
        return [read(request, kind)], None
    except SeveralInOne as several:
        if (kind or _kind(request)) != "power":
            raise
        ways = [
            replace(request, wanted=replace(way, power=()), power=way.power, only=way.only)
            for way in several.cause.ways
        ]
        return [read(way, "power") for way in ways], several.cause


def _in_folder(path: Path) -> list[Path]:
    """The results of an MLPerf benchmark's folder, in the order of their numbers; else the path itself."""
    if not path.is_dir():
        return [path]
    found = sorted(path.glob("result_*.txt"), key=lambda file: (len(file.name), file.name))
    return found or [path]


def _check_options(request: Request, kind: str) -> None:
    """Raises UsageError: an option says something that a file of this kind does not ask."""
    wanted = request.wanted
    of_tables = {"time": wanted.time, "energy": wanted.energy, "every": wanted.every_s}
    given = [name for name, value in of_tables.items() if value]
    if given and kind != "power":
        raise UsageError(f"--{given[0]}: only a power log has columns to choose from; this is {kind}")
    if (request.boundary or request.boundaries) and kind not in ("mlperf", "power", "expetator"):
        raise UsageError(f"--boundary: {kind} says itself what its meters see")


def _distinct(files: Sequence[Path]) -> tuple[tuple[Path, ...], list[str]]:
    """The files without copies of others, and a note on each copy."""
    if len(files) < 2:
        return tuple(files), []
    first: dict[tuple[int, str], Path] = {}
    notes = []
    sizes = [path.stat().st_size if path.is_file() else -1 for path in files]
    for path, size in zip(files, sizes, strict=True):
        digest = _digest(path) if size > 0 and sizes.count(size) > 1 else str(path)
        before = first.setdefault((size, digest), path)
        if before is not path:
            notes.append(f"{path.name} is {before.name} to the last byte: it counts once")
    return tuple(first.values()), notes


def _digest(path: Path) -> str:
    try:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        return digest.hexdigest()
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from None


def _kind(request: Request) -> str:
    if request.wanted.names_columns:
        return "power"
    from energyprof.report.importers.power import why_none

    files = request.files
    for path in files:
        if holds(path, f'"schema": "{SCHEMA.partition("/")[0]}/', within_bytes=REPORT_BYTES):
            raise FileError(f"{path}: is a report of energyprof already: show, compare and check read it")
    kinds = {path: next((name for name in IMPORTS if _load(name).recognises(path)), "") for path in files}
    for path, kind in kinds.items():
        if not kind:
            if why := why_none(path):
                raise FileError(why)
            raise FileError(
                f"{path}: not of a known kind ({', '.join(IMPORTS)}): --kind NAME forces one; "
                "any table is read with --time, --power and --unit"
            )
    if len(set(kinds.values())) > 1:
        shown = ", ".join(f"{path} is {kind}" for path, kind in kinds.items())
        raise UsageError(f"a report is made from files of one kind: {shown}")
    return kinds[files[0]]


def _load(name: str) -> Importer:
    return cast(Importer, import_module(IMPORTS[name]))
