"""What a scan says, for people at 80 columns and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from energyprof.compare.effects import Effect
from energyprof.compare.tuning import Tuned, TunedValue
from energyprof.units import joules, percent, seconds, si, watts

# "unclear": more blocks would tell whether it is within the bound.
STANDINGS = {"within": "", "beyond": "beyond", "unclear": "unclear"}
FOOT = (
    "Changes are against what was found; their 95 % intervals hold together. Machine",
    "levers leave the samples to the target as they are: what a sample takes, counts.",
)


def tuning_table(found: Tuned) -> RenderableType:
    """A row a value, then the cheapest, and what Zeus' rule would have taken; a foot says how to read it."""
    return Group(tuning_rows(found), Text(), *(Text(line, style="dim") for line in FOOT))


def tuning_rows(found: Tuned) -> RenderableType:
    """The same without the foot."""
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for name in ("value", "n", "a sample", "change", "95 %", "time", "power", "bound"):
        left = name in ("value", "bound")
        table.add_column(
            name, header_style="dim", justify="left" if left else "right", no_wrap=name != "value"
        )
    for row in found.values:
        table.add_row(*_cells(found, row))
    lines = [Text(line) for line in verdict(found)]
    if found.origin != "measured":
        lines.insert(0, Text("These joules are AN ESTIMATE, not a measurement.", style="yellow"))
    return Group(Text(found.lever, style="bold"), table, Text(), *lines)


def _cells(found: Tuned, row: TunedValue) -> Iterator[str | Text]:
    best = found.saves and row == found.best
    yield Text(row.value, style="green" if best else "")
    yield str(row.n)
    yield si(row.sample_j, "J")
    yield "found" if row == found.base else "" if row.energy is None else percent(row.energy.ratio - 1)
    yield Text("" if row.energy is None else span(row.energy), style="dim")
    yield "" if row.time is None else percent(row.time.ratio - 1)
    yield watts(row.power_w)
    yield Text("least" if best else STANDINGS[row.standing], style="green" if best else "dim")


def span(effect: Effect) -> str:
    """Such as "−12 % … −7 %"."""
    if effect.low is None or effect.high is None:
        return "one block"
    return f"{percent(effect.low - 1)} … {percent(effect.high - 1)}"


def verdict(found: Tuned) -> Iterator[str]:
    """The cheapest value and what it saves, and the same of Zeus' rule."""
    best = found.best
    if best is None:
        yield "no value is surely within the bound: more --blocks, or a wider one"
    elif found.saves and best.energy is not None:
        change = f"{percent(best.energy.ratio - 1)} joules ({span(best.energy)})"
        yield f"least: {found.lever} = {best.value}, {change}"
        if best.time is not None:
            yield f"  a sample takes {percent(best.time.ratio - 1)} time ({span(best.time)})"
        if found.samples is not None:
            saved_j = (found.base.sample_j - best.sample_j) * found.samples
            whole = f"{joules(best.sample_j * found.samples)} in {seconds(best.sample_s * found.samples)}"
            yield f"  to the target, of {found.samples:,.0f} samples: {whole}, {joules(saved_j)} less"
    else:
        yield f"nothing within the bound surely takes less than {found.base.value}, which was found"
    if found.zeus is not None:
        yield f"Zeus' rule ({found.zeus.rule}):"
        yield f"  {found.zeus.value}{_against(found)}"
    if unbound := [row.value for row in found.values if row in found.unbound]:
        yield f"did not bind, the power stayed below: {', '.join(unbound)}"
    if found.unmeasured:
        yield f"{found.unmeasured} windows are left out: the meters did not see them whole"


def _against(found: Tuned) -> str:
    """By how much the rule's value differs from the cheapest one."""
    zeus = next(row for row in found.values if found.zeus is not None and row.value == found.zeus.value)
    if found.best is None:
        return ""
    if zeus == found.best:
        return ", the same"
    more = percent(zeus.sample_j / found.best.sample_j - 1)
    time = percent(zeus.sample_s / found.best.sample_s - 1)
    return f": {more} joules a sample and {time} time against {found.best.value}"


def tuning_data(found: Tuned) -> str:
    """The same as JSON."""
    return json.dumps(tuning_fields(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def tuning_fields(found: Tuned) -> dict[str, Any]:
    """What JSON says of it."""
    data = asdict(found)
    data["base"] = found.base.value
    data["best"] = None if found.best is None else found.best.value
    data["saves"] = found.saves
    return data
