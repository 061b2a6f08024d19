"""The units that a scenario may use, each as a factor to the unit of its key."""

from __future__ import annotations

import re

from energyprof.errors import UsageError

_TIMES_S = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
# A year of 8,760 hours, as life-cycle assessments count it.
YEAR_H = 8760.0
LB_KG = 0.45359237  # the international pound
_BIT = {"bit": 1.0, "kbit": 1e3, "Mbit": 1e6, "Gbit": 1e9, "Tbit": 1e12}
_BYTE = {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15}

# Unit of the key -> the units that its values may be written in.
DIMENSIONS: dict[str, dict[str, float]] = {
    "J": {
        "mJ": 1e-3,
        "J": 1.0,
        "kJ": 1e3,
        "MJ": 1e6,
        "GJ": 1e9,
        "Wh": 3600.0,
        "kWh": 3.6e6,
        "MWh": 3.6e9,
        "GWh": 3.6e12,
    },
    "W": {"mW": 1e-3, "W": 1.0, "kW": 1e3, "MW": 1e6},
    "s": {**_TIMES_S, "months": YEAR_H * 300.0, "years": YEAR_H * 3600.0, "year": YEAR_H * 3600.0},
    "years": {"years": 1.0, "year": 1.0, "months": 1 / 12, "d": 24 / YEAR_H, "h": 1 / YEAR_H},
    "bit": {**_BIT, **{name: 8 * factor for name, factor in _BYTE.items()}},
    "B": {**_BYTE, **{name: factor / 8 for name, factor in _BIT.items()}},
    "bit/J": {f"{name}/J": factor for name, factor in _BIT.items()},
    "bit/s": {f"{name}/s": factor for name, factor in _BIT.items()},
    "kWh/GB": {"kWh/GB": 1.0, "Wh/GB": 1e-3, "kWh/TB": 1e-3, "Wh/MB": 1.0, "J/bit": 8e9 / 3.6e6},
    "g/kWh": {"g/kWh": 1.0, "kg/kWh": 1e3, "kg/MWh": 1.0, "t/MWh": 1e3, "g/MJ": 3.6, "lb/MWh": LB_KG},
    "kg": {"g": 1e-3, "kg": 1.0, "t": 1e3},
    "kg/TB": {"kg/TB": 1.0, "g/GB": 1.0},
    "W/GB": {"W/GB": 1.0, "mW/MB": 1.0},
    "W/TB": {"W/TB": 1.0, "mW/GB": 1.0, "kW/PB": 1.0},
    "MJ": {"J": 1e-6, "kJ": 1e-3, "MJ": 1.0, "GJ": 1e3, "kWh": 3.6},
    "l/kWh": {"l/kWh": 1.0, "L/kWh": 1.0, "m3/MWh": 1.0},
    "1": {"": 1.0, "%": 0.01},
}

_WRITTEN = re.compile(r"\s*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?)\s*(\S*)\s*")


def amount(words: str, unit: str, where: str) -> float:
    """The number that ``words`` say, such as ``"20 ms"``, in ``unit``.

    Raises:
        UsageError: they begin with no number, or their unit is not one of this kind.
    """
    found = _WRITTEN.fullmatch(words)
    if found is None:
        raise UsageError(f"{where}: {words[:40]!r}: give a number{_example(unit)}")
    if found[2].startswith(","):
        raise UsageError(
            f"{where}: {words[:40]!r}: write decimals with a point, and thousands without a comma"
        )
    units = DIMENSIONS[unit]
    if found[2] not in units and not (found[2] == "" and unit in units):
        known = ", ".join(name or "a plain number" for name in units)
        raise UsageError(f"{where}: unknown unit {found[2][:20]!r}: use {known}")
    return float(found[1]) * units[found[2] or ("" if unit == "1" else unit)]


def _example(unit: str) -> str:
    return "" if unit == "1" else f' in {unit}, or with its unit: "1.5 {unit}"'
