"""``energyprof doctor``: what can be measured on this machine, and whether its meters follow a load."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from energyprof.cli import streams
from energyprof.cli.checked import INTERVAL_S
from energyprof.cli.options import Json, Meters
from energyprof.errors import MissingPart, UsageError

if TYPE_CHECKING:
    from energyprof.measure.selection import Selection
    from energyprof.meter import Finding

LOOK_S = 5.0
# Steps within which a processor comes to its full power, and eight of which take no longer than a coffee.
STEPS_S = (0.5, 300.0)
# Whoever has to type a password does that before, by ssh-agent.
VIA = "ssh -o BatchMode=yes {node}"
ELSEWHERE = (
    "--meters names one that has an address, such as shelly=192.0.2.7; `energyprof doctor` lists them all"
)


def doctor(
    meters: Meters = "auto",
    seconds: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            min=0,
            help="Seconds to read the meters for (default: 5; 0: only find them), or of each step of --test.",
        ),
    ] = None,
    test: Annotated[
        bool,
        typer.Option(
            "--test",
            help="Load processors and GPUs in steps, some 30 s, and say of each meter whether it follows.",
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Keep the test, for `run --meter-test FILE`."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    python: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Interpreter whose PyTorch loads the GPUs (default: this one)."),
    ] = None,
    nodes: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", help="Ask these nodes, such as a,b or node[01-04], in place of this one."
        ),
    ] = None,
    via: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help=f'How a node is reached (default: "{VIA}"); may end with how energyprof is called there.',
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show what this machine is, what its meters read, and how to unblock those that are blocked.

    With --test it exits 0 if every meter is well, 2 if there is none to test,
    4 if one is broken or other programs disturbed the test.
    With --nodes it exits 2 if one of them gave no answer. Under srun or mpirun
    the first process of each node prints one line.
    """
    from energyprof.wire.launchers import task

    if not test and (output is not None or force or python is not None):
        raise UsageError("--output, --force and --python: only with --test")
    if nodes is None and via is not None:
        raise UsageError("--via: only with --nodes")
    if nodes is not None:
        if test:
            raise UsageError("--test loads this machine: leave out --nodes, and run it on each of them")
        _ask(nodes, VIA if via is None else via, meters, LOOK_S if seconds is None else seconds, json=json)
        return
    here = _found(meters, test=test)
    if not test and (there := task(os.environ)) is not None and there.local:
        return  # the first process of a node speaks for it
    if test:
        _test(here, seconds, output, python, force=force, json=json)
    else:
        _look(here, LOOK_S if seconds is None else seconds, json=json)


class _Found(NamedTuple):
    """What there is on this machine, and which of it is read."""

    root: Path  # of /sys and /proc
    findings: Sequence[Finding]
    selection: Selection
    away: Mapping[str, Finding]  # what was asked for and is not there, by the words


def _found(meters: str, *, test: bool) -> _Found:
    """Raises UsageError, MissingPart: the words of ``--meters`` name no meter, or one that is not here."""
    from energyprof.cli.profiling import names
    from energyprof.measure.left_out import with_left_out
    from energyprof.measure.meters import find_addressed, find_all, parts_of, sysfs_root
    from energyprof.measure.selection import select

    root, asked = sysfs_root(), names(meters)
    findings = find_all(root) + find_addressed(asked)
    # A meter that was asked for and does not answer must not hide the others.
    away = {finding.asked: finding for finding in findings if finding.asked and finding.state != "found"}
    here = [words for words in asked if away.keys().isdisjoint(parts_of(words))]
    # A test is of what was asked for, and of nothing else if none of that is here.
    only = ["none"] if test and asked and not here else here
    return _Found(root, findings, with_left_out(select(findings, only), root), away)


def _look(found: _Found, seconds: float, *, json: bool) -> None:
    """What there is, and what it reads."""
    import json as json_text

    from energyprof.clock import utc_now
    from energyprof.formats.console import Screen
    from energyprof.formats.diagnosis import diagnosis, diagnosis_data
    from energyprof.measure import gpus, machine
    from energyprof.measure.meters import addresses
    from energyprof.profile.spot_check import spot_check
    from energyprof.wire.launchers import task

    findings, selection = found.findings, found.selection
    facts = machine.describe(found.root, gpus.devices(found.root))
    seen = None
    if seconds > 0 and selection.sources and selection.origin == "measured":
        err = Screen(sys.stderr)
        with err.status(f"reading {len(selection.sources)} meters for {seconds:g} s"):
            seen = spot_check(selection.sources, seconds, INTERVAL_S)
    several = task(os.environ)
    if json or several is not None:
        data = diagnosis_data(facts, findings, selection, seen, addresses(), utc_now())
        if several is not None:
            _line_of_task(data, json=json)
        else:
            streams.write_json(json_text.dumps(data, indent=1, ensure_ascii=False) + "\n")
    else:
        Screen(sys.stdout).print(diagnosis(facts, findings, selection, seen, addresses()))


