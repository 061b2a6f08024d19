"""perun's results, totals only: its text report, a table with a row a round and host; or its HDF5 file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timezone
from pathlib import Path

from energyprof.errors import FileError, UsageError
from energyprof.report.importers.imported import Imported, Request, header, holds, text_of
from energyprof.report.importers.perun_hdf5 import ALL, HostTotals, Measured, read_tree
from energyprof.report.importers.totals import COVERAGE, UNCERTAINTY, WindowTotals, total_meter, total_run
from energyprof.trace.stamps import seconds

_SIZES = {"": 1.0, "m": 1e-3, "µ": 1e-6, "u": 1e-6, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_AMOUNT = re.compile(r"([-+\d.eE]+)\s*([mµukMGT]?)(J|s|W|Wh)")
_HDF5 = b"\x89HDF\r\n"


def recognises(path: Path) -> bool:
    """Whether it is perun's report, or the HDF5 file that it is made from."""
    try:
        with path.open("rb") as file:
            if file.read(len(_HDF5)) == _HDF5:
                return True
    except OSError:
        return False
    return holds(path, "PERUN REPORT")


def read(request: Request) -> Imported:
    """A run for each round. Raises as `Importer`."""
    if request.power:
        raise UsageError("perun's report holds totals: no power log can be joined to it")
    if len(request.files) > 1:
        raise UsageError("import one report of perun at a time; its rounds are the runs")
    path = request.files[0]
    measured = _measured(path, request.only)
    name = measured.name or path.stem
    runs = []
    for number, rows in measured.rounds.items():
        whole = [row for row in rows if row.host == ALL] or rows
        span_s = max(row.time_s for row in whole)
        known = [row.energy_j for row in whole if row.energy_j is not None]
        total_j = sum(known) if len(known) == len(whole) else None
        window = WindowTotals(f"round {number}", measured.start_s, span_s, {"perun:total": total_j})
        hosts = [row.host for row in rows if row.host != ALL]
        runs.append(total_run([window], ["perun:total"], {"round": number, "hosts": hosts}))
    meter = total_meter("perun:total", "perun", "machine", "column ENERGY", origin="measured", counted=True)
    report = header(
        "perun",
        name,
        {"app": name},
        machine={},
        boundary="component",
        meters=[meter],
        notes=[
            COVERAGE,
            UNCERTAINTY,
            "perun adds what it could read of CPU, GPU and memory: a part that it could not read is not "
            "in it",
        ],
        runs=runs,
    )
    return Imported(report)


def _measured(path: Path, only: str) -> Measured:
    with path.open("rb") as file:
        binary = file.read(len(_HDF5)) == _HDF5
    if binary:
        return read_tree(path, only)
    lines = text_of(path).splitlines()
    rounds = {number: list(map(_of_row, rows)) for number, rows in _rounds(path, lines, only).items()}
    return Measured(_said(lines, "App name"), _start_s(lines), rounds)


def _of_row(row: Mapping[str, str]) -> HostTotals:
    time_s, energy_j = _amount(row.get("RUNTIME", ""), "s"), _amount(row.get("ENERGY", ""), "J")
    return HostTotals(row["Host"], time_s or 0.0, energy_j)


def _rounds(path: Path, lines: Sequence[str], only: str) -> dict[str, list[dict[str, str]]]:
    """The rows of the table of hosts, by their round."""
    found: dict[str, list[dict[str, str]]] = {}
    titles: list[str] = []
    for line in lines:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if "|" in line else []
        if "Round #" in cells:
            titles = cells if "Host" in cells and "ENERGY" in cells else []
        elif titles and len(cells) == len(titles) and cells[titles.index("Round #")].isdigit():
            row = dict(zip(titles, cells, strict=True))
            if only in ("", row["Round #"], row["Host"]):
                found.setdefault(row["Round #"], []).append(row)
    if not found:
        raise FileError(f"{path}: it has no table with Round #, Host and ENERGY")
    return found


def _amount(text: str, unit: str) -> float | None:
    """Such as "960.506 kJ" in J."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None or match[3] not in (unit, *(("Wh",) if unit == "J" else ())):
        return None
    try:
        value = float(match[1]) * _SIZES[match[2]] * (3600.0 if match[3] == "Wh" else 1.0)
    except ValueError:
        return None
    return value if abs(value) < 1e18 else None


def _said(lines: Sequence[str], name: str) -> str:
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:")), "")


def _start_s(lines: Sequence[str]) -> float:
    try:
        return seconds(_said(lines, "Last run"), timezone.utc)
    except ValueError:
        return 0.0
