"""Inference after the training, and from how many of them on one work's life costs less than another's."""

from __future__ import annotations

from collections.abc import Sequence

from energyprof.compare.breakdown import modules
from energyprof.compare.inference import inferences
from energyprof.compare.life import Life
from energyprof.formats.html.tags import Markup, paragraph, section, table, text
from energyprof.formats.inference import HEADS, life_lines, row
from energyprof.report.record import Report
from energyprof.units import watts, with_ends


def inference(reports: Sequence[Report], labels: Sequence[str], lives: Sequence[Life]) -> Markup | None:
    """The section on inference; ``None`` if no report measured any."""
    rows = [
        [text(label), *map(text, row(found))]
        for label, report in zip(labels, reports, strict=True)
        for found in inferences(report)
    ]
    if not rows:
        return None
    note = "One item through the network, warm, after the training; ±: 95 %, over windows or runs."
    return section(
        "Inference", table(("report", *HEADS), rows), paragraph(note), *map(paragraph, life_lines(lives))
    )


def blocks(reports: Sequence[Report], labels: Sequence[str]) -> Markup | None:
    """The section on the blocks of the network; ``None`` if no report measured them."""
    rows = []
    for label, report in zip(labels, reports, strict=True):
        found = modules(report)
        for part in found.parts if found is not None else ():
            amount = with_ends(part.sample_j, *part.sample_ends_j, "J")
            rows.append([label, part.name, amount, watts(part.power_w)])
        if found is not None:
            rows.append([label, "together", with_ends(found.together_j, *found.together_ends_j, "J"), ""])
            if found.train_j is not None and found.train_ends_j is not None:
                rows.append([label, "the network", with_ends(found.train_j, *found.train_ends_j, "J"), ""])
    if not rows:
        return None
    note = "Each block alone, forward and backward, with what it gets in a step; the network in the same way."
    shown = table(("report", "block", "a sample", "power"), [list(map(text, cells)) for cells in rows])
    return section("Energy of the network's blocks", shown, paragraph(note))
