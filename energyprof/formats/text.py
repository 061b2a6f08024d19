"""Text for a terminal or a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from rich.cells import cell_len
from rich.padding import Padding
from rich.text import Text

from energyprof.compare.comparison import Comparison, Entry, Summary
from energyprof.compare.figures import BY_NAME, SHOWN
from energyprof.compare.gate.check import Check
from energyprof.formats import factors, product, wording
from energyprof.formats.caveats import caveats
from energyprof.formats.console import Screen
from energyprof.formats.inference import life_lines
from energyprof.formats.printable import printable

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
    """What was compared, then a table for each figure."""
    console = _console(out)
    _say_all(console, _of_sides(comparison))
    _say_all(console, [(line, "yellow", 0) for line in wording.notes(comparison)])
    best = factors.winners(comparison)
    for figure in SHOWN:
        rows = [
            (entry, estimate)
            for entry in comparison.entries
            for estimate in entry.estimates
            if estimate.figure == figure.name
        ]
        if rows:
            console.print()
            _say(console, wording.title(figure.name), "bold")
            _estimates(console, figure.name, rows, best.get(figure.name))
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
    _say(console, wording.outcome(result), _STYLES[result.outcome])
    for line in caveats(result):
        _say(console, line, "yellow")
    for line in (*result.invalid, *wording.not_judged(result)):
        _say(console, line, indent=2)
    for line in wording.background(result):
        _say(console, line, "dim", indent=2)
    work = ""
    for verdict in sorted(result.verdicts, key=lambda verdict: verdict.work):
        console.print()
        if verdict.work != work:
            work = verdict.work
            _say(console, work, "bold")
        head = Text(verdict.outcome, _STYLES[verdict.outcome])
        head.append(_GAP + wording.headline(verdict), "bold")
        console.print(head)
        for line in wording.explanation(verdict):
            _say(console, line, "bold green" if line.startswith("IMPROVED") else "", indent=6)
    if result.information:
        console.print()
        _say(console, "For information only, with two-sided 95 % intervals:")
        width = max(len(name) for name, _ in result.information)
        for name, change in result.information:
            shown = f"{wording.title(name):<{width}}{_GAP}{wording.ratio_change(change)}"
            _say(console, shown, indent=2)


def _estimates(console: Screen, figure: str, rows: Sequence[tuple[Entry, Summary]], best: str | None) -> None:
    """A row for each report that has the figure."""
    metered = any(estimate.u_rel is not None for _, estimate in rows)
    changed = any(estimate.change is not None for _, estimate in rows)
    heads = ["report", "n", "mean", "±"]
    heads += ["with meters"] if metered else []
    heads += ["to the first", ""] if changed else []
    cells = []
    for entry, estimate in rows:
        row = [printable(entry.label), wording.count(estimate), factors.mean(entry, estimate)]
        row.append(wording.spread(estimate))
        row += [wording.with_meters(estimate)] if metered else []
        row += factors.against(estimate, best, entry.label) if changed else []
        cells.append(row)
    # Where neither direction is worse, a colour would suggest that one is.
    _table(console, heads, cells, _STYLES if BY_NAME[figure].better else {})


def _table(
    console: Screen, heads: Sequence[str], rows: Sequence[Sequence[str]], styles: dict[str, str]
) -> None:
    """Columns side by side; a name too long for the screen goes on a line above its row.

    If the columns alone are too wide, the last two (the change and its comment) go below the row.
    rich's own table takes half a millisecond per row, which is seconds for a thousand reports.
    """
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    beside = len(heads)
    if console.width < sum(widths[1:]) + len(heads[0]) + len(_GAP) * len(widths):
        beside -= 2
    room = console.width - sum(widths[1:beside]) - len(_GAP) * beside
    names = [cell_len(row[0]) for row in rows]
    widths[0] = max([len(heads[0]), *(name for name in names if name <= room)])

    def line(cells: Sequence[str], name: int) -> str:
        shown = [cells[0] + " " * (widths[0] - name)]
        for head, cell, width in list(zip(heads, cells, widths, strict=True))[1:beside]:
            shown.append(cell.rjust(width) if head in _RIGHT else cell.ljust(width))
        below = _GAP.join(cells[beside:]).rstrip()
        return (_GAP + _GAP.join(shown)).rstrip() + (f"\n{_GAP * 3}{below}" if below else "")

    text = Text()
    text.append(line(heads, len(heads[0])) + "\n", "dim")
    for row, name in zip(rows, names, strict=True):
        if name > widths[0]:
            text.append(f"{_GAP}{row[0]}\n")
            row, name = ["", *row[1:]], 0
        shown = line(row, name)
        style = styles.get(row[-1].partition(",")[0], "")
        cut = len(shown) - len(row[-1]) if style else len(shown)
        text.append(shown[:cut])
        text.append(shown[cut:] + "\n", style)
    console.put(text)


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
    text = Text()
    width = console.width
    for line, style, indent in lines:
        words = printable(line)
        if cell_len(words) + indent <= width:
            text.append(" " * indent)
            text.append(words + "\n", style or None)
            continue
        console.put(text)
        text = Text()
        _say(console, line, style, indent)
    console.put(text)


def _console(out: TextIO) -> Screen:
    return Screen(out)


def _say(console: Screen, line: str, style: str = "", indent: int = 0) -> None:
    console.print(Padding(Text(printable(line), style), (0, 0, 0, indent), expand=False))
