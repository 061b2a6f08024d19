"""What is asked of a past report before it is decoded, and the little of it that is decoded then."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from energyprof.compare.statistics.terms import of_sum
from energyprof.report.record import NodeRecord, Report


def nodes_of(nodes: Any) -> list[NodeRecord]:
    """The machines of nodes that are not decoded."""
    found = (
        [node.get("machine") for node in nodes if isinstance(node, dict)] if isinstance(nodes, list) else []
    )
    return [NodeRecord("", machine if isinstance(machine, dict) else {}) for machine in found]


def may_be_same(data: Mapping[str, Any], new: Report) -> bool:
    """Whether it is worth decoding: of the same work, or of something called the same that has no size."""
    if inner_of(data, "workload", "work") == new.workload.work:
        return True
    name, size = (inner_of(data, "workload", key) for key in ("name", "size"))
    return new.workload.size is None and size is None and name == new.workload.name


def slim(data: dict[str, Any]) -> dict[str, Any]:
    """The report without what affects no figure: decoding that would take most of the time."""
    runs = data.get("runs")
    if not isinstance(runs, list):
        return data
    return {**data, "runs": [_slim_run(run) if isinstance(run, dict) else run for run in runs]}


def _slim_run(run: dict[str, Any]) -> dict[str, Any]:
    phases = run.get("phases")
    return {
        **run,
        "phases": _joined(phases) if isinstance(phases, list) else phases,
        "history": [],
        "conditions": {},
        "budget_by_meter_j": {},
    }


def _joined(phases: list[Any]) -> list[Any]:
    """The phases of training as one, if their numbers are numbers; figures use no others."""
    training = [phase for phase in phases if isinstance(phase, dict) and phase.get("name") == "train"]
    if any(phase.get("actor") for phase in training):
        return training  # whether they overlap is for the figures to see
    try:
        sums = {key: _sum([phase.get(key) for phase in training]) for key in ("energy_j", "cpu_s")}
        samples = sum(phase.get("samples") or 0 for phase in training)
        budgets = [phase.get("budget_j") or {} for phase in training]
        budget_j = of_sum(budgets) if all(budgets) else {}
        meters = [phase.get("by_meter_j") or {} for phase in training]
        names = dict.fromkeys(name for of_one in meters for name in of_one)
        by_meter_j = {name: math.fsum(of_one.get(name, 0.0) for of_one in meters) for name in names}
    except (TypeError, AttributeError):
        return training  # decoding will say which of them is broken
    if not training:
        return []
    return [
        {
            **training[0],
            **sums,
            "samples": samples,
            "by_meter_j": by_meter_j,
            "budget_j": budget_j,
            "flags": [],
            "coverage": None,
        }
    ]


def _sum(parts: Sequence[float | None]) -> float | None:
    """``None`` if a part is not known."""
    return None if None in parts else math.fsum(part for part in parts if part is not None)


def moments_of(data: Mapping[str, Any]) -> list[Any]:
    """When each run began, as far as that is said."""
    runs = data.get("runs")
    return (
        [inner_of(run, "clock", "utc") for run in runs if isinstance(run, dict)]
        if isinstance(runs, list)
        else []
    )


def inner_of(data: Mapping[str, Any], key: str, inner: str) -> Any:
    """What stands in an object within; ``None``: nothing does."""
    outer = data.get(key)
    return outer.get(inner) if isinstance(outer, dict) else None
