"""Joins the reports of several nodes, and their traces, into one report with one trace beside it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from energyprof.errors import FileError, UsageError
from energyprof.report.file import Taken, claimed, read, trace_path, write
from energyprof.report.nodes.axis import load_notes
from energyprof.report.nodes.borrowed import borrowed
from energyprof.report.nodes.combine import joined_header, with_runs
from energyprof.report.nodes.course import Course
from energyprof.report.nodes.names import node_names
from energyprof.report.nodes.trace import copy
from energyprof.report.recompute import recompute
from energyprof.report.record import JoinedNode, NodeRecord, Report
from energyprof.storable.values import is_number
from energyprof.trace.writer import TraceWriter

# So many nodes are named in a note.
NAMED = 8


class Ahead(NamedTuple):
    """By how much a clock was ahead of true time."""

    seconds: float
    u_s: float | None = None  # standard uncertainty (k = 1); None: nobody told


def join(
    paths: Sequence[Path],
    path: Path,
    taken: Taken,
    ahead: Mapping[str, Ahead],
    created: str,
    version: str,
    missing: Sequence[str] = (),
) -> Report:
    """The joined report of those in the files ``paths``, as it now lies at ``path``.

    ``ahead``: how a node's clock stood to true time, by the node's name; else by what kept it. ``missing``:
    the names of nodes that took part and have no report; they stand in it without a run. A trace is
    written where every report has its own beside it; those stay as they are.

    Raises:
        UsageError: fewer than two, one twice, one that is joined already, or not of one training.
        FileError: one cannot be read, or the joined one not be written.
    """
    if len(paths) + len(missing) < 2:
        raise UsageError("join: give the reports of two nodes or more")
    if any(_same_file(given, path) for given in paths):
        raise UsageError(f"join: {path} is one of the reports to join: write to another file with -o")
    reports = [read(given) for given in paths]
    _check(reports, paths)
    reports += [_absent(reports[0], name) for name in missing]
    names = node_names(reports)
    if unknown := sorted(set(ahead) - set(names)):
        raise UsageError(f"--ahead {unknown[0]}=…: there is no such node; there are {_listed(names)}")
    ahead = {**_told(reports, names), **ahead}
    notes = _renamed(reports, paths, names)
    notes += [f"{name} never delivered its report" for name in names[len(paths) :]]
    without = [given for given in paths if not trace_path(given).exists()]
    if without:
        notes.append(
            f"joined without a trace, since there is none beside {_listed([str(p) for p in without])}"
        )
    header = _header(reports, names, ahead, notes, created, version)
    courses: dict[str, list[Course]] = {}
    with _claim(header, path, taken) as (writer, place):
        if without:
            writer.withdraw()
        else:
            there = _with_traces(reports, paths, names, notes, writer, courses)
            reports = [*there, *reports[len(paths) :]]
        header = _header(reports, names, ahead, notes, created, version)
        lent = {} if without else borrowed(header, reports, trace_path(place))
        report = with_runs(header, reports, lent)
        report = dataclasses.replace(
            report, notes=(*_lent(lent, header), *load_notes(report.runs, courses), *report.notes)
        )
        write(report, place)
    return report


@contextlib.contextmanager
def _claim(header: Report, path: Path, taken: Taken) -> Iterator[tuple[TraceWriter, Path]]:
    """An empty trace and where the report is to be written; nothing of both stays where none comes of them.

    What is replaced stays until the new one is whole, so that a trace that cannot be read costs nothing.
    """
    place = path if taken == "refused" else path.with_name(f"{path.name.removesuffix('.json')}.joining.json")
    writer = claimed(header, place, taken)
    try:
        yield writer, place
        if place != path:
            _replace(place, path)
    except BaseException:
        place.unlink(missing_ok=True)
        trace_path(place).unlink(missing_ok=True)
        raise


def _replace(made: Path, path: Path) -> None:
    """Put the report ``made`` and its trace in the place of what lies at ``path``."""
    try:
        if trace_path(made).exists():
            os.replace(trace_path(made), trace_path(path))
        else:  # or the trace of the old report would be taken for this one's
            trace_path(path).unlink(missing_ok=True)
        os.replace(made, path)
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}") from None


def _with_traces(
    reports: Sequence[Report],
    paths: Sequence[Path],
    names: Sequence[str],
    notes: list[str],
    writer: TraceWriter,
    courses: dict[str, list[Course]],
) -> list[Report]:
    """The reports, once their traces are in the joined one; of a node that died the one its trace gives.

    ``courses`` takes the power of each node's runs.
    """
    found: list[Report] = []
    pieces = 0
    with contextlib.closing(writer):
        for report, given, name in zip(reports, paths, names, strict=False):
            courses[name] = copy(trace_path(given), name, pieces, writer, report.meters)
            runs = len(courses[name])
            pieces += runs
            if runs != len(report.runs):
                notes.append(
                    f"{name}: {given} holds {len(report.runs)} of the {runs} runs in its trace: it was cut"
                    " off, so they are taken from there"
                )
                report = recompute(given)
            found.append(report)
        if not writer.complete:
            raise UsageError(
                f"{writer.path}: cannot be written: no space left; write to another disk with -o"
            )
    return found


def _header(
    reports: Sequence[Report],
    names: Sequence[str],
    ahead: Mapping[str, Ahead],
    notes: Sequence[str],
    created: str,
    version: str,
) -> Report:
    joined = [
        JoinedNode(
            node=name,
            created=report.created,
            energyprof=report.energyprof,
            boundary=report.boundary,
            origin=report.origin,
            runs=len(report.runs),
            job=report.job,
            node_map=report.node_map,
            ahead_s=ahead[name].seconds if name in ahead else None,
            ahead_u_s=ahead[name].u_s if name in ahead else None,
        )
        for report, name in zip(reports, names, strict=True)
    ]
    header = joined_header(reports, joined, created, version)
    return dataclasses.replace(header, notes=(*notes, *header.notes))


def _lent(lent: Iterable[tuple[int, int]], header: Report) -> list[str]:
    """A line on the nodes that marked no phases, and on whether anybody told how their clocks stood."""
    nodes = [header.joined[node] for node in dict.fromkeys(node for node, _ in lent)]
    if not nodes:
        return []
    said = f"{_listed([node.node for node in nodes])} marked no phases: those of another node stand there"
    untold = any(node.ahead_u_s is None for node in nodes)
    return [said + (", without a ±, since no --ahead NODE=S:U tells how the clocks stood" if untold else "")]


def _check(reports: Sequence[Report], paths: Sequence[Path]) -> None:
    seen: dict[object, Path] = {}
    for report, given in zip(reports, paths, strict=True):
        if report.joined or len(report.nodes) > 1:
            raise UsageError(f"join: {given} is of several nodes already: give each node's own report")
        machine = report.nodes[0].machine.get("id") if report.nodes else ""
        name = report.nodes[0].name if report.nodes else ""
        key = (
            report.created,
            name,
            str(machine),
            tuple(run.clock for run in report.runs),
            report.workload.work,
        )
        if key in seen:
            raise UsageError(f"join: {seen[key]} and {given} are the same report: give each once")
        seen[key] = given


def _told(reports: Sequence[Report], names: Sequence[str]) -> dict[str, Ahead]:
    """How the nodes' clocks stood to true time by what kept them, where each report says so."""
    found = {}
    for report, name in zip(reports, names, strict=True):
        said = [run.facts["clock"] for run in report.runs if isinstance(run.facts.get("clock"), Mapping)]
        values = [(clock.get("ahead_s"), clock.get("u_s")) for clock in said]
        known = [(a, u) for a, u in values if is_number(a) and is_number(u) and u >= 0 and abs(a) < 1e9]
        if known:
            # Of several runs the least certain.
            found[name] = Ahead(*max(known, key=lambda one: one[1]))
    return found if len(found) == sum(bool(report.runs) for report in reports) else {}


def _absent(of: Report, name: str) -> Report:
    """What there is of a node that never delivered: its name."""
    return dataclasses.replace(
        of, created="", nodes=(NodeRecord(name, {}),), meters=(), runs=(), notes=(), job=None, node_map=None
    )


def _renamed(reports: Sequence[Report], paths: Sequence[Path], names: Sequence[str]) -> list[str]:
    """A note on each node that is called otherwise than in its report, since another has that name, too."""
    notes = []
    for report, given, name in zip(reports, paths, names, strict=False):
        own = report.nodes[0].name if report.nodes else ""
        if "#" in name and name != own:
            notes.append(f"{name} is the node of {given}: another one is called {own}, too")
        if report.series is not None:
            notes.append(f"{name}: its place in a series of runs is in its own report")
        if any(run.rounds for run in report.runs):
            notes.append(f"{name}: the rounds of its clients are in its own report")
    return notes


def _same_file(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
