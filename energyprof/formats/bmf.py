"""Bencher Metric Format: each report's figures with their intervals, for Bencher's ``json`` adapter.

Measures are named by slugs (``energy-per-sample``), since the first upload creates them by name; the unit
of a measure is set once, in Bencher. Values are in J, s, W.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from energyprof.compare.compared import Comparison, Entry
from energyprof.formats.json import write_object
from energyprof.meter import Origin


def write_comparison(comparison: Comparison, out: TextIO) -> None:
    """A benchmark for each report, a measure for each figure."""
    found = {}
    for entry, name in zip(comparison.entries, names(comparison), strict=True):
        found[name] = {
            estimate.figure.replace("_", "-"): {
                "value": estimate.mean,
                **({} if estimate.low is None else {"lower_value": estimate.low}),
                **({} if estimate.high is None else {"upper_value": estimate.high}),
            }
            for estimate in entry.estimates
        }
    write_object(found, out)


SUFFIXES: Mapping[Origin, str] = {"measured": "", "modelled": ", estimated", "simulated": ", simulated"}


def names(comparison: Comparison) -> list[str]:
    """Each report by its work, the same at every commit; reports of the same work by their label, too.

    Estimates have a name of their own: they must not continue the curve of what was measured.
    """
    works = [_work(entry) for entry in comparison.entries]
    return [
        work if works.count(work) == 1 else f"{work} ({entry.label})"
        for work, entry in zip(works, comparison.entries, strict=True)
    ]


def _work(entry: Entry) -> str:
    return entry.workload + SUFFIXES[entry.origin]
