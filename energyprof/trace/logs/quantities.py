"""The units of a power log, and what a reading in them may plausibly be."""

from __future__ import annotations

import math
import re
from typing import Literal

from energyprof.meter import Part, Quantity

# What a column holds: a power, a counter that only grows, or the energy of each row's own interval.
Reads = Literal["power_w", "energy_j", "interval_j"]

# Unit -> what is read, and its size in W or J.
UNITS: dict[str, tuple[Quantity, float]] = {
    "W": ("power_w", 1.0),
    "mW": ("power_w", 1e-3),
    "uW": ("power_w", 1e-6),
    "kW": ("power_w", 1e3),
    "J": ("energy_j", 1.0),
    "mJ": ("energy_j", 1e-3),
    "uJ": ("energy_j", 1e-6),
    "kJ": ("energy_j", 1e3),
    "MJ": ("energy_j", 1e6),
    "Ws": ("energy_j", 1.0),
    "Wh": ("energy_j", 3600.0),
    "mWh": ("energy_j", 3.6),
    "kWh": ("energy_j", 3.6e6),
}

# What some countries write between thousands.
_GROUPED = re.compile("(?<=\\d)['\u2019\u00a0\u202f ](?=\\d{3}(?!\\d))")
_WORDS = {
    **{"w": "W", "watt": "W", "watts": "W", "mw": "mW", "milliwatt": "mW", "milliwatts": "mW"},
    **{"kw": "kW", "kilowatts": "kW", "uw": "uW", "microwatt": "uW", "microwatts": "uW"},
    **{"j": "J", "joule": "J", "joules": "J", "mj": "mJ", "millijoules": "mJ", "uj": "uJ", "kj": "kJ"},
    **{"wh": "Wh", "mwh": "mWh", "kwh": "kWh", "microjoules": "uJ"},
}

# The most that one of a kind draws: a GPU of 2025 is rated 1.4 kW, a socket 0.5 kW, a Jetson 130 W; two racks
# of 72 GPUs behind one meter 270 kW.
MOST_W: dict[Part, float] = {
    "gpu": 2500.0,
    "cpu": 2000.0,
    "dram": 1000.0,
    "board": 1000.0,
    "soc": 300.0,
    "machine": 300_000.0,
}
# A node of eight GPUs draws 14 kW.
MOST_UNSAID_W = 20_000.0
# And the least that it draws on the mean, if it is on: a Raspberry Pi idles at 2 W, a memory module at 0.1 W.
LEAST_W: dict[Part, float] = {
    "gpu": 0.02,
    "cpu": 0.02,
    "dram": 0.005,
    "board": 0.005,
    "soc": 0.05,
    "machine": 0.1,
}


def unit_of(title: str) -> str:
    """The unit that the last word of a title names; "" if it names none."""
    last = (re.findall(r"[A-Za-zµ]+", title) or [""])[-1].replace("µ", "u")
    return last if last in UNITS else _WORDS.get(last.lower(), "")


def may_be_milli(title: str) -> bool:
    """Whether a title says megawatts, which no logger of a computer means."""
    return (re.findall(r"[A-Za-z]+", title) or [""])[-1] in ("MW", "Mw", "MWh")


def implausible(mean_w: float, part: Part, unit: str, *, assumed: bool = False) -> str:
    """Why a mean power that was read in ``unit`` is not believed of such a part; "" where it is.

    ``assumed``: nothing says the unit, so 95,000 is rather a PC's mW than a rack's W.
    """
    most_w = min(MOST_W[part], MOST_UNSAID_W) if assumed else MOST_W[part]
    if not math.isfinite(mean_w) or mean_w <= 0 or LEAST_W[part] <= mean_w <= most_w:
        return ""
    what = {"machine": "a machine", "board": "a part of a board", "soc": "one module"}.get(
        part, f"one {part.upper()}"
    )
    return f"in {unit} its mean is {mean_w:.4g} W, which is not believed of {what}"


def likely_unit(mean_w: float, part: Part, unit: str) -> str:
    """The other unit nearest to ``unit`` in which that mean would be plausible; "" if none is."""
    quantity, size = UNITS[unit]
    fits = [
        other
        for other, (kind, factor) in UNITS.items()
        if other != unit and kind == quantity and LEAST_W[part] <= mean_w / size * factor <= MOST_W[part]
    ]
    return min(fits, key=lambda other: abs(math.log(UNITS[other][1] / size)), default="")


def number(text: str, comma: bool) -> float | None:
    """A finite number, with a point or a comma before its fraction, and its thousands in groups or not.

    ``comma``: one comma alone is the decimal one, since it parts no columns. Where it does, and stands in
    quotes, "1,234" is two things and none.
    """
    try:
        value = float(_with_a_point(text, comma) if "," in text or _GROUPED.search(text) else text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _with_a_point(text: str, comma: bool) -> str:
    """The number as Python writes it; as it is where that is not clear."""
    bare = _GROUPED.sub("", text)
    if "," not in bare:
        return bare
    if "." in bare:
        point, group = (".", ",") if bare.rfind(".") > bare.rfind(",") else (",", ".")
        whole, _, fraction = bare.rpartition(point)
        groups = re.fullmatch(rf"\s*[-+]?\d{{1,3}}(?:{re.escape(group)}\d{{3}})+", whole)
        return f"{whole.replace(group, '')}.{fraction}" if groups else text
    one = bare.count(",") == 1 and (comma or not re.search(r",\d{3}(?!\d)", bare))
    return bare.replace(",", ".") if one else text


def decimals(text: str) -> int:
    """How many digits a number has after the point."""
    fraction = re.match(r"\s*[-+]?\d*[.,](\d+)", text)
    return min(len(fraction[1]), 9) if fraction else 0
