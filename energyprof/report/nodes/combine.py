"""The report of several nodes, from each one's: by ``join`` and, from the joined trace, by ``recompute``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from energyprof.errors import UsageError
from energyprof.meter import joint_origin
from energyprof.report.nodes.names import meters_named, meters_of
from energyprof.report.nodes.one_run import run_of_nodes
from energyprof.report.record import JobRecord, JoinedNode, NodeRecord, Phase, Report, WorkloadRecord
from energyprof.storable.values import MAX_ITEMS, MAX_NAME, MAX_NAMES
from energyprof.workload import content_id


def joined_header(
    reports: Sequence[Report], joined: Sequence[JoinedNode], created: str, version: str
) -> Report:
    """The report of these nodes without its runs: ``reports`` in the order of ``joined``.

    Raises:
        UsageError: they train to different targets, or are more, or longer, than a report may hold.
    """
    first = reports[0]
    if any(report.workload.target != first.workload.target for report in reports):
        raise UsageError("join: the reports have different targets: give those of one training")
    nodes = tuple(
        NodeRecord(node.node, report.nodes[0].machine if report.nodes else {})
        for node, report in zip(joined, reports, strict=True)
    )
    meters = tuple(
        meter
        for node, report in zip(joined, reports, strict=True)
        for meter in meters_named(report.meters, node.node)
    )
    if len(meters) > MAX_NAMES:
        raise UsageError(f"join: {len(meters):,} meters are more than a report holds ({MAX_NAMES:,})")
    if long := [meter.name for meter in meters if len(meter.name) > MAX_NAME]:
        raise UsageError(
            f"join: with its node's name the meter {long[0][:60]}… has more than {MAX_NAME} letters"
        )
    boundaries = {report.boundary for report in reports}
    commits = {report.commit for report in reports}
    return Report(
        schema=first.schema,
        created=created,
        energyprof=version,
        workload=_workload(reports, joined),
        nodes=nodes,
        boundary=boundaries.pop() if len(boundaries) == 1 else None,
        origin=joint_origin(report.origin for report in reports),
        meters=meters,
        runs=(),
        notes=tuple(
            f"{node.node}: {note}"
            for node, report in zip(joined, reports, strict=True)
            for note in report.notes
        )[:MAX_ITEMS],
        job=_job(joined),
        commit=commits.pop() if len(commits) == 1 else None,
        joined=tuple(joined),
    )


def with_runs(
    header: Report, reports: Sequence[Report], borrowed: Mapping[tuple[int, int], tuple[Phase, ...]]
) -> Report:
    """The joined report with its runs and meters as each node's report has them, in the order of its nodes.

    ``borrowed``: by node and run the phases of one that marked none (``borrowed.py``).

    Raises:
        UsageError: runs of different seeds, or more phases than a report may hold.
    """
    names = [node.node for node in header.joined]
    meters = {n: meters_named(r.meters, n) for n, r in zip(names, reports, strict=True)}
    runs = []
    for number in range(max(len(report.runs) for report in reports)):
        of_nodes = {
            name: report.runs[number]
            for name, report in zip(names, reports, strict=True)
            if number < len(report.runs)
        }
        seeds = {name: run.seed for name, run in of_nodes.items() if run.seed is not None}
        if len(set(seeds.values())) > 1:
            one, other = _two_that_differ(seeds)
            raise UsageError(
                f"join: run {number + 1} has seed {seeds[one]} on {one} and seed {seeds[other]} on {other}:"
                " give the reports of one training"
            )
        shown = {
            name: dataclasses.replace(
                of_nodes[name], phases=borrowed.get((node, number), of_nodes[name].phases)
            )
            for node, name in enumerate(names)
            if name in of_nodes
        }
        if sum(len(run.phases) for run in shown.values()) > MAX_ITEMS:
            raise UsageError(f"join: run {number + 1} has more phases than a report holds ({MAX_ITEMS:,})")
        runs.append(run_of_nodes(of_nodes, header.joined, header.nodes, meters, shown))
    all_meters = tuple(meter for name in names for meter in meters[name])
    return dataclasses.replace(header, meters=all_meters, runs=tuple(runs))


def node_header(joined: Report, number: int) -> Report:
    """The report of one node of a joined one, without its runs: what its trace needs to become it again."""
    node = joined.joined[number]
    return dataclasses.replace(
        joined,
        nodes=(joined.nodes[number],),
        boundary=node.boundary,
        origin=node.origin,
        meters=meters_of(joined.meters, node.node),
        runs=(),
        notes=(),
        job=node.job,
        node_map=node.node_map,
        joined=(),
    )


def _two_that_differ(seeds: Mapping[str, int]) -> tuple[str, str]:
    one = next(iter(seeds))
    return one, next(name for name, seed in seeds.items() if seed != seeds[one])


def _workload(reports: Sequence[Report], joined: Sequence[JoinedNode]) -> WorkloadRecord:
    """The nodes' common work; where each does its own, an identity of all, and what they have in common."""
    works = [report.workload for report in reports]
    first = works[0]
    if all(work == first for work in works):
        return first
    alike: dict[str, Any] = {
        key: value for key, value in first.config.items() if all(w.config.get(key) == value for w in works)
    }
    own = {
        node.node: {k: v for k, v in work.config.items() if k not in alike}
        for node, work in zip(joined, works, strict=True)
    }
    tasks = {work.task for work in works}
    return dataclasses.replace(
        first,
        name=first.name
        if len({work.name for work in works}) == 1
        else " + ".join(dict.fromkeys(work.name for work in works))[:200],
        size=first.size if len({work.size for work in works}) == 1 else None,
        task=tasks.pop() if len(tasks) == 1 else "",
        work=content_id({"nodes": sorted(work.work for work in works)}),
        config={**alike, "nodes": own},
        task_keys=tuple(key for key in first.task_keys if key.split(".")[0] in alike),
        sample_keys=tuple(key for key in first.sample_keys if key.split(".")[0] in alike),
    )


def _job(joined: Sequence[JoinedNode]) -> JobRecord | None:
    """The job that all nodes ran in, without what is a node's own; ``None``: they had none in common."""
    jobs = {None if node.job is None else dataclasses.replace(node.job, node="") for node in joined}
    return jobs.pop() if len(jobs) == 1 else None
