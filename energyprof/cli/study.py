"""``energyprof study``: many settings trained by one plan, and what they say."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from energyprof.cli import streams
from energyprof.cli.ab import COOLDOWN_S, Cooldown
from energyprof.cli.checked import checked_page, checked_wait
from energyprof.cli.metering import USUAL, Metering
from energyprof.cli.metering_options import with_metering
from energyprof.cli.options import Json, Page, Quiet
from energyprof.cli.simulated import INTERRUPTED, prepared, simulated, to_simulate
from energyprof.errors import UsageError

if TYPE_CHECKING:
    from energyprof.profile.job import Job
    from energyprof.profile.watchers import Watcher

study = typer.Typer(help="Train many settings by one plan, and say which change saves how many joules.")

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The study's folder.")]


@study.command("run")
@with_metering
def run_study(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="The plan, a .toml file.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="The study's folder (default: the plan's name)."),
    ] = None,
    cooldown: Cooldown = COOLDOWN_S,
    metering: Metering = USUAL,
    on: Annotated[
        Literal["here", "slurm", "oar"],
        typer.Option(help="Where to train: on a cluster every training is a job of a whole node."),
    ] = "here",
    limit: Annotated[
        str, typer.Option(metavar="TIME", help="The longest that a job may take, such as 90min or 4h.")
    ] = "2h",
    batch: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OPTION", help="For sbatch partition=gpu, for oarsub '-t exotic'; can be repeated."
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Train every setting of the plan in every block, in random order within a block, from the same seeds.

    What is done is not trained again: after an interruption the same command
    goes on. A training that fails is a result. The plan:

      command = "run unet --size tiny"
      design = "one-at-a-time"       # or grid, screening, search
      repeats = 3                    # blocks
      budget = "8 h"                 # or "500 kJ"; ends with the block
      [factors]                      # the first value is the base's
      precision = ["fp32", "bf16"]
      "lever.cpu.max_freq" = ["3GHz", "2GHz"]
    """
    from energyprof.cli import profiling
    from energyprof.profile.inbox import signals
    from energyprof.study.plan import read_plan
    from energyprof.study.search import search
    from energyprof.study.sweep import sweep
    from energyprof.study.trainer import SweepScreen

    wanted = read_plan(plan)
    folder = output if output is not None else Path(plan.stem)
    say = profiling.unsaid if quiet else profiling.say
    words = metering.words() + ([] if cooldown == COOLDOWN_S else ["--cooldown", str(cooldown)])
    if wanted.simulates:
        wanted = to_simulate(wanted, words)
    if on != "here":
        settings = _batch_settings(limit, batch or (), words)
        _submit(wanted, folder, on, settings, say)
        return
    if batch:
        raise UsageError(f"--batch {batch[0]}: only with --on slurm or --on oar")
    if wanted.simulates:
        code = simulated(wanted, folder, say)
        if not quiet and code != INTERRUPTED:
            _show(folder, sys.stdout)
        raise typer.Exit(code)
    measuring = profiling.measuring(metering, folder / "report.json", plan.stem, force=True)
    cooldown_s = checked_wait("--cooldown", cooldown)
    with signals() as inbox:
        screen = SweepScreen(_watching(quiet=quiet), say)
        train = search if wanted.design == "search" else sweep
        result = train(wanted, folder, measuring, _make_job(wanted.scan), cooldown_s, inbox, screen)
    for line in result.lost:
        print(line, file=sys.stderr)
    if not quiet:
        _show(folder, sys.stdout)
    if result.stopped_by is not None:
        print(f"{result.left} trainings are left: the same command goes on", file=sys.stderr)
        raise typer.Exit(128 + result.stopped_by)
    if result.over_budget:
        print(f"the budget is spent; {result.left} trainings are left", file=sys.stderr)
    failed = all(t.report is None or all(r.status == "failed" for r in t.report.runs) for t in result.done)
    raise typer.Exit(2 if failed else 0)


@study.command("cell")
@with_metering
def train_one_cell(
    folder: Folder,
    name: Annotated[str, typer.Argument(metavar="CELL", help="Its report's name, without .json.")],
    cooldown: Cooldown = COOLDOWN_S,
    metering: Metering = USUAL,
) -> None:
    """Train one cell of a study here, as each job of a cluster does."""
    from energyprof.cli import profiling
    from energyprof.profile.inbox import signals
    from energyprof.study.cell import cell_named, train_cell
    from energyprof.study.folder import read_study
    from energyprof.study.simulations import simulate_cell
    from energyprof.study.trainer import SweepScreen

    plan = read_study(folder)
    if plan.simulates:
        cell = cell_named(folder, plan, name)
        simulate_cell(plan, folder, cell, prepared, profiling.say)
        return
    measuring = profiling.measuring(metering, folder / "report.json", folder.name, force=True)
    cooldown_s = checked_wait("--cooldown", cooldown)
    with signals() as inbox:
        screen = SweepScreen(_watching(quiet=False), profiling.say)
        ended_by = train_cell(folder, name, measuring, _make_job(plan.scan), cooldown_s, inbox, screen)
    if ended_by is not None:
        raise typer.Exit(128 + ended_by)


