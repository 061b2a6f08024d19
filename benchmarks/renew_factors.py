"""Renew the yearly grids and the factors of the package from tables that others publish.

    .venv/bin/python benchmarks/renew_factors.py grid                        # from the installed codecarbon
    .venv/bin/python benchmarks/renew_factors.py grid --table carbon-intensity-electricity.csv
    .venv/bin/python benchmarks/renew_factors.py factors --table new.csv --version "2 (2027-03)"
    … --check                                                                # only say what would change

The second table is Our World in Data's own download (Entity, Code, Year, Carbon intensity of electricity …),
of which each country's last year counts. The factors' table has the columns of the package's own
(energyprof/simulate/factors.csv): its rows take the place of those of the same name, and new ones come last.
What changes is printed, a line each; with --check the exit code is 1 if anything would.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import io
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from energyprof import files
from energyprof.errors import EnergyprofError, FileError
from energyprof.simulate import factors
from energyprof.simulate.factors import COLUMNS, Factor

ROOT = Path(__file__).parent.parent
GRID = ROOT / "energyprof/compare/grid.csv"
FACTORS = ROOT / "energyprof/simulate/factors.csv"
GRID_COLUMNS = ("iso2", "iso3", "country", "g_per_kwh", "year")
# Left out as grid.csv says: the rounding of a very small sum.
NO_VALUE = 0.0


@dataclass(frozen=True)
class Mean:
    """A country's year."""

    g_per_kwh: float
    year: int


def codecarbon_table() -> Path:
    """The installed codecarbon's copy.

    Raises:
        FileError: codecarbon is not installed.
    """
    found = importlib.util.find_spec("codecarbon")
    if found is None or not found.submodule_search_locations:
        raise FileError("codecarbon is not installed: name a table with --table")
    return Path(found.submodule_search_locations[0]) / "data/private_infra/global_energy_mix.json"


def means(path: Path) -> dict[str, Mean]:
    """Each country's last year by ISO 3166-1 alpha-3, from codecarbon's JSON or Our World in Data's CSV.

    Raises:
        FileError: it is neither.
    """
    text = files.read_text(path)
    if text.lstrip().startswith("{"):
        try:
            return {
                code: Mean(float(row["carbon_intensity"]), int(row["year"]))
                for code, row in json.loads(text).items()
                if row.get("carbon_intensity")
            }
        except (ValueError, KeyError, TypeError, AttributeError):
            raise FileError(f"{path}: not codecarbon's global_energy_mix.json") from None
    rows = csv.DictReader(text.splitlines())
    value = next((n for n in rows.fieldnames or () if n.startswith("Carbon intensity of electricity")), None)
    if value is None or not {"Code", "Year"} <= set(rows.fieldnames or ()):
        raise FileError(f"{path}: no table of Our World in Data: Entity, Code, Year, Carbon intensity …")
    found: dict[str, Mean] = {}
    for row in rows:
        code = row["Code"]
        if len(code) == 3 and row[value]:
            mean = Mean(float(row[value]), int(row["Year"]))
            if mean.g_per_kwh != NO_VALUE and (code not in found or found[code].year < mean.year):
                found[code] = mean
    return found


def renewed_grid(old: str, new: Mapping[str, Mean]) -> tuple[str, list[str]]:
    """The text of grid.csv with the new means, and what changed; codes and names stay."""
    comments = [line for line in old.splitlines() if line.startswith("#")]
    rows = list(csv.DictReader(line for line in old.splitlines() if not line.startswith("#")))
    changes = []
    for row in rows:
        mean = new.get(row["iso3"])
        if mean is None:
            changes.append(f"{row['iso3']}: not in the new table, stays {row['g_per_kwh']} ({row['year']})")
            continue
        shown = {"g_per_kwh": f"{mean.g_per_kwh:.6g}", "year": str(mean.year)}
        before = {name: row[name] for name in shown}
        if before != shown:
            changes.append(
                "{iso3}: {g_per_kwh} ({year}) -> ".format(**row) + "{g_per_kwh} ({year})".format(**shown)
            )
            row.update(shown)
    known = {row["iso3"] for row in rows}
    changes += [
        f"{code}: new, without a name and two letters here: add it" for code in new if code not in known
    ]
    return _written(comments, GRID_COLUMNS, rows), changes


def renewed_factors(old: str, new: Mapping[str, Factor], version: str) -> tuple[str, list[str]]:
    """The text of factors.csv with the new rows, and what changed."""
    comments = [line for line in old.splitlines() if line.startswith("#")]
    comments[0] = factors.headed(version)
    known = factors.parsed(old, "factors.csv")
    changes = [
        f"{name}: {known[name].value:g} -> {factor.value:g}"
        if name in known
        else f"{name}: new, {factor.value:g}"
        for name, factor in new.items()
        if known.get(name) != factor
    ]
    rows = [_row(factor) for factor in {**known, **new}.values()]
    return _written(comments, COLUMNS, rows), changes


def _row(factor: Factor) -> dict[str, str]:
    row = {name: str(getattr(factor, name)) for name in COLUMNS}
    row |= {name: f"{getattr(factor, name):.12g}" for name in ("value", "low", "high")}
    if factor.low == factor.high:
        row |= {"low": "", "high": ""}
    return row


def _written(comments: Sequence[str], columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    out = io.StringIO()
    out.write("".join(f"{line}\n" for line in comments))
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def main() -> int:
    """Print what changes, and write it unless told only to look."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("which", choices=("grid", "factors"))
    parser.add_argument("--table", type=Path)
    parser.add_argument("--version", default=factors.version())
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    if asked.which == "grid":
        place = GRID
        text, changes = renewed_grid(files.read_text(GRID), means(asked.table or codecarbon_table()))
    else:
        if asked.table is None:
            raise FileError("factors: name their table with --table")
        place = FACTORS
        new = factors.read(asked.table)
        text, changes = renewed_factors(files.read_text(FACTORS), new, asked.version)
    print("\n".join(changes) if changes else "nothing changes")
    if asked.check:
        return 1 if changes else 0
    if changes:
        files.write_text(place, text)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except EnergyprofError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
