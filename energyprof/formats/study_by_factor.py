"""What each factor of a study does over all values of the others, and what two do together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from energyprof.formats.study_words import change, title
from energyprof.study.by_factor import FactorEffect
from energyprof.study.summary import StudySummary

# Of more than these the sure ones are shown, the largest first; all are in the JSON.
MOST = 24
TOGETHER = "two at once, beyond what each does alone"
UNSEEN = "This design sees no interactions, and while it is whole none of two factors is in its effects."


def main_title(figure: str) -> str:
    """Over a figure's main effects."""
    return f"{title(figure)}, each factor over all values of the others"


def of_figure(effects: Sequence[FactorEffect], figure: str) -> tuple[list[FactorEffect], str]:
    """Those to show of one figure, and what is not shown."""
    own = [one for one in effects if one.figure == figure]
    if len(own) <= MOST:
        return own, ""
    sure = sorted((one for one in own if one.effect.sure), key=lambda one: -abs(math.log(one.effect.ratio)))
    kept = sure[:MOST]
    return kept, f"{len(kept)} of {len(own)} are shown: {len(sure)} have an interval that leaves out 0."


def counted(found: StudySummary) -> str:
    """What a main effect is the mean of."""
    return "pairs" if found.plan.design == "grid" else found.plan.things


def factor_parts(found: StudySummary, figure: str) -> Iterator[RenderableType]:
    """The tables of one figure; none where settings differ in one factor alone."""
    if not any(one.figure == figure for one in found.main):
        return
    yield Text()
    yield Text(main_title(figure), style="bold")
    yield from _table(*of_figure(found.main, figure), counted(found))
    if found.plan.design == "screening":
        yield Text(UNSEEN, style="dim")
    if any(one.figure == figure for one in found.together):
        yield Text()
        yield Text(f"{title(figure)}, {TOGETHER}", style="bold")
        yield from _table(*of_figure(found.together, figure), "squares")


def _table(effects: Sequence[FactorEffect], rest: str, of: str) -> Iterator[RenderableType]:
    if effects:
        table = Table(box=None, pad_edge=False, padding=(0, 2))
        for name in ("value", of, "change", "95 %"):
            side = "left" if name == "value" else "right"
            table.add_column(name, header_style="dim", justify=side, overflow="fold")  # type: ignore[arg-type]
        for one in effects:
            table.add_row(one.label, str(one.effect.n), *change(one.effect))
        yield table
    if rest:
        yield Text(rest, style="dim")


def factor_data(effects: Sequence[FactorEffect]) -> list[dict[str, Any]]:
    """The same as JSON."""
    return [{"figure": one.figure, "values": dict(one.values), **asdict(one.effect)} for one in effects]
