"""A report made once more, from the trace that lies beside it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from energyprof.report.file import read, trace_path
from energyprof.report.nodes.borrowed import borrowed
from energyprof.report.nodes.combine import node_header, with_runs
from energyprof.report.nodes.trace import node_runs
from energyprof.report.rebuild import Rebuild
from energyprof.report.record import Report, Run


def recompute(path: Path) -> Report:
    """The report at ``path``, rebuilt from the trace beside it.

    Raises:
        FileError: the report or its trace cannot be read.
    """
    stored = read(path)
    if stored.joined:
        return _of_nodes(stored, trace_path(path))
    rebuilt = Rebuild(stored)
    rebuilt.add_all(trace_path(path))
    return rebuilt.report()


def _of_nodes(stored: Report, trace: Path) -> Report:
    """A joined report: each node's own from its pieces of the trace, put together as ``join`` does."""
    rebuilt = [Rebuild(node_header(stored, number)) for number in range(len(stored.joined))]
    for node, rows in node_runs(trace, stored):
        rebuilt[node].add(rows)
    reports = [node.report() for node in rebuilt]
    return with_runs(stored, reports, borrowed(stored, reports, trace))


def is_given_back(stored: Report, again: Report) -> bool:
    """Whether ``again`` is ``stored`` to the last digit, as far as the version that stored it said it all.

    The first schema had no coverage of a phase, earlier files of this one no processor time of the whole
    program: what is not there cannot differ.
    """
    runs = [_as_stored(run, before) for run, before in zip(again.runs, stored.runs, strict=False)]
    return dataclasses.replace(again, runs=(*runs, *again.runs[len(runs) :])) == stored


def _as_stored(run: Run, before: Run) -> Run:
    phases = tuple(
        dataclasses.replace(phase, coverage=None) if of.coverage is None else phase
        for phase, of in zip(run.phases, before.phases, strict=False)
    )
    again = dataclasses.replace(run, phases=(*phases, *run.phases[len(phases) :]))
    return dataclasses.replace(again, total_cpu_s=None) if before.total_cpu_s is None else again
