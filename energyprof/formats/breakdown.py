"""Where the energy of a step goes, for people."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from energyprof.compare import budget
from energyprof.compare.breakdown import Breakdown, StepPart, breakdown, modules
from energyprof.report.record import Report
from energyprof.units import watts, with_ends

HINT = "what each part of a step takes: energyprof run … --breakdown 10"
UNTOLD = "cannot be told apart by this meter"
NAMES = {"forward_backward": "forward, backward"}


def where_it_goes(report: Report) -> RenderableType | None:
    """The parts of a step at 80 columns, or how to get them; ``None`` if it is not a standard workload."""
    found = breakdown(report)
    if found is None:
        hints = report.workload.size is not None and budget.energy_per_sample(report) is not None
        return Text(f"  {HINT}", style="dim") if hints else None
    title = Text("where it goes  ").append("each part of a step alone, after the training", style="dim")
    return _shown(found, title, "training")


def blocks_of_the_network(report: Report) -> RenderableType | None:
    """What each block takes, forward and backward, at 80 columns; ``None``: it was not measured."""
    found = modules(report)
    if found is None:
        return None
    title = Text("the network  ").append("each block alone, forward and backward", style="dim")
    return _shown(found, title, "the network")


def _shown(found: Breakdown, title: Text, whole: str) -> RenderableType:
    lines = [Text(f"  {_name(part)}: {UNTOLD}", style="yellow") for part in found.parts if not part.told]
    lines += [_closure(found, whole)] if found.closure is not None else []
    return Group(title, Padding(_table(found, whole), (0, 0, 0, 2), expand=False), *lines)


def _table(found: Breakdown, whole: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2), header_style="dim")
    table.add_column("part", overflow="fold")
    for name in ("a sample", f"of {whole}", "power"):
        table.add_column(name, justify="right", no_wrap=True)
    for part in found.parts:
        table.add_row(
            _name(part),
            with_ends(part.sample_j, *part.sample_ends_j, "J"),
            _share(part.sample_j, found.train_j) if part.told else "–",
            watts(part.power_w) if part.told else "–",
        )
    table.add_section()
    together = with_ends(found.together_j, *found.together_ends_j, "J")
    table.add_row("together", together, _share(found.together_j, found.train_j), "", style="bold")
    if found.train_j is not None:
        low, high = found.train_ends_j or (None, None)
        shown = with_ends(found.train_j, low, high, "J")
        table.add_row(f"in {whole}", shown, "100.0 %", "")
    return table


def _closure(found: Breakdown, whole: str) -> Text:
    """What the comparison of the sum with the training means, within their uncertainties."""
    excess, u = (found.closure or 0.0) - 1, found.closure_u or 0.0
    if abs(excess) <= u:
        words = f"the parts add up to {_the(whole)} within their uncertainty (± {100 * u:.2g} %)"
    elif excess > 0:
        words = f"alone, the parts take more than in {whole}, where they can overlap"
    else:
        words = f"alone, the parts take less than in {whole}, where they can wait for each other"
    return Text(f"  {words}", style="dim")


def _the(whole: str) -> str:
    return whole if whole.startswith("the ") else f"the {whole}"


def _share(sample_j: float, train_j: float | None) -> str:
    return f"{100 * sample_j / train_j:.1f} %" if train_j else "–"


def _name(part: StepPart) -> str:
    """A part's name; a level of a network that is nested level in level is told by its numbers."""
    return NAMES.get(part.name, part.name.replace("_", " ").replace(".submodule", ""))
