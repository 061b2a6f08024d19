"""Tables with a row an epoch and pyJoules' domains: their energies, in a unit that the powers beside "
"them tell."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from pathlib import Path

from energyprof.errors import FileError, UsageError
from energyprof.meter import Part
from energyprof.report.importers.columns import Record, figure, records
from energyprof.report.importers.imported import Imported, Request, header
from energyprof.report.importers.totals import (
    COVERAGE,
    UNCERTAINTY,
    WindowTotals,
    total_meter,
    total_run,
)
from energyprof.trace.logs.quantities import LEAST_W, MOST_W, UNITS

# Domain → its part, and a J in pyJoules' own unit. core and uncore lie within package.
DOMAINS: dict[str, tuple[Part, float]] = {
    "package": ("cpu", 1e-6),
    "dram": ("dram", 1e-6),
    "core": ("cpu", 1e-6),
    "uncore": ("gpu", 1e-6),
    "nvidia_gpu": ("gpu", 1e-3),
}
WITHIN = ("core", "uncore")
# Energy over time and the power that is written beside it are one number, but for rounding.
SAME = 0.02

_TITLE = re.compile(r"(package|dram|core|uncore|nvidia_gpu)_\d+[ _]energy", re.IGNORECASE)


def kind(title: str) -> str:
    """ "package" of "package_0"; "" for a column that is not a domain."""
    match = re.fullmatch(r"(\w+)_\d+", title)
    return match[1] if match and match[1] in DOMAINS else ""


def has(line: str) -> bool:
    """Whether a header is that of such a table."""
    titles = [title.strip() for title in line.split(",")]
    return "duration" in titles and any(_TITLE.fullmatch(title) for title in titles)


def read(request: Request) -> Imported:
    """A run for each file, its epochs as phases. Raises as `Importer`."""
    by_file: dict[Path, list[WindowTotals]] = {}
    columns: dict[str, None] = {}
    notes = [COVERAGE, UNCERTAINTY, "its rows have no times: they are taken one after the other"]
    for path in request.files:
        rows, remarks = records(path, ",", ("duration",))
        notes += [f"{path.name}: {remark}" for remark in remarks]
        titles = [title for title in rows[0] if _TITLE.fullmatch(title)]
        columns.update(dict.fromkeys(titles))
        units = {title: _unit(path, title, rows, request.wanted.unit) for title in titles}
        by_file[path] = _windows(path, rows, units)
    meters = [
        total_meter(
            _domain(title),
            "pyjoules",
            DOMAINS[kind(_domain(title))][0],
            f"column {title}",
            origin="measured",
            counted=_counts(title),
        )
        for title in columns
    ]
    counted = [_domain(title) for title in columns if _counts(title)]
    name = request.files[0].stem
    report = header(
        "pyjoules",
        name,
        {"domains": sorted(_domain(title) for title in columns)},
        machine={},
        boundary="component",
        meters=meters,
        notes=notes,
        runs=[total_run(windows, counted, {"log": path.name}) for path, windows in by_file.items()],
    )
    return Imported(report)


def _windows(path: Path, rows: Sequence[Record], units: dict[str, str]) -> list[WindowTotals]:
    windows: list[WindowTotals] = []
    for number, row in enumerate(rows, 1):
        span_s = figure(row, "duration")
        if span_s is None or not 0 <= span_s < 1e9:
            raise FileError(f"{path}: row {number} has no duration")
        joules = {}
        for title, unit in units.items():
            value = figure(row, title)
            joules[_domain(title)] = None if value is None else value * UNITS[unit][1]
        start_s = windows[-1].end_s if windows else 0.0
        windows.append(WindowTotals(f"epoch {row.get('epoch') or number}", start_s, span_s, joules))
    return windows


def _unit(path: Path, title: str, rows: Sequence[Record], asked: str) -> str:
    """The unit of a column: by the power beside it, or pyJoules' own or J, whichever is plausible alone."""
    if asked:
        if UNITS[asked][0] != "energy_j":
            raise UsageError(f"--unit {asked}: {title!r} is an energy: give J, mJ or uJ")
        return asked
    part, own = DOMAINS[kind(_domain(title))]
    power = re.sub("energy", "power", title, flags=re.IGNORECASE)
    ratios, means = [], []
    for row in rows:
        energy, span_s, watts = figure(row, title), figure(row, "duration"), figure(row, power)
        if energy and span_s:
            means.append(energy / span_s)
            if watts:
                ratios.append(energy / span_s / watts)
    sizes = {"J": 1.0, "mJ": 1e-3, "uJ": 1e-6}
    if ratios:
        ratio = statistics.median(ratios)
        for unit, size in sizes.items():
            if abs(ratio * size - 1) <= SAME:
                return unit
        raise FileError(
            f"{path}: {title!r} over the duration is {ratio:.3g} times its own power: no unit fits"
        )
    mean = statistics.median(means) if means else 0.0
    fits = [
        u for u, size in sizes.items() if size in (own, 1.0) and LEAST_W[part] <= mean * size <= MOST_W[part]
    ]
    if mean and len(fits) != 1:
        raise FileError(f"{path}: the unit of {title!r} is not clear: give it with --unit J, mJ or uJ")
    return fits[0] if fits else "J"


def _domain(title: str) -> str:
    return re.sub(r"[ _]energy$", "", title, flags=re.IGNORECASE).lower()


def _counts(title: str) -> bool:
    return kind(_domain(title)) not in WITHIN
