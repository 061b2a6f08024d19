"""What a search is for: figures of which less is better, and which settings the noise leaves open."""

from __future__ import annotations

from collections.abc import Sequence

from energyprof.compare.effects import ByBlock, Objective, standings
from energyprof.study import plan
from energyprof.study.folder import Trained
from energyprof.study.summary import PROGRAM_FIGURES, TARGET_FIGURES, better_scores, by_block

# Before the noise is known, what another one beats by more than this in every figure is left behind.
NEAR = 1.1


def figures_of(objectives: Sequence[plan.Objective], cells: Sequence[Trained]) -> list[ByBlock]:
    """Each objective's figure in each block of one setting, less being better: of scores 1 / score."""
    reports = [cell.report for cell in cells if cell.report is not None]
    with_target = any(report.workload.target is not None for report in reports)
    names = {
        "energy": TARGET_FIGURES[0] if with_target else PROGRAM_FIGURES[0],
        "time": TARGET_FIGURES[3] if with_target else "time",
        "score": "score",
    }
    found: list[ByBlock] = [by_block(names[objective], cells) for objective in objectives]
    if better_scores(reports) == "more":
        for k, objective in enumerate(objectives):
            if objective == "score":
                found[k] = {block: 1 / score for block, score in found[k].items() if score > 0}
    return found


def undecided(known: Sequence[Sequence[ByBlock]], blocks: int) -> list[int]:
    """Of settings measured in so many blocks those that may lie on the front; none once each is certain.

    ``known``: of each setting its figures, less of each being better.
    """
    if blocks == 1:
        return [i for i, one in enumerate(known) if not any(_far_ahead(other, one) for other in known)]
    if len(known) < 2:
        return []
    found = standings([Objective([of_one[k] for of_one in known]) for k in range(len(known[0]))])
    return [i for i, standing in enumerate(found) if standing != "off"] if "unclear" in found else []


def _far_ahead(one: Sequence[ByBlock], other: Sequence[ByBlock]) -> bool:
    """Whether ``one`` is better in all figures by more than ``NEAR``, after a block each."""
    return all(NEAR * a[0] < b[0] for a, b in zip(one, other, strict=True))
