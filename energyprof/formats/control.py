"""A control beside what its machine's earlier ones predict, and all of them over time, in the terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from energyprof.compare.gate.control import LEAST_SESSIONS, Control, Controls, Fitness, fitness
from energyprof.compare.gate.control_figures import FIGURES
from energyprof.compare.gate.control_folder import since_marks
from energyprof.compare.gate.fit_for import too_few
from energyprof.formats.history import bars
from energyprof.formats.printable import printable
from energyprof.storable.values import fitted

_WORDS = {
    "fit": ("FIT", "bold green", "this machine is what its {n} earlier sessions predict"),
    "drifted": ("DRIFTED", "bold red", "this machine is not what its {n} earlier sessions predict"),
    "disturbed": ("DISTURBED", "bold red", "this control says nothing of the machine"),
    "unknown": ("UNKNOWN", "bold yellow", ""),
}
UNMETERED = "no meter measures this machine: seconds of work and clocks only, no joules and no idle power"


def control_table(found: Fitness, path: Path | None) -> RenderableType:
    """The verdict, a row a figure, and what to do; ``path``: where the control lies, if it was just made."""
    word, style, says = _WORDS[found.standing]
    head = Text(word, style).append(f"  {says.format(n=found.sessions) or too_few(found)}", "bold")
    parts: list[RenderableType] = [head]
    parts += [Text(f"  {printable(why.words)}", "red") for why in found.reasons]
    parts += [Text(), _figures(found)]
    if not any(one.kind in ("idle", "joules") for one in found.control.readings):
        parts.append(Text(UNMETERED, "yellow"))
    if found.standing == "drifted":
        parts.append(
            Text('If that is meant (a new driver, a new fan): energyprof control --accept "why".', "dim")
        )
    if path is not None:
        parts += [Text(), Text(f"control  {path}", "bold", no_wrap=True, overflow="ignore")]
    return Group(*parts)


def _figures(found: Fitness) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("", "now", "expected", "from … to", "sd", ""):
        table.add_column(heading, justify="left" if heading in ("", "from … to") else "right")
    judged = {one.figure: one for one in found.deviations}
    for reading in found.control.readings:
        unit, one = FIGURES[reading.kind].unit, judged.get(reading.figure)
        now = f"{reading.value:.4g} {unit}"
        if one is None:
            table.add_row(printable(reading.figure), now, "", "", "", "")
            continue
        sd = f"{one.sd:.2g} K" if reading.kind == "heat" else f"{100 * one.sd:.2g} %"
        table.add_row(
            printable(reading.figure),
            now,
            f"{one.expected:.4g} {unit}",
            f"{one.low:.4g} … {one.high:.4g}",
            sd,
            Text("drifted", "red") if one.drifted else "",
        )
    return table


def control_history(controls: Sequence[Control], all_of_them: Controls, width: int) -> RenderableType:
    """A line of bars a figure over all controls of one machine, and how each was judged."""
    starts = since_marks(controls, all_of_them.marks)
    judged = [fitness(one, all_of_them) for one in controls]
    signs = {"fit": "·", "drifted": "X", "disturbed": "d", "unknown": "?"}
    names = list(dict.fromkeys(r.figure for one in controls for r in one.readings))
    left = max([len("judged"), *map(len, names)])
    room = max(10, width - left - 24)
    shown = list(range(max(0, len(controls) - room), len(controls)))
    first, last = controls[0].created[:10], controls[-1].created[:10]
    count = "1 control" if len(controls) == 1 else f"{len(controls)} controls"
    lines = [Text(f"{count}, {first if first == last else f'{first} to {last}'}")]
    for name in names:
        values = [_value(controls[i], name) for i in shown]
        known = [value for value in values if value is not None]
        if known:
            unit = next(FIGURES[r.kind].unit for one in controls for r in one.readings if r.figure == name)
            last = f"{known[-1]:.4g} {unit}"
            lines.append(Text(f"{printable(name):<{left}}  {_split(bars(values), starts, shown)}  {last}"))
    row = "".join(signs[judged[i].standing] for i in shown)
    lines.append(Text(f"{'judged':<{left}}  {_split(row, starts, shown)}", "dim"))
    lines.append(
        Text(
            "· fit, X drifted, d disturbed, ? fewer than"
            f" {LEAST_SESSIONS} sessions before it, │ accepted as changed",
            "dim",
        )
    )
    lines += [
        Text(f"{mark.created[:10]}  accepted: {printable(mark.why)}", "dim") for mark in all_of_them.marks
    ]
    lines += [Text(printable(line), "yellow") for line in all_of_them.left_out]
    return Group(*lines)


def _value(control: Control, figure: str) -> float | None:
    return next((r.value for r in control.readings if r.figure == figure), None)


def _split(row: str, starts: Sequence[int], shown: Sequence[int]) -> str:
    """The row with a stroke before each accepted level but the first."""
    cells = [("│" if i in starts and i > 0 else "") + sign for i, sign in zip(shown, row, strict=True)]
    return "".join(cells)


def control_data(found: Fitness, path: Path | None) -> dict[str, Any]:
    """A judged control for programs."""
    return {
        "schema": "energyprof.control/1",
        "report": str(path) if path is not None else None,
        "created": found.control.created,
        "standing": found.standing,
        "sessions": found.sessions,
        "readings": [{**asdict(one), "unit": FIGURES[one.kind].unit} for one in found.control.readings],
        "deviations": [asdict(one) for one in found.deviations],
        "reasons": [asdict(one) for one in found.reasons],
    }


def as_json(data: object) -> str:
    """It, as text."""
    return json.dumps(fitted(data), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