def _line_of_task(data: Mapping[str, Any], *, json: bool) -> None:
    """One line for this node among those that a launcher started: what they all print stays readable."""
    import json as json_text

    from energyprof.decode import decode
    from energyprof.formats.node_doctor import node_line
    from energyprof.profile.asked_nodes import Diagnosis, NodeAnswer
    from energyprof.profile.provenance import node_name

    node = node_name(os.environ)
    if json:
        streams.write_json(json_text.dumps({"node": node, "diagnosis": data}) + "\n")
        return
    print(node_line(NodeAnswer(node, decode(Diagnosis, data))), flush=True)


def _ask(names: str, via: str, meters: str, seconds: float, *, json: bool) -> None:
    """What each of the nodes can measure, as they say."""
    import json as json_text

    from energyprof.formats.console import Screen
    from energyprof.formats.node_doctor import nodes_data, nodes_table, unanswered
    from energyprof.profile.asked_nodes import ask_all, nodes_named

    words = ["doctor", "--json", "--seconds", f"{seconds:g}", "--meters", meters]
    asked = nodes_named(names)
    err = Screen(sys.stderr)
    with err.status(f"asking {len(asked)} nodes") as status:
        answers = ask_all(
            asked,
            via,
            words,
            seconds,
            lambda count: status.update(f"asking {len(asked)} nodes: {count} have answered"),
        )
    if json:
        streams.write_json(json_text.dumps(nodes_data(answers), indent=1, ensure_ascii=False) + "\n")
    else:
        Screen(sys.stdout).print(nodes_table(answers))
    if problem := unanswered(answers):
        raise MissingPart(problem)


def _reason(findings: Sequence[Finding], selection: Selection) -> str:
    """Why nothing can be tested, in a few words."""
    from energyprof.measure.selection import listing, why

    real = [finding for finding in findings if finding.role == "real"]
    missing = sorted((f for f in real if f.state != "found"), key=lambda f: f.state != "blocked")
    if missing and len(missing) == len(real):
        return why(missing[0])
    names = listing([source.info.name for source in selection.sources])
    return f"{names} is not one that is read now" if names else "none was asked for"


def _why(finding: Finding) -> str:
    """Why a meter is not there, and what would help."""
    return finding.reason + (f"; try: {finding.remedy}" if finding.remedy else "")


def _unread(findings: Sequence[Finding], selection: Selection) -> list[str]:
    """A note on each meter that is on this machine and gives no reading: what was found of it was tested."""
    from energyprof.measure.selection import not_whole

    kinds = {source.info.kind for source in selection.sources}
    blocked = [f for f in findings if f.role == "real" and not f.asked and f.state == "blocked"]
    partly = [f for f in findings if f.kind in kinds and f.missing]
    return [
        *(f"{finding.kind} is not tested: {_why(finding)}" for finding in blocked),
        *map(not_whole, partly),
    ]


def _test(
    here: _Found, seconds: float | None, output: Path | None, python: str | None, *, force: bool, json: bool
) -> None:
    """Load the machine and judge its meters."""
    from dataclasses import replace
    from platform import node

    from energyprof import __version__
    from energyprof.cli.checked import report_path
    from energyprof.clock import utc_now
    from energyprof.files import write_new, write_text
    from energyprof.formats.console import Screen
    from energyprof.formats.meter_test import meter_test_table
    from energyprof.profile.meter_test import record_load, testable
    from energyprof.report.meter_test import record as records
    from energyprof.report.meter_test.judge import judge

    if seconds is not None and not STEPS_S[0] <= seconds <= STEPS_S[1]:
        raise UsageError(
            f"--seconds {seconds:g}: a step of the test lasts {STEPS_S[0]:g} to {STEPS_S[1]:g} s"
        )
    path = report_path(output, "meter-test", force=force) if output is not None else None
    if not testable(here.selection):
        reason = _reason(list(here.away.values()) or here.findings, here.selection)
        raise MissingPart(f"there is no meter here to test ({reason}); {ELSEWHERE}")
    err = Screen(sys.stderr)
    with err.status("starting") as status:
        found = record_load(here.selection, here.root, seconds, python or sys.executable, status.update)
        status.update("judging")
        found = replace(
            found,
            away={name: _why(finding) for name, finding in here.away.items()},
            notes=(*found.notes, *_unread(here.findings, here.selection)),
        )
        record = judge(found, utc_now(), __version__, node())
    if path is not None:
        records.write(record, path, write_text if force else write_new)
    if json:
        streams.write_json(records.to_json(record))
    Screen(sys.stderr if json else sys.stdout).print(meter_test_table(record, path))
    raise typer.Exit(0 if record.passed else 4)
