"""Markdown, for a pull request or a job summary."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TextIO

from energyprof.check import Check
from energyprof.compare import Comparison
from energyprof.figures import FIGURES
from energyprof.formats import wording


def write_comparison(comparison: Comparison, out: TextIO) -> None:
    """A table for each figure."""
    for entry in comparison.entries:
        _line(out, f"- {_plain(wording.about(entry, machine=not comparison.one_machine))}")
        for line in entry.left_out:
            _line(out, f"  - {_plain(line)}")
    for line in wording.notes(comparison):
        _line(out, f"- **{_plain(line)}**")
    for figure in FIGURES:
        rows = [
            (
                entry.label,
                str(estimate.n),
                wording.number(figure.name, estimate.mean),
                wording.spread(estimate),
                wording.with_meters(estimate),
                *wording.against_first(estimate),
            )
            for entry in comparison.entries
            for estimate in entry.estimates
            if estimate.figure == figure.name
        ]
        if rows:
            head = (wording.title(figure.name), "n", "mean", "±", "with meters", "change", "")
            _line(out)
            _table(out, head, rows)
    _line(out)
    for line in wording.FOOTNOTES:
        _line(out, f"<sub>{line}</sub><br>")


def write_check(result: Check, out: TextIO) -> None:
    """The verdict as a heading, a table of limits, and what explains them."""
    _line(out, f"### {_plain(wording.outcome(result))}")
    if result.estimated:
        _line(out, f"\n**{wording.ESTIMATED}**")
    if result.invalid:
        _line(out)
    for line in result.invalid:
        _line(out, f"- {_plain(line)}")
    if result.verdicts:
        rows = [
            (
                verdict.outcome,
                wording.title(verdict.limit.figure),
                wording.change(verdict.change, verdict.low, verdict.high),
                wording.margin(verdict.limit),
                " ".join(wording.explanation(verdict)),
            )
            for verdict in result.verdicts
        ]
        _line(out)
        _table(out, ("verdict", "figure", "change", "limit", ""), rows)
    if result.information:
        changes = [(wording.title(name), wording.ratio_change(c)) for name, c in result.information]
        _line(out)
        _table(out, ("for information", "change"), changes)


def _line(out: TextIO, text: str = "") -> None:
    out.write(text + "\n")


def _table(out: TextIO, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for cells in (head, ["---"] * len(head), *([_plain(cell) for cell in row] for row in rows)):
        _line(out, "| " + " | ".join(cells) + " |")


def _plain(text: str) -> str:
    """Names from files and reports as themselves: no markup, no cell borders, no control codes."""
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", shown)
