"""Numbers and times as they are written: SI prefixes, three significant digits, a space before the unit.

Inside the program everything is J, W, s and fractions; these are the edge.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from types import MappingProxyType

_PREFIXES = (
    (1e15, "P"),
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "µ"),
)
# Those that end programs, by Linux's numbers of them (signal(7)).
_SIGNALS: Mapping[int, str] = MappingProxyType(
    {
        **{1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE"},
        **{9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM"},
        **{15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ"},
    }
)
# What is left of a difference of equal numbers, beside its uncertainty.
_ROUNDING = 1e-12


def si(value: float, unit: str) -> str:
    """``value`` with an SI prefix: ``si(12345, "J")`` is ``12.3 kJ``."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    for factor, prefix in _PREFIXES:
        # 999.6 rounds to 1000 at three digits: compare what will be printed.
        if abs(value) >= 0.9995 * factor:
            return f"{_three_digits(value / factor)} {prefix}{unit}"
    return f"{value:.3g} {unit}"


def joules(value_j: float) -> str:
    """Energy, such as ``1.23 kJ``."""
    return si(value_j, "J")


def watts(value_w: float) -> str:
    """Power, such as ``45.6 W``."""
    return si(value_w, "W")


def seconds(value_s: float) -> str:
    """A duration, such as ``0.35 s``, ``12.3 s``, ``2 min 03 s`` or ``5 h 07 min``."""
    if value_s < 0:
        return "-" + seconds(-value_s)
    if value_s < 59.95:
        return f"{value_s:.2f} s" if value_s < 1 else f"{value_s:.1f} s"
    whole_s = round(value_s)
    if whole_s < 3600:
        return f"{whole_s // 60} min {whole_s % 60:02d} s"
    whole_min = round(value_s / 60)
    return f"{whole_min // 60} h {whole_min % 60:02d} min"


def ending(code: int) -> str:
    """How a program ended, by what waits for it: ``exit code 7``; of a signal that ended it ``SIGTERM``."""
    return f"exit code {code}" if code >= 0 else _SIGNALS.get(-code, f"signal {-code}")


def percent(fraction: float) -> str:
    """A signed change, such as ``+3.2 %``."""
    return f"{100 * fraction:+.1f} %"


def share(fraction: float) -> str:
    """A part of a whole, such as ``98.7 %``; 100 % only where nothing is missing."""
    shown = math.floor(fraction * 1000) / 10 if fraction < 1 else 100.0
    return f"{shown:.1f} %" if shown < 100 else "100 %"


def plus_minus(value: float, expanded: float, unit: str) -> str:
    """A value and its uncertainty in one prefix, no finer than the uncertainty: ``12.3 ± 0.6 kJ``.

    The prefix is the larger one's. A value that is nothing beside its uncertainty is not shown as nothing:
    ``75.0 mJ (-31.6 J … 31.8 J)``.
    """
    if not math.isfinite(value) or not math.isfinite(expanded):
        return f"{value:.3g} ± {expanded:.2g} {unit}"
    if abs(value) <= _ROUNDING * expanded:
        return f"0 ± {si(expanded, unit)}"
    if abs(value) < expanded / 20:
        return f"{si(value, unit)} ({si(value - expanded, unit)} … {si(value + expanded, unit)})"
    size = max(abs(value), expanded)
    factor, prefix = next(((f, p) for f, p in _PREFIXES if size >= 0.9995 * f), (1.0, ""))
    value, expanded = value / factor, expanded / factor
    if expanded <= 0:
        return f"{_three_digits(value)} {prefix}{unit}"
    decimals = max(0, 1 - math.floor(math.log10(expanded)))
    decimals = min(decimals, max(0, 3 - math.floor(math.log10(abs(value)))))
    value = round(value, decimals) + 0.0  # no -0
    return f"{value:.{decimals}f} ± {expanded:.{decimals}f} {prefix}{unit}"


def with_ends(value: float, low: float | None, high: float | None, unit: str) -> str:
    """A value and its interval: ``149 ± 10 J``, or ``149 J (-5.0 % +12 %)`` where it is not symmetric.

    Without ends the value alone.
    """
    if low is None or high is None:
        return si(value, unit)
    below, above = value - low, high - value
    if math.isclose(below, above, rel_tol=1e-6) or value == 0:
        return plus_minus(value, max(below, above), unit)
    return f"{si(value, unit)} ({both_ways(below / abs(value), above / abs(value))})"


def both_ways(below: float, above: float) -> str:
    """How far an interval reaches from its value, as shares of it: ``±5.9 %``, or ``-5.0 % +12 %``."""
    down, up = two_digits(below), two_digits(above)
    return f"±{up}" if down == up else f"-{down} +{up}"


def two_digits(fraction: float) -> str:
    """A share without a sign, with two significant digits: ``12 %``, ``2.9 %``, ``0.67 %``."""
    percent = 100 * fraction
    if not math.isfinite(percent) or percent == 0:
        return f"{percent:g} %"
    if percent >= 9.95:
        return f"{float(f'{percent:.2g}'):.0f} %"
    return "<0.01 %" if percent < 0.01 else f"{percent:.{1 if percent >= 0.995 else 2}f} %"


def _three_digits(value: float) -> str:
    rounded = float(f"{value:.3g}")  # 0.9996 prints as 1.00, with two decimals
    digits = 2 - math.floor(math.log10(abs(rounded)) + 1e-9)
    return f"{value:.{max(0, digits)}f}"


def utc(time_s: float) -> str:
    """A time in s since 1970 as ISO 8601, in UTC, to the millisecond; "" where no calendar has it."""
    try:
        moment = datetime.fromtimestamp(time_s, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return ""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2})(?::([0-9]{2}(?:\.[0-9]*)?))?(Z|[+-][0-9]{2}:[0-9]{2})"
)


def moment(text: str) -> float:
    """The time in s since 1970 that an ISO 8601 text says, in whatever zone; -inf: it says none."""
    found = _MOMENT.fullmatch(text)
    try:
        if found is None:
            return -math.inf
        zone = "+00:00" if found[3] == "Z" else found[3]
        return datetime.fromisoformat(f"{found[1]}:00{zone}").timestamp() + float(found[2] or 0)
    except ValueError:  # a month 13
        return -math.inf
