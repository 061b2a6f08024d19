"""Markdown, for a pull request or a job summary."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TextIO

from energyprof.compare.compared import Comparison
from energyprof.compare.figures import SHOWN
from energyprof.compare.gate.check import Check
from energyprof.compare.gate.verdict import Verdict
from energyprof.formats import factors, product, verdict_words, wording
from energyprof.formats.caveats import caveats
from energyprof.formats.inference import life_lines
from energyprof.formats.printable import printable


def write_comparison(comparison: Comparison, out: TextIO) -> None:
    """One table of all figures."""
    for line, left_out in factors.sides(comparison):
        _line(out, f"- {plain(line)}")
        for left in left_out:
            _line(out, f"  - {plain(left)}")
    for line in wording.notes(comparison):
        _line(out, f"- **{plain(line)}**")
    best, several = factors.winners(comparison), len(comparison.entries) > 1
    rows = [
        (
            wording.title(figure.name),
            entry.label,
            wording.count(estimate),
            factors.mean(entry, estimate),
            wording.spread(estimate),
            wording.with_meters(estimate),
            *(factors.against(estimate, best.get(figure.name), entry.label) if several else ()),
        )
        for figure in SHOWN
        for entry, estimate in comparison.having(figure.name)
    ]
    if rows:
        head = ["figure", "report", "n", "mean", "±", "with meters"]
        head += ["to the first", ""] if several else []
        _line(out)
        _table(out, head, rows)
    if apart := product.rows(comparison):
        _line(out)
        _table(out, ("", "energy to target", "= energy per sample", "× samples to target", "× on top"), apart)
        _line(out)
        for line in product.sentences(comparison):
            _line(out, f"- {plain(line)}")
        _line(out, f"\n<sub>{product.FOOTNOTE}</sub>")
    for line in life_lines(comparison.lives):
        _line(out, f"\n{plain(line)}")
    _line(out)
    for line in (*wording.FOOTNOTES, *factors.notes(comparison)):
        _line(out, f"<sub>{plain(line)}</sub><br>")


def write_check(result: Check, out: TextIO) -> None:
    """The verdict as a heading, a table of limits, and what explains them."""
    _line(out, f"### {plain(verdict_words.outcome(result))}")
    for line in caveats(result):
        _line(out, f"\n**{line}**")
    lines = [*result.invalid, *verdict_words.not_judged(result), *verdict_words.background(result)]
    if lines:
        _line(out)
    for line in lines:
        _line(out, f"- {plain(line)}")
    if result.verdicts:
        rows = [
            (
                verdict.outcome,
                _judged(verdict),
                verdict_words.bounds(verdict),
                verdict_words.margin(verdict.limit),
                " ".join(verdict_words.explanation(verdict)),
            )
            for verdict in result.verdicts
        ]
        _line(out)
        _table(out, ("verdict", "figure", "change", "limit", ""), rows)
    if result.information:
        changes = [(wording.title(name), wording.ratio_change(c)) for name, c in result.information]
        _line(out)
        _table(out, ("for information", "change, two-sided 95 %"), changes)


def _judged(verdict: Verdict) -> str:
    """The figure, with its work if there is more than one."""
    over = f" over {verdict.baseline_runs + 1} reports" if verdict.design == "trend" else ""
    figure = wording.title(verdict.limit.figure) + over
    return f"{verdict.work}: {figure}" if verdict.work else figure


def _line(out: TextIO, text: str = "") -> None:
    out.write(text + "\n")


def _table(out: TextIO, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for cells in (head, ["---"] * len(head), *([plain(cell) for cell in row] for row in rows)):
        _line(out, "| " + " | ".join(cells) + " |")


def plain(text: str) -> str:
    """Names from files and reports as themselves: no markup, no cell borders, no control codes.

    An empty comment keeps ``@name`` from calling somebody, ``#12`` from linking to a pull request.
    """
    shown = re.sub(r"([\\`*_\[\]<>|])", r"\\\1", printable(text))
    return re.sub(r"([@#!])(?=\w)", r"\1<!-- -->", shown)
