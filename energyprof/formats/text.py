"""Text for a terminal or a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from rich.cells import cell_len
from rich.padding import Padding
from rich.text import Text

from energyprof.compare.compared import Comparison
from energyprof.compare.figures import SHOWN
from energyprof.formats import factors, product, verdict_words, wording
from energyprof.formats.caveats import caveats
from energyprof.formats.console import Screen
from energyprof.formats.inference import life_lines
from energyprof.formats.printable import printable

if TYPE_CHECKING:
    from energyprof.compare.gate.check import Check

_STYLES = {
    "PASS": "bold green",
    "FAIL": "bold red",
    "INCONCLUSIVE": "bold yellow",
    "INVALID": "bold red",
    "NOT_COMPARABLE": "bold red",
    "NO_BASELINE": "bold yellow",
    "lower": "green",
    "higher": "red",
    "unclear": "dim",
    "best": "green",
}
_RIGHT = ("n", "mean", "±", "with meters")
_GAP = "  "


def write_comparison(comparison: Comparison, out: TextIO) -> None:
    """What was compared, then one table of all figures."""
    console = _console(out)
    _say_all(console, _of_sides(comparison))
    _say_all(console, [(line, "yellow", 0) for line in wording.notes(comparison)])
    if figures := _figures(comparison):
        console.print()
        _table(console, figures)
    if taken_apart := product.lines(comparison):
        console.print()
        _say_all(console, map(_of_product, taken_apart))
    for line in life_lines(comparison.lives):
        console.print()
        _say(console, line)
    console.print()
    for line in (*wording.FOOTNOTES, *factors.notes(comparison)):
        _say(console, line, "dim")


def write_check(result: Check, out: TextIO) -> None:
    """The verdict first, then a line for each limit and what explains it."""
    console = _console(out)
    _say(console, verdict_words.outcome(result), _STYLES[result.outcome])
    for line in caveats(result):
        _say(console, line, "yellow")
    for line in (*result.invalid, *verdict_words.not_judged(result)):
        _say(console, line, indent=2)
    for line in verdict_words.background(result):
        _say(console, line, "dim", indent=2)
    work = ""
    for verdict in sorted(result.verdicts, key=lambda verdict: verdict.work):
        console.print()
        if verdict.work != work:
            work = verdict.work
            _say(console, work, "bold")
        head = Text(verdict.outcome, _STYLES[verdict.outcome])
        head.append(_GAP + verdict_words.headline(verdict), "bold")
        console.print(head)
        for line in verdict_words.explanation(verdict):
            _say(console, line, "bold green" if line.startswith("IMPROVED") else "", indent=6)
    if result.information:
        console.print()
        _say(console, "For information only, with two-sided 95 % intervals:")
        width = max(len(name) for name, _ in result.information)
        for name, change in result.information:
            shown = f"{wording.title(name):<{width}}{_GAP}{wording.ratio_change(change)}"
            _say(console, shown, indent=2)


# A row of the table: its cells, and which of its last cell's words have a style.
Row = tuple[list[str], Mapping[str, str]]


def _figures(comparison: Comparison) -> list[tuple[str, list[Row]]]:
    """Of every figure that a report has its name and a row for each of these reports."""
    shown = [(figure, comparison.having(figure.name)) for figure in SHOWN]
    metered = any(estimate.u_rel is not None for _, rows in shown for _, estimate in rows)
    changed = any(estimate.change is not None for _, rows in shown for _, estimate in rows)
    heads = ["report", "n", "mean", "±"]
    heads += ["with meters"] if metered else []
    heads += ["to the first", ""] if changed else []
    best = factors.winners(comparison)
    found: list[tuple[str, list[Row]]] = [("figure", [(heads, {})])]
    for figure, rows in shown:
        cells: list[Row] = []
        for entry, estimate in rows:
            row = [printable(entry.label), wording.count(estimate), factors.mean(entry, estimate)]
            row.append(wording.spread(estimate))
            row += [wording.with_meters(estimate)] if metered else []
            row += factors.against(estimate, best.get(figure.name), entry.label) if changed else []
            # Where neither direction is worse, a colour would suggest that one is.
            cells.append((row, _STYLES if figure.better else {}))
        if rows:
            found.append((wording.title(figure.name), cells))
    return found if len(found) > 1 else []


def _table(console: Screen, figures: Sequence[tuple[str, list[Row]]]) -> None:
    """One table of all figures, each row with its figure's name if there is room, else under it.

    A label too long for the screen goes on a line above its row. If the columns alone are too wide, the last
    two (the change and its comment) go below the row. rich's own table takes half a millisecond per row,
    which is seconds for a thousand reports.
    """
    heads = figures[0][1][0][0]
    rows = [cells for _, found in figures for cells, _ in found]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    names = max(len(name) for name, _ in figures)
    inline = console.width >= names + sum(widths) + len(_GAP) * len(widths)
    beside, before = len(heads), names if inline else 0
    if not inline and console.width < sum(widths[1:]) + len(heads[0]) + len(_GAP) * len(widths):
        beside -= 2
    if not inline:
        room = console.width - sum(widths[1:beside]) - len(_GAP) * beside
        labels = [cell_len(row[0]) for row in rows]
        widths[0] = max([len(heads[0]), *(label for label in labels if label <= room)])

    def line(name: str, cells: Sequence[str]) -> str:
        shown = [name.ljust(before), cells[0] + " " * (widths[0] - cell_len(cells[0]))]
        for head, cell, width in list(zip(heads, cells, widths, strict=True))[1:beside]:
            shown.append(cell.rjust(width) if head in _RIGHT else cell.ljust(width))
        below = _GAP.join(cells[beside:]).rstrip()
        return _GAP.join(shown).rstrip() + (f"\n{_GAP * 3}{below}" if below else "")

    parts = [(line(figures[0][0] if inline else "", heads) + "\n", "dim")]
    for name, found in figures[1:]:
        if not inline:
            parts.append((name + "\n", "bold"))
        for i, (cells, styles) in enumerate(found):
            if cell_len(cells[0]) > widths[0]:
                parts.append((f"{_GAP}{cells[0]}\n", ""))
                cells = ["", *cells[1:]]
            shown = line(name if inline else "", cells)
            style = styles.get(cells[-1].partition(",")[0], "")
            end = len(shown) - len(cells[-1]) if style else len(shown)
            begin = before if inline else 0
            parts.append((shown[:begin], "dim" if i else "bold"))
            parts.append((shown[begin:end], ""))
            parts.append((shown[end:] + "\n", style))
    console.put(parts)


# What a line says, its style and how far it is indented.
Line = tuple[str, str, int]


def _of_sides(comparison: Comparison) -> Iterator[Line]:
    for line, left_out in factors.sides(comparison):
        yield line, "", 0
        for left in left_out:
            yield left, "yellow", 2


def _of_product(line: str) -> Line:
    words = line.removeprefix(_GAP)  # so that wrapped lines stay indented
    return words, "bold" if line == product.HEAD else "", len(line) - len(words)


def _say_all(console: Screen, lines: Iterable[Line]) -> None:
    """Many lines: those that need no wrapping are one text to rich, half a millisecond each."""
    parts: list[tuple[str, str]] = []
    width = console.width
    for line, style, indent in lines:
        words = printable(line)
        if cell_len(words) + indent <= width:
            parts += [(" " * indent, ""), (words + "\n", style)]
            continue
        console.put(parts)
        parts = []
        _say(console, line, style, indent)
    console.put(parts)


def _console(out: TextIO) -> Screen:
    return Screen(out)


def _say(console: Screen, line: str, style: str = "", indent: int = 0) -> None:
    console.print(Padding(Text(printable(line), style), (0, 0, 0, indent), expand=False))
