"""A study for people at 80 columns, as JSON, and as a tidy table."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TextIO

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from energyprof.compare.effects import Effect
from energyprof.compare.figures import FIGURES, value
from energyprof.formats.printable import printable
from energyprof.formats.tuning import tuning_fields, tuning_rows
from energyprof.study.folder import Trained, factor_words
from energyprof.study.plan import shown
from energyprof.study.summary import Exponent, SettingSummary, StudySummary
from energyprof.units import percent, seconds, si

TITLES = {
    "energy_to_target": "energy to target",
    "energy_per_sample": "energy a sample",
    "samples_to_target": "samples to target",
    "time_to_target": "time to target",
    "energy": "energy",
    "time": "time",
    "cpu_time": "CPU time",
}
UNITS = {"energy_to_target": "J", "energy_per_sample": "J", "energy": "J"}
TIMES = ("time_to_target", "time", "cpu_time")
FOOT = (
    "Changes are against the base, paired by block. The intervals of one figure hold",
    "together at 95 %; one that leaves out 0 is in colour. ◆ may lie on the front of",
    "energy against time, ◇ against score, ▲ against memory: nothing is surely better",
    "in both.",
)


def study_tables(found: StudySummary) -> RenderableType:
    """What was trained, a table for each figure, then exponents, proxies and what went wrong."""
    plan = found.plan
    head = [
        Text(f"{plan.name}  {plan.design}", style="bold"),
        Text(f"{' '.join(plan.command)}; {factor_words(plan)}", style="dim"),
        Text(f"{found.cells} of {found.planned} trainings done, {plan.repeats} blocks", style="dim"),
    ]
    if found.origin != "measured":
        head.append(Text("These joules are AN ESTIMATE, not a measurement.", style="yellow"))
    parts: list[RenderableType] = [*head]
    for figure in found.figures:
        if any(figure in row.figures for row in found.settings):
            parts += [Text(), Text(TITLES[figure], style="bold"), _table(found, figure)]
    parts += [
        part
        for lines in (_scans(found), _exponents(found), _proxies(found), _problems(found))
        for part in lines
    ]
    return Group(*parts, Text(), *(Text(line, style="dim") for line in FOOT))


def _table(found: StudySummary, figure: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    first = figure == found.figures[0]
    for name in ("setting", "n", "mean", "change", "95 %", *([""] if first else [])):
        table.add_column(name, header_style="dim", justify="left" if name in ("setting", "") else "right")
    for row in found.settings:
        mean, blocks = row.mean(figure), row.figures.get(figure, {})
        effect = row.effects.get(figure)
        marks = [Text(_marks(row))] if first else []
        table.add_row(
            row.label,
            str(len(blocks)),
            "–" if mean is None else amount(figure, mean),
            *_change(effect),
            *marks,
        )
    return table


def amount(figure: str, mean: float) -> str:
    """A mean in the figure's own words."""
    if figure in TIMES:
        return seconds(mean)
    return si(mean, UNITS[figure]) if figure in UNITS else f"{mean:,.0f}"


def _change(effect: Effect | None) -> tuple[Text, Text]:
    if effect is None:
        return Text(""), Text("")
    style = "" if not effect.sure else ("green" if effect.ratio < 1 else "red")
    if effect.low is None or effect.high is None:
        return Text(percent(effect.ratio - 1)), Text("one block", style="dim")
    span = f"{percent(effect.low - 1)} … {percent(effect.high - 1)}"
    return Text(percent(effect.ratio - 1), style=style), Text(span, style=style or "dim")


def _marks(row: SettingSummary) -> str:
    marks = {"time": "◆", "score": "◇", "memory": "▲"}
    return "".join(mark for name, mark in marks.items() if row.on_front.get(name))


def _scans(found: StudySummary) -> Iterator[RenderableType]:
    for scan in found.scans:
        yield Text()
        yield Text(f"within the trainings of {scan.label}", style="bold")
        yield tuning_rows(scan.tuned)


def _exponents(found: StudySummary) -> Iterator[RenderableType]:
    if found.exponents:
        yield Text()
        yield Text("how it grows", style="bold")
        yield from (Text(f"  {exponent_line(one)}") for one in found.exponents)


def exponent_line(one: Exponent) -> str:
    """Such as "energy to target ∝ data-fraction^0.98 (95 %: 0.86 … 1.09)"."""
    return f"{TITLES[one.figure]} ∝ {one.factor}^{one.k:.2f} (95 %: {one.low:.2f} … {one.high:.2f})"


def _proxies(found: StudySummary) -> Iterator[RenderableType]:
    if not found.proxies:
        return
    yield Text()
    yield Text(f"what predicts {TITLES[found.figures[0]]}", style="bold")
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for name in ("instead of joules", "settings", "rank correlation", "error of a setting left out"):
        table.add_column(name, header_style="dim", justify="left" if name.startswith("inst") else "right")
    for one in found.proxies:
        table.add_row(one.name, str(one.n), f"{one.rank_correlation:+.2f}", f"{100 * one.error:.0f} %")
    yield table


def _problems(found: StudySummary) -> Iterator[RenderableType]:
    lines = problem_lines(found)
    if lines:
        yield Text()
        yield from (Text(f"! {line}", style="yellow") for line in lines)


def problem_lines(found: StudySummary) -> list[str]:
    """What went wrong, setting by setting, and levers that changed nothing."""
    lines = [f"{row.label}: {problem}" for row in found.settings for problem in row.problems]
    lines += [
        f"{row.label}: reached the target in {row.reached} of {row.trained}"
        for row in found.settings
        if row.reached is not None and row.reached < row.trained
    ]
    return [*lines, *found.notes]


def study_data(found: StudySummary) -> str:
    """The same as JSON."""
    rows = [
        {
            "setting": dict(row.setting.values),
            "label": row.label,
            "trained": row.trained,
            "reached": row.reached,
            "figures": {
                name: {"mean": row.mean(name), "by_block": {str(b): x for b, x in blocks.items()}}
                for name, blocks in row.figures.items()
            },
            "effects": {n: asdict(e) if e is not None else None for n, e in row.effects.items()},
            "on_front": dict(row.on_front),
            "problems": list(row.problems),
        }
        for row in found.settings
    ]
    data = {
        "name": found.plan.name,
        "command": list(found.plan.command),
        "design": found.plan.design,
        "blocks": found.plan.repeats,
        "origin": found.origin,
        "cells": found.cells,
        "planned": found.planned,
        "settings": rows,
        "scans": [{"label": scan.label, **tuning_fields(scan.tuned)} for scan in found.scans],
        "exponents": [asdict(one) for one in found.exponents],
        "proxies": [asdict(one) for one in found.proxies],
        "notes": list(found.notes),
    }
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_csv(cells: Sequence[Trained], out: TextIO) -> None:
    """A row for each figure of each training: the factors' values, block, seed, status, figure, value."""
    writer = csv.writer(out, lineterminator="\n")
    names = [name for name, _ in cells[0].cell.setting.values] if cells else []
    writer.writerow([*names, "block", "seed", "status", "figure", "value"])
    for cell in cells:
        values = [printable(shown(value)) for _, value in cell.cell.setting.values]
        for run in cell.report.runs if cell.report is not None else ():
            for figure in FIGURES:
                if (x := value(figure, run)) is not None:
                    writer.writerow([*values, cell.cell.block, run.seed, run.status, figure.name, repr(x)])
        if cell.report is None:
            writer.writerow([*values, cell.cell.block, cell.cell.seed, printable(cell.problem), "", ""])
