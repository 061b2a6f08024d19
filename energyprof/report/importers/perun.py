"""perun's text report: a table with a row a round and host, and their energies; totals only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timezone
from pathlib import Path

from energyprof.errors import FileError, UsageError
from energyprof.report.importers.imported import Imported, Request, header, holds, text_of
from energyprof.report.importers.totals import COVERAGE, UNCERTAINTY, WindowTotals, total_meter, total_run
from energyprof.trace.stamps import seconds

_SIZES = {"": 1.0, "m": 1e-3, "µ": 1e-6, "u": 1e-6, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_AMOUNT = re.compile(r"([-+\d.eE]+)\s*([mµukMGT]?)(J|s|W|Wh)")
_HDF5 = b"\x89HDF\r\n"
ALL = "All"


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
    with path.open("rb") as file:
        if file.read(len(_HDF5)) == _HDF5:
            raise FileError(
                f"{path}: perun's HDF5 is not read: import the text report that perun writes beside it"
            )
    lines = text_of(path).splitlines()
    name = _said(lines, "App name") or path.stem
    runs = []
    for number, rows in _rounds(path, lines, request.only).items():
        whole = [row for row in rows if row["Host"] == ALL] or rows
        span_s = max(_amount(row.get("RUNTIME", ""), "s") or 0.0 for row in whole)
        joules = [_amount(row.get("ENERGY", ""), "J") for row in whole]
        known = [one for one in joules if one is not None]
        total_j = sum(known) if len(known) == len(joules) else None
        start_s = _start_s(lines)
        window = WindowTotals(f"round {number}", start_s, span_s, {"perun:total": total_j})
        hosts = [row["Host"] for row in rows if row["Host"] != ALL]
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
