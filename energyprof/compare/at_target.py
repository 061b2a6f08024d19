"""A report as it would be, had its runs been trained to another target: from the evaluations that it holds.

A training to 0.81 passed 0.75 on its way, and its history says after how many samples, seconds and joules. No
evaluation is invented between two others: the run ends with the first that is at or past the target, as one
that was trained to it would have.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from energyprof.errors import UsageError
from energyprof.report.record import Point, Report, Run
from energyprof.report.uncertainty import SCALE, above, below, combined
from energyprof.workload import Target, content_id, task_id

K = 2.0


def parsed_targets(text: str) -> list[float]:
    """The scores in "0.7,0.75,0.81", in that order.

    Raises:
        UsageError: one of them is not a number above 0.
    """
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(0 < value < float("inf") for value in found):
        raise UsageError(f"--targets {text}: give scores separated by commas, such as 0.7,0.75,0.81")
    return found


def at_target(report: Report, value: float, label: str) -> Report:
    """The report with its runs cut where they reached ``value``; those that never did have missed it.

    Its phases, and with them the figures per sample, stay those of the whole runs.

    Raises:
        UsageError: its runs have no target, so nothing says whether a score is better if it is higher.
    """
    if report.workload.target is None:
        raise UsageError(f"{label}: its runs have no target, so --target cannot be one; leave the report out")
    target = dataclasses.replace(report.workload.target, value=value)
    own = report.workload.work
    # Trained to another target it is other work: what the reference runs needed to theirs says nothing of it.
    work_id = own if target == report.workload.target or not own else content_id({"work": own, "to": value})
    work = dataclasses.replace(report.workload, target=target, task=_task(report, target), work=work_id)
    return dataclasses.replace(report, workload=work, runs=tuple(_cut(run, target) for run in report.runs))


def all_at_target(reports: Sequence[Report], value: float, labels: Sequence[str]) -> list[Report]:
    """The same of several reports, which may have been trained to different targets.

    The target is in a work's id: where they were, equal settings are all that can be told of their works.

    Raises:
        UsageError: the runs of one have no target.
    """
    cut = [at_target(report, value, label) for report, label in zip(reports, labels, strict=True)]
    if len({report.workload.target for report in reports}) < 2:
        return cut
    return [dataclasses.replace(r, workload=dataclasses.replace(r.workload, work=_settings(r))) for r in cut]


def _settings(report: Report) -> str:
    work = report.workload
    return content_id({"name": work.name, "size": work.size, "config": work.config})


def _task(report: Report, target: Target) -> str:
    """The id of the task with this target: equal where all else that is to be achieved is."""
    work = report.workload
    if not work.task:
        return ""
    return task_id(work.name, work.config, work.task_keys or tuple(work.config), target)


def _cut(run: Run, target: Target) -> Run:
    point = next((point for point in run.history if target.reached(point.score)), None)
    if point is None:
        ended = run.status in ("reached", "missed", "done")
        return dataclasses.replace(run, status="missed" if ended else run.status)
    return dataclasses.replace(
        run,
        status="reached",
        samples=None if run.samples is None else point.samples,  # what is unknown of all is so of a part
        score=point.score,
        time_s=point.time_s,
        cpu_s=None,
        net_energy_j=None,
        net_energy_u_j=None,
        node=None,
        **_energy(run, point),
    )


def _energy(run: Run, point: Point) -> dict[str, Any]:
    """Joules up to the evaluation, and their interval: what is a factor in their proportion.

    The other terms are taken as the whole run's: over a part of it they cannot have been more.
    """
    if point.energy_j is None or not run.energy_j or run.energy_j <= 0:
        return {"energy_j": None, "energy_u_j": None, "energy_low_j": None, "energy_high_j": None}
    share = min(1.0, point.energy_j / run.energy_j)
    terms_j = _shrunk(run.budget_j, share)
    ends_j = [K * combined(end(terms_j)) for end in (below, above)]
    if not terms_j:  # a report that holds no terms: its ± in proportion might be too sure
        ends_j = [run.energy_u_j] * 2 if run.energy_u_j is not None else []
    return {
        "energy_j": point.energy_j,
        "energy_u_j": max(ends_j, default=None),
        "energy_low_j": point.energy_j - ends_j[0] if ends_j else None,
        "energy_high_j": point.energy_j + ends_j[1] if ends_j else None,
        "gain_u_j": None if run.gain_u_j is None else run.gain_u_j * share,
        "budget_j": terms_j,
        "budget_by_meter_j": {meter: _shrunk(terms, share) for meter, terms in run.budget_by_meter_j.items()},
    }


def _shrunk(terms_j: Mapping[str, float], share: float) -> dict[str, float]:
    return {term: u_j * share if term in SCALE else u_j for term, u_j in terms_j.items()}
