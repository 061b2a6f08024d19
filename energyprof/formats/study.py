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

from energyprof.compare.figures import FIGURES, value
from energyprof.formats.printable import printable
from energyprof.formats.simulation_words import HEAD
from energyprof.formats.study_by_factor import factor_data, factor_parts
from energyprof.formats.study_words import amount, change, title
from energyprof.formats.tuning import tuning_fields, tuning_rows
from energyprof.study.exponents import Exponent
from energyprof.study.folder import Trained, factor_words
from energyprof.study.plan import shown
from energyprof.study.simulated_summary import figures_of
from energyprof.study.summary import SettingSummary, StudySummary
from energyprof.units import percent

FOOT = (
    "Changes are against the base, paired by block. The intervals of one figure hold",
    "together at 95 %; one that leaves out 0 is in colour. ◆ may lie on the front of",
    "energy against time, ◇ against score, ▲ against memory: nothing is surely better",
    "in both.",
)

ESTIMATED = "These joules are AN ESTIMATE, not a measurement."
ONE_BLOCK = (
    "Changes are of the values, against the base's. 95 % of draws, where inputs have",
    "intervals: how far a setting's own value may lie off.",
)
SEVERAL_BLOCKS = (
    "Changes are against the base, paired by block, which is the seed: chance alone is",
    "in their intervals, which hold together at 95 %; one without 0 is in colour.",
    "◆ may lie on the front of energy against time.",
)


def study_tables(found: StudySummary) -> RenderableType:
    """What was trained, a table for each figure, then exponents, proxies and what went wrong."""
    plan = found.plan
    head = [
        Text(f"{plan.name}  {plan.design}", style="bold"),
        Text(f"{' '.join(plan.command)}; {factor_words(plan)}", style="dim"),
        Text(done_line(found), style="dim"),
    ]
    if found.origin != "measured":
        head.append(Text(ESTIMATED if not plan.simulates else HEAD, style="yellow"))
    parts: list[RenderableType] = [*head]
    for figure in found.figures:
        parts += factor_parts(found, figure)
    for figure in found.figures[: 1 if plan.design == "screening" else None]:
        if any(figure in row.figures for row in found.settings):
            parts += [Text(), Text(title(figure), style="bold"), _table(found, figure)]
    parts += [
        part
        for lines in (_least(found), _scans(found), _exponents(found), _proxies(found), _problems(found))
        for part in lines
    ]
    lines = foot(found)
    return Group(*parts, *([Text()] if lines else []), *(Text(line, style="dim") for line in lines))


def done_line(found: StudySummary) -> str:
    """Such as "6 of 6 trainings done, 3 blocks"."""
    repeats = found.plan.repeats
    blocks = f", {repeats} {'block' if repeats == 1 else 'blocks'}"
    said = blocks if repeats > 1 or not found.plan.simulates else ""
    return f"{found.cells} of {found.planned} {found.plan.things} done{said}"


def in_one_block(found: StudySummary) -> bool:
    """Whether it is of simulations that are made once, so that nothing scatters."""
    return found.plan.simulates and found.plan.repeats == 1


def foot(found: StudySummary) -> tuple[str, ...]:
    """How to read the tables; empty: there are none yet."""
    if not any(row.figures for row in found.settings):
        return ()
    if not found.plan.simulates:
        return FOOT
    if in_one_block(found):
        return ONE_BLOCK
    return SEVERAL_BLOCKS


def _table(found: StudySummary, figure: str) -> Table:
    if in_one_block(found):
        return _values(found, figure)
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
            *change(effect),
            *marks,
        )
    return table


def _values(found: StudySummary, figure: str) -> Table:
    """Of a simulation in one block: each setting's value, its draws, and the change."""
    rows = [row for row in found.settings if figure in row.figures]
    spans = any(figure in row.drawn for row in rows)
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for name in ("setting", "value", *(["95 % of draws"] if spans else []), "change"):
        side = "left" if name == "setting" else "right"
        table.add_column(name, header_style="dim", justify=side, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        mean, effect = row.mean(figure), row.effects.get(figure)
        shown_value = "–" if mean is None else amount(figure, mean)
        changed = "" if effect is None else percent(effect.ratio - 1)
        table.add_row(row.label, shown_value, *([drawn_words(row, figure)] if spans else []), changed)
    return table


def drawn_words(row: SettingSummary, figure: str) -> str:
    """The middle 95 % of its draws; empty: nothing was drawn."""
    span = row.drawn.get(figure)
    return "" if span is None else f"{amount(figure, span[0])} … {amount(figure, span[1])}"


def least_words(row: SettingSummary) -> str:
    """Such as "energy federated 83 %, central 17 %; CO2e central 100 %"."""
    parts = []
    for figure, shares in row.least.items():
        best = sorted(shares, key=lambda name: -shares[name])
        several = [f"{name} {100 * shares[name]:.0f} %" for name in best if shares[name] >= 0.005]
        parts.append(f"{figure} {', '.join(several)}" if len(shares) > 1 else f"{figure} {best[0]}")
    return "; ".join(parts)


def least_title(found: StudySummary) -> str:
    """What the lines of `least_words` say."""
    return "recommended" if found.plan.command[0] == "place" else "takes least, in how many of the draws"


def _least(found: StudySummary) -> Iterator[RenderableType]:
    rows = [row for row in found.settings if row.least]
    if not rows:
        return
    yield Text()
    yield Text(least_title(found), style="bold")
    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(row.label, least_words(row))
    yield table


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
    over = f", by {one.over}" if one.over else ""
    return f"{title(one.figure)} ∝ {one.factor}^{one.k:.2f} (95 %: {one.low:.2f} … {one.high:.2f}){over}"


def _proxies(found: StudySummary) -> Iterator[RenderableType]:
    if not found.proxies:
        return
    yield Text()
    yield Text(f"what predicts {title(found.figures[0])}", style="bold")
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
            **({"intervals_95": {n: list(span) for n, span in row.drawn.items()}} if row.drawn else {}),
            **({"takes_least": {n: dict(of) for n, of in row.least.items()}} if row.least else {}),
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
        "main_effects": factor_data(found.main),
        "interactions": factor_data(found.together),
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
        for name, x in figures_of(cell).items():
            writer.writerow([*values, cell.cell.block, cell.cell.seed, "simulated", printable(name), repr(x)])
        if cell.report is None and cell.result is None:
            writer.writerow([*values, cell.cell.block, cell.cell.seed, printable(cell.problem), "", ""])
