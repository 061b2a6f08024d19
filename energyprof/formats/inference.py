"""Inference after the training, and the lives of two works, for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from energyprof.compare.inference import AS_TRAINED, Inference, Saving, inferences, savings
from energyprof.compare.life import Life
from energyprof.compare.statistics.mean import Mean
from energyprof.report.record import Report
from energyprof.units import with_ends

HEADS = ("model", "batch", "energy", "time", "CPU time")


def inference_table(report: Report) -> RenderableType | None:
    """What an inference takes at each batch size, at 80 columns; ``None``: it was not measured."""
    found = inferences(report)
    if not found:
        return None
    table = Table(box=None, pad_edge=False, padding=(0, 1), collapse_padding=True, header_style="dim")
    for head in HEADS:
        table.add_column(head, justify="left" if head == "model" else "right", no_wrap=True)
    for each in found:
        table.add_row(*row(each))
    return Group(
        Text("an inference  ").append("one item through the network, warm, after the training", style="dim"),
        Padding(table, (0, 0, 0, 2), expand=False),
        *(Text(f"  {saving_line(saving)}", style="dim") for saving in savings(report)),
    )


def saving_line(saving: Saving) -> str:
    """Such as "int8 at batch 16: no CPU time is surely saved (0.89 … 1.11 × as trained)"."""
    told = f"({saving.low:.2f} … {saving.high:.2f} × as trained)"
    if saving.high < 1:
        said = f"takes less {saving.what}"
    elif saving.low > 1:
        said = f"takes more {saving.what}"
    else:
        said = f"no {saving.what} is surely saved"
    return f"{saving.kind} at batch {saving.batch}: {said} {told}"


def row(found: Inference) -> tuple[str, str, str, str, str]:
    """Kind, batch size, joules, seconds and processor seconds of one item."""
    return (
        found.kind,
        str(found.batch),
        _amount(found.energy_j, "J"),
        _amount(found.time_s, "s"),
        _amount(found.cpu_s, "s"),
    )


def life_lines(lives: Sequence[Life]) -> list[str]:
    """A line for each pair and batch size."""
    return [_line(life) for life in lives]


def _line(life: Life) -> str:
    what = f"training and inferences at batch {life.batch}, in {life.unit}"
    a, b = (_named(label, kind) for label, kind in zip((life.first, life.second), life.kinds, strict=True))
    if life.outcome == "unclear":
        return f"{what}: {b} and {a} cannot be told apart by what an inference takes"
    if life.outcome == "always":
        return f"{what}: {b} costs less than {a} from the first inference on"
    if life.outcome == "never":
        return f"{what}: {b} costs more than {a}, however many inferences"
    ends = f" ({count(life.low or 0.0)} … {count(life.high)})" if life.high is not None else ""
    when = "from" if life.outcome == "from" else "up to"
    return f"{what}: {b} costs less than {a} {when} {count(life.inferences or 0.0)} inferences{ends}"


def count(number: float) -> str:
    """To three digits: ``1,240,000``."""
    return f"{float(f'{number:.3g}'):,.0f}"


def _named(label: str, kind: str) -> str:
    return label if kind == AS_TRAINED else f"{label} ({kind})"


def _amount(mean: Mean | None, unit: str) -> str:
    return "–" if mean is None else with_ends(mean.value, *mean.ends, unit)
