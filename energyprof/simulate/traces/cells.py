"""Times, numbers and units as traces write them."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from energyprof.errors import FileError
from energyprof.simulate.dimension import LB_KG
from energyprof.units import moment, utc

# Spelling without blanks, CO2 and equivalents -> g/kWh.
_UNITS = {
    "g/kwh": 1.0,
    "kg/mwh": 1.0,
    "kg/kwh": 1e3,
    "t/mwh": 1e3,
    "lb/mwh": LB_KG,
    "lbs/mwh": LB_KG,
    "lbs_per_mwh": LB_KG,
    "g/mj": 3.6,
}
_CO2 = re.compile(r"[\s_]*co(?:2|₂)-?(?:e(?:q(?:uivalent)?)?)?\.?", re.IGNORECASE)


def factor(unit: str, where: str) -> float:
    """What one of ``unit``, such as ``gCO₂eq/kWh`` or ``lbs_co2_per_mwh``, is in g/kWh.

    Raises:
        FileError: it is not a known unit of carbon intensity.
    """
    bare = _CO2.sub("", unit).strip().lower()
    if bare not in _UNITS:
        raise FileError(f"{where}: unknown unit {unit.strip()[:30]!r}: g/kWh, kg/MWh, lb/MWh … are known")
    return _UNITS[bare]


def time_s(text: str, where: str) -> float:
    """Seconds since 1970 of a time in ISO 8601; one without a zone is UTC, as every such column says.

    Raises:
        FileError: it is none.
    """
    written = text.strip().replace(" ", "T", 1)
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", written):
        written += "T00:00"
    if "T" in written and not re.search(r"(Z|[+-][0-9]{2}:?[0-9]{2})$", written):
        written += "Z"
    written = re.sub(r"([+-][0-9]{2})([0-9]{2})$", r"\1:\2", written)
    found = moment(written)
    if not math.isfinite(found) or not utc(found):
        raise FileError(f"{where}: {text.strip()[:30]!r} is not a time such as 2025-01-31T12:00Z")
    return found


def number(data: Any, where: str) -> float:
    """A number, also as text.

    Raises:
        FileError: it is none.
    """
    try:
        found = float(data) if type(data) in (str, int, float) else math.nan
    except (ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise FileError(f"{where}: {str(data)[:30]!r} is not a number")
    return found


def rows(text: str, where: str) -> list[dict[str, str]]:
    """The rows of a CSV text under its header, each with all columns.

    Raises:
        FileError: a row is longer or shorter than the header.
    """
    try:
        reader = csv.reader(text.lstrip("\ufeff").splitlines(), strict=True)
        header = [name.strip() for name in next(reader)]
        found = []
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise FileError(
                    f"{where}: line {reader.line_num}: {len(row)} cells under {len(header)} columns"
                )
            found.append(dict(zip(header, row, strict=True)))
    except (csv.Error, StopIteration) as error:
        raise FileError(f"{where}: not CSV: {str(error)[:60] or 'no header'}") from None
    return found


def header(text: str) -> list[str]:
    """The names in the first line of a CSV text."""
    first = text.lstrip("\ufeff").split("\n", 1)[0]
    try:
        return [name.strip() for name in next(csv.reader([first]), [])]
    except csv.Error:
        return []


def parsed(text: str) -> Any:
    """The JSON in ``text``, or None."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def text_of(data: Mapping[str, Any], key: str, where: str) -> str:
    """The text under ``key``.

    Raises:
        FileError: there is none.
    """
    found = data.get(key)
    if not isinstance(found, str):
        raise FileError(f"{where}: {key} is missing, or no text")
    return found
