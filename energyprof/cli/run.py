"""``energyprof run``: train a standard workload, or a script, to its target, metered."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from energyprof.cli.checked import FOLDER
from energyprof.cli.metering import USUAL, Metering
from energyprof.cli.metering_options import with_metering
from energyprof.cli.options import (
    Export,
    Force,
    Json,
    Levers,
    Output,
    Quiet,
    Targets,
    given,
)
from energyprof.cli.setting_options import MODULES, with_settings
from energyprof.cli.together import (
    MEET_S,
    MeetWithin,
    Nnodes,
    NodeRank,
    Rdzv,
    asked_of,
    continued,
    own_path,
)
from energyprof.errors import UsageError
from energyprof.settings import SETTINGS, WHAT, WHERE

if TYPE_CHECKING:
    from energyprof.profile.request import ScriptRequest, WorkloadRequest
    from energyprof.report.record import Report

# Of each block under `--breakdown modules`, which says not how long.
MODULES_S = 5.0


@with_settings({"size": "repeats", "batch_size": "python", "breakdown_s": "calibration"})
@with_metering
def run(
    context: typer.Context,
    workload: Annotated[
        str,
        typer.Argument(metavar="WORKLOAD", help="One of `energyprof workloads`, or a script: ./train.py."),
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="ARGS", help="The script's arguments, after `--`.")
    ] = None,
    repeats: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="Number of trainings; seeds 0, 1, 2, ….", rich_help_panel=WHAT),
    ] = 1,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="The seeds to use, such as 3,5,7.", rich_help_panel=WHAT),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="REPORT", help="Add the seeds that this report still lacks.", rich_help_panel=WHAT
        ),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Interpreter to train with (default: this one).", rich_help_panel=WHERE
        ),
    ] = None,
    nnodes: Nnodes = 1,
    node_rank: NodeRank = None,
    rdzv: Rdzv = None,
    meet_within: MeetWithin = MEET_S,
    targets: Targets = None,
    lever: Levers = None,
    metering: Metering = USUAL,
    output: Output = None,
    force: Force = False,
    export: Export = None,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Train to a target, and report how much energy that took.

    What is trained is a standard workload, or a script of yours.
    A script is run once for each seed: energyprof.seed() gives it,
    energyprof.reached(score) says when to stop.
    """
    from dataclasses import replace

    from energyprof.cli import profiling
    from energyprof.profile.company import company
    from energyprof.profile.run import gathered, resume_job, run_job

    wanted = profiling.seeds(seeds, repeats)
    request = training_request(context)
    asked, local = asked_of(nnodes, node_rank, rdzv, meet_within)
    if local is not None and not local.elected:
        from energyprof.profile.follow import follow, part

        job = replace(request, part=part(local)).job(None)
        assert asked is not None
        raise typer.Exit(follow(job, local, asked, (output or resume or FOLDER / "any").parent))
    # First of all: whoever cannot go on from here tells the others, who would wait for it.
    others = company(local, asked, (output or resume or FOLDER / "any").parent, request.nproc)
    with contextlib.ExitStack() as stack:
        stack.enter_context(others.told())
        if resume is None and continued(output):
            resume, output = output, None
        measuring = profiling.measuring(metering, output, request.label, force=force, resume=resume)
        to = measuring.path
        if others.party is not None:
            request = replace(request, part=others.party.part)
        job = request.job(None)
        measuring = replace(measuring, path=own_path(others, to))
        # Of several nodes one may have lost what it had.
        lost = measuring.path != to and not measuring.path.exists()
        train = run_job if resume is None or lost else resume_job
        exporters = stack.enter_context(profiling.exporting(export, request.label))
        watchers = stack.enter_context(
            profiling.screen(profiling.subject(job), quiet=quiet, party=others.party)
        )
        result = train(job, wanted, measuring, [*watchers, *exporters], others)
    result = gathered(result, others, to, "refused" if resume is None and not force else "replaced")
    profiling.tell(result, as_json=json, quiet=quiet)
    if targets is not None and not (quiet or json):
        _show_targets(result.report, targets, request.label)
    raise typer.Exit(profiling.exit_code(result))


def training_request(context: typer.Context) -> WorkloadRequest | ScriptRequest:
    """What a command line that has been read asks to train.

    Raises:
        UsageError: it is invalid.
    """
    from energyprof.profile.request import ScriptRequest, WorkloadRequest
    from energyprof.profile.script import Script, is_script, target_of
    from energyprof.workload import WorkloadError
    from energyprof.workloads.parsing import settings_of

    words = context.params
    name, arguments = words["workload"], tuple(words["arguments"] or ())
    levers = tuple(words["lever"] or ())
    if is_script(name):
        _refuse_workloads_own(context, name)
        if words["targets"] is not None:
            raise UsageError(f"--targets: {name} trains to one --target; see show --targets afterwards")
        script = Script(Path(name), arguments, target_of(words["target"]))
        return ScriptRequest(script, words["nproc"], words["python"], levers)
    if arguments:
        raise UsageError(f"{' '.join(arguments)}: only a script takes arguments; {name} has options")
    if words["targets"] is not None:
        words = {**words, "target": _hardest(words["targets"], words["target"], name)}
    if isinstance(words["breakdown_s"], str) and words["breakdown_s"] != MODULES:
        raise UsageError(f"--breakdown {words['breakdown_s']}: give seconds, or {MODULES}")
    if words["breakdown_s"] == MODULES:
        words = {
            **words,
            "breakdown_s": 0.0,
            "breakdown_modules_s": words["breakdown_modules_s"] or MODULES_S,
        }
    try:
        settings = settings_of(name, {row.name: words[row.name] for row in SETTINGS})
    except WorkloadError as error:
        raise UsageError(str(error)) from None
    return WorkloadRequest(name, settings, words["python"], levers)


def _hardest(targets: str, target: str | None, workload: str) -> float:
    """Of several targets the one to train to: the others are passed on the way.

    Raises:
        UsageError: they are no scores, or another target is asked for as well.
    """
    from energyprof.compare.at_target import parsed_targets
    from energyprof.profile.job import plan_workload
    from energyprof.settings import Settings

    if target is not None:
        raise UsageError(f"--target {target} --targets {targets}: name all in --targets")
    values = parsed_targets(targets)
    return max(values) if plan_workload(workload, Settings()).target.direction == "max" else min(values)


def _show_targets(report: Report, targets: str, label: str) -> None:
    import sys

    from energyprof.compare.at_target import parsed_targets
    from energyprof.formats.console import Screen
    from energyprof.formats.targets import targets_table

    screen = Screen(sys.stdout)
    screen.print()
    screen.print(targets_table(report, parsed_targets(targets), label))


def _refuse_workloads_own(context: typer.Context, script: str) -> None:
    names = given(context)
    own = [row.option for row in SETTINGS if row.scripts is None and row.name in names]
    if own:
        raise UsageError(
            f"{', '.join(own)}: only for standard workloads; pass {script} its own options after --"
        )
