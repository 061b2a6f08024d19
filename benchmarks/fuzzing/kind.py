"""One kind of input: how it is broken, and who reads it."""

from __future__ import annotations

import functools
import io
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fuzzing.mutate import broken_json, broken_table, encoded

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from energyprof.compare.comparison import compare
from energyprof.formats import comparison_format
from energyprof.formats.console import Screen
from energyprof.formats.summary import summary
from energyprof.report.file import from_json, to_json
from energyprof.report.record import Report


@dataclass(frozen=True)
class Target:
    """One kind of input."""

    make: Callable[[random.Random], bytes]
    read: Callable[[bytes, Path], None]  # the input, and an empty folder; raises what is wrong


def json_of(text: str) -> Callable[[random.Random], bytes]:
    """Broken inputs from good JSON."""
    return lambda rng: encoded(rng, text, broken_json, broken_json, broken_json)


def table_of(text: str, mark: str) -> Callable[[random.Random], bytes]:
    """Broken inputs from a good table."""
    table = functools.partial(_table, mark)
    return lambda rng: encoded(rng, text, table, table)


def _table(mark: str, rng: random.Random, text: str) -> str:
    return broken_table(rng, text, mark)


def shown(content: Report) -> None:
    """A report is written, read again, shown and compared."""
    text = to_json(content)
    if from_json(text, "it") != content:
        again = from_json(text, "it")
        if to_json(again) != text:  # NaN is not itself
            raise AssertionError("a report that was written reads as another")
    Screen(io.StringIO()).print(summary(content, None))
    comparison_format("text").write_comparison(compare([content], ["it"]), io.StringIO())