@study.command("show")
def show_study(
    folder: Folder,
    json: Json = False,
    html: Page = None,
    csv: Annotated[bool, typer.Option("--csv", help="A row for each figure of each training.")] = False,
) -> None:
    """Say what a study found, as far as it is done: effects, fronts, exponents, and what predicts joules."""
    checked_page(html)
    if html is not None:
        from energyprof.formats.html.study import write_study_page

        write_study_page(html, _summary(folder))
    if csv:
        from energyprof.formats.study import write_csv
        from energyprof.study.folder import all_trained, read_study

        write_csv(list(all_trained(folder, read_study(folder))), sys.stdout)
        return
    if json:
        from energyprof.formats.study import study_data

        streams.write_json(study_data(_summary(folder)))
        return
    _show(folder, sys.stdout)


@study.command("join")
def join_studies(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Studies of one plan.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="A new folder for all.")],
) -> None:
    """Lay the trainings of several folders of one plan together, such as one interrupted on another disk.

    Refused where two of them hold the same cell, or were made on different machines.
    """
    from energyprof.study.join import join

    for line in join(folders, output):
        typer.echo(line)


def _make_job(scan: str):  # type: ignore[no-untyped-def]
    """From a cell's words to what it trains."""
    from energyprof.cli.quoted import AND_AFTERWARDS, OF_ALL_CELLS, asked
    from energyprof.study.scanning import with_scan

    def make(words: Sequence[str]) -> Job:
        job = asked(words, AND_AFTERWARDS, OF_ALL_CELLS).job(None)
        return with_scan(job, scan) if scan else job

    return make


def _batch_settings(limit: str, options: Sequence[str], words: Sequence[str]):  # type: ignore[no-untyped-def]
    """What each job is asked for; the options that say how a cell is measured go on to it."""
    import re

    from energyprof.study.cluster import BatchSettings

    found = re.fullmatch(r"([0-9]{1,5}) ?(min|h)", limit)
    minutes = 0 if found is None else int(found[1]) * (60 if found[2] == "h" else 1)
    if minutes < 1:
        raise UsageError(f"--limit {limit}: give a time, such as 90min or 4h")
    return BatchSettings(minutes, tuple(options), tuple(words))


def _submit(plan, folder: Path, on: str, settings, say) -> None:  # type: ignore[no-untyped-def]
    """Submit what is missing, and say what becomes of it."""
    import dataclasses

    from energyprof.study.cluster import submit_all

    if on == "slurm":
        from energyprof.study.slurm import SlurmQueue as Queue
    else:
        from energyprof.study.oar import OarQueue as Queue  # type: ignore[assignment]
    if plan.simulates:
        settings = dataclasses.replace(settings, node="shared")
    found = submit_all(plan, folder, _check, Queue(folder, settings), say)
    if plan.budget.hours is not None or plan.budget.joules is not None:
        print("the budget is not kept on a cluster: --limit bounds each training", file=sys.stderr)
    print(f"{len(found.jobs)} jobs submitted, {found.queued} in the queue, {found.done} {plan.things} done")
    if found.jobs or found.queued:
        print(f"energyprof study show {folder} says what is done; the same command submits what failed")


def _check(plan) -> None:  # type: ignore[no-untyped-def]
    """Raise what is wrong with a cell's command, before any is submitted."""
    from energyprof.study.simulations import all_prepared
    from energyprof.study.sweep import jobs_of

    if plan.simulates:
        all_prepared(plan, prepared)
    else:
        jobs_of(plan, _make_job(plan.scan))


def _summary(folder: Path):  # type: ignore[no-untyped-def]
    from energyprof.study import simulated_summary
    from energyprof.study.folder import all_trained, read_study
    from energyprof.study.summary import summarised

    plan = read_study(folder)
    done = list(all_trained(folder, plan))
    if plan.simulates:
        return simulated_summary.summarised(plan, done)
    found = summarised(plan, done)
    if not plan.scan:
        return found
    import dataclasses

    from energyprof.study.scanning import setting_scans

    return dataclasses.replace(found, scans=setting_scans(plan, folder, done))


def _show(folder: Path, out) -> None:  # type: ignore[no-untyped-def]
    from energyprof.formats.console import Screen
    from energyprof.formats.study import study_tables

    Screen(out).print(study_tables(_summary(folder)))


def _watching(*, quiet: bool):  # type: ignore[no-untyped-def]
    import dataclasses

    from energyprof.cli import profiling

    @contextlib.contextmanager
    def watching(job: Job, title: str) -> Iterator[Sequence[Watcher]]:
        named = dataclasses.replace(profiling.subject(job), name=title.partition(";")[0])
        with profiling.screen(named, quiet=quiet) as watchers:
            yield watchers

    return watching
