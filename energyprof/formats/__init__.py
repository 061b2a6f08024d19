"""The formats a result is written in; each is imported only when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, TextIO, cast

from energyprof.errors import UsageError

if TYPE_CHECKING:
    from energyprof.compare.comparison import Comparison
    from energyprof.compare.gate.check import Check

FORMATS = {
    "text": "energyprof.formats.text",
    "markdown": "energyprof.formats.markdown",
    "csv": "energyprof.formats.csv",
    "json": "energyprof.formats.json",
    "junit": "energyprof.formats.junit",
    "bmf": "energyprof.formats.bmf",
    "smaller": "energyprof.formats.smaller",
    "github": "energyprof.formats.github",
}


class Format(Protocol):
    """What a module of `FORMATS` offers."""

    def write_comparison(self, comparison: Comparison, out: TextIO) -> None:
        """Write a comparison, ending with a newline."""
        ...

    def write_check(self, result: Check, out: TextIO) -> None:
        """Write a verdict, ending with a newline."""
        ...


def load(name: str) -> Format:
    """The format ``name``.

    Raises:
        UsageError: there is none.
    """
    if name not in FORMATS:
        raise UsageError(f"no format {name!r}; choose from {', '.join(FORMATS)}")
    return cast(Format, import_module(FORMATS[name]))
