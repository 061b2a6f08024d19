"""The formats of comparisons and those of verdicts; each is imported only when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, TextIO, cast

from energyprof.errors import UsageError

if TYPE_CHECKING:
    from energyprof.compare.compared import Comparison
    from energyprof.compare.gate.check import Check

# A name for --format, and the module that writes it. A format of figures has no verdicts, and the reverse.
COMPARISON_FORMATS = {
    "text": "energyprof.formats.text",
    "markdown": "energyprof.formats.markdown",
    "csv": "energyprof.formats.csv",
    "json": "energyprof.formats.json",
    "bmf": "energyprof.formats.bmf",
    "smaller": "energyprof.formats.smaller",
    "github": "energyprof.formats.github",
}
VERDICT_FORMATS = {
    "text": "energyprof.formats.text",
    "markdown": "energyprof.formats.markdown",
    "json": "energyprof.formats.json",
    "junit": "energyprof.formats.junit",
    "github": "energyprof.formats.github",
}


class ComparisonFormat(Protocol):
    """What a module of `COMPARISON_FORMATS` offers."""

    def write_comparison(self, comparison: Comparison, out: TextIO) -> None:
        """Write a comparison, ending with a newline."""
        ...


class VerdictFormat(Protocol):
    """What a module of `VERDICT_FORMATS` offers."""

    def write_check(self, result: Check, out: TextIO) -> None:
        """Write the verdict of a check, ending with a newline."""
        ...


def comparison_format(name: str) -> ComparisonFormat:
    """The format ``name`` of comparisons.

    Raises:
        UsageError: there is no such format.
    """
    if name not in COMPARISON_FORMATS:
        elsewhere = "; it holds verdicts: energyprof check" if name in VERDICT_FORMATS else ""
        raise UsageError(_unknown(name, "compare", COMPARISON_FORMATS) + elsewhere)
    return cast(ComparisonFormat, import_module(COMPARISON_FORMATS[name]))


def verdict_format(name: str) -> VerdictFormat:
    """The format ``name`` of verdicts.

    Raises:
        UsageError: there is no such format.
    """
    if name not in VERDICT_FORMATS:
        elsewhere = "; it holds figures: energyprof compare" if name in COMPARISON_FORMATS else ""
        raise UsageError(_unknown(name, "check", VERDICT_FORMATS) + elsewhere)
    return cast(VerdictFormat, import_module(VERDICT_FORMATS[name]))


def _unknown(name: str, command: str, formats: dict[str, str]) -> str:
    return f"{command} has no format {name!r}; choose from {', '.join(formats)}"
