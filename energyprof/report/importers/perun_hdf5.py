"""perun's HDF5 file: its tree of application, runs, rounds and hosts, each with its metrics.

After docs/hdf5.rst of perun (Helmholtz AI): a group has ``metrics`` and ``nodes``; a metric's value, in its
unit and magnitude, stands in its attributes.
"""

from __future__ import annotations

import contextlib
import importlib
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import timezone
from pathlib import Path
from typing import Any

from energyprof.errors import FileError, MissingPart, UsageError
from energyprof.storable.frozen import dataclass
from energyprof.storable.values import MAX_ITEMS
from energyprof.trace.stamps import seconds

ALL = "All"


@dataclass(frozen=True)
class HostTotals:
    """What one host, or all of them, used in a round."""

    host: str
    time_s: float
    energy_j: float | None  # None: not measured, or not readable


@dataclass(frozen=True)
class Measured:
    """What a file of perun's tells."""

    name: str  # of the application
    start_s: float  # since 1970; 0: not known
    rounds: Mapping[str, Sequence[HostTotals]]


def read_tree(path: Path, only: str) -> Measured:
    """The rounds of one of the file's runs; ``only`` is a run's id, a round or a host.

    Raises:
        MissingPart: h5py is not installed.
        FileError: it cannot be read, or is not perun's.
        UsageError: it holds several runs, and ``only`` names none.
    """
    h5py = _h5py()
    try:
        with h5py.File(path, "r") as file:
            return _measured(path, file, only)
    except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        why = " ".join(str(error).split())[:100]
        raise FileError(f"{path}: not a readable HDF5 file of perun: {why}") from None


def _measured(path: Path, file: Any, only: str) -> Measured:
    (name,) = list(file) if len(file) == 1 else ("",)
    app = dict(_groups(file)).get(name)
    runs = dict(_children(app)) if app is not None else {}
    if app is None or not runs:
        raise FileError(f"{path}: not perun's: it has no one application with runs in it")
    if only in runs:
        run, only = only, ""
    elif len(runs) == 1:
        (run,) = runs
    else:
        raise UsageError(f"{path}: it holds {len(runs)} runs, {', '.join(runs)}; --only ID takes one")
    rounds: dict[str, list[HostTotals]] = {}
    for number, node in _children(runs[run]):
        found = [_totals(path, host, of) for host, of in _children(node)]
        for totals in (*found, _totals(path, ALL, node)):
            if only in ("", number, totals.host):
                rounds.setdefault(number, []).append(totals)
    if not rounds:
        raise FileError(f"{path}: it has no rounds" + (f" or hosts called {only}" if only else ""))
    return Measured(name, _start_s(run), dict(sorted(rounds.items(), key=_by_number)))


def _groups(holder: Any) -> Iterator[tuple[str, Any]]:
    """The groups that lie in the file itself: a link may lead to another file."""
    h5py = _h5py()
    if len(holder) > MAX_ITEMS:
        raise ValueError(f"{len(holder)} groups in one")
    for name in holder:
        if isinstance(holder.get(name, getlink=True), h5py.HardLink):
            found = holder[name]
            if isinstance(found, h5py.Group):
                yield str(name), found


def _children(node: Any) -> Iterator[tuple[str, Any]]:
    yield from _groups(dict(_groups(node)).get("nodes", {}))


def _totals(path: Path, host: str, node: Any) -> HostTotals:
    metrics = dict(_groups(dict(_groups(node)).get("metrics", {})))
    time_s = _value(path, metrics, "RUNTIME", "s")
    return HostTotals(host, time_s or 0.0, _value(path, metrics, "ENERGY", "J"))


def _value(path: Path, metrics: Mapping[str, Any], name: str, unit: str) -> float | None:
    """In the base unit; None: it was not measured. Raises FileError: it is in another unit."""
    if name not in metrics:
        return None
    said = metrics[name].attrs
    if str(said["unit"]) != unit:
        raise FileError(f"{path}: {name} is in {str(said['unit'])[:20]}, not in {unit}")
    value, fill = float(said["value"]), float(said.get("fill", math.nan))
    found = value * float(said["mag"])
    # A sensor that gave nothing leaves the fill value, which may be 0: then nothing was measured either.
    return found if math.isfinite(found) and value != fill and abs(found) < 1e18 else None


def _start_s(run: str) -> float:
    """A run's id is when it was started."""
    with contextlib.suppress(ValueError):
        return seconds(run, timezone.utc)
    return 0.0


def _by_number(of: tuple[str, Any]) -> tuple[int, str]:
    return (int(of[0]) if of[0].isdecimal() else -1, of[0])


def _h5py() -> Any:
    try:
        return importlib.import_module("h5py")
    except ModuleNotFoundError as error:
        raise MissingPart(
            "h5py, needed to read perun's HDF5, is not installed: pip install 'energyprof[hdf5]'"
            " (or import the text report that perun writes beside it)"
        ) from error
