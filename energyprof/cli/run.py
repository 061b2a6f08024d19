"""``energyprof run``: train a standard workload, or a script, to its target, metered."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from energyprof.cli.options import (
    IDLE_S,
    INTERVAL_S,
    MEASURING,
    WHAT,
    WHERE,
    Calibrations,
    Force,
    Idle,
    Interval,
    Json,
    Meters,
    Output,
    Quiet,
)
from energyprof.errors import UsageError

# What a script sets for itself, after `--`.
WORKLOADS_OWN = (
    *("size", "precision", "batch_size", "grad_accum", "data_fraction", "compile", "channels_last"),
    *("checkpoint", "model", "data", "lora", "ema", "prediction", "max_samples", "device", "workers"),
    "breakdown",
)


def run(
    context: typer.Context,
    workload: Annotated[
        str,
        typer.Argument(metavar="WORKLOAD", help="One of `energyprof workloads`, or a script: ./train.py."),
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="ARGS", help="The script's arguments, after `--`.")
    ] = None,
    size: Annotated[
        str, typer.Option(metavar="SIZE", help="tiny, base or full.", rich_help_panel=WHAT)
    ] = "tiny",
    target: Annotated[
        str | None,
        typer.Option(
            metavar="SCORE",
            help="Score to train to; for a script, such as 'accuracy>=0.97'.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    max_samples: Annotated[
        int | None, typer.Option(metavar="N", help="Give up after this many samples.", rich_help_panel=WHAT)
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
    batch_size: Annotated[
        int | None,
        typer.Option(metavar="N", help="Samples per step, over all processes.", rich_help_panel=WHAT),
    ] = None,
    precision: Annotated[
        str, typer.Option(metavar="NAME", help="fp32, tf32, bf16 or fp16.", rich_help_panel=WHAT)
    ] = "fp32",
    data_fraction: Annotated[
        float,
        typer.Option(metavar="SHARE", help="Share of the training data, up to 1.", rich_help_panel=WHAT),
    ] = 1.0,
    data: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Your data: a path or a name on the hub.", rich_help_panel=WHAT),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Weights: a path or a name on the hub.", rich_help_panel=WHAT),
    ] = None,
    lora: Annotated[
        int | None,
        typer.Option(metavar="RANK", help="Train only adapters of this rank.", rich_help_panel=WHAT),
    ] = None,
    ema: Annotated[
        bool,
        typer.Option("--ema", help="Score the weights' moving averages.", rich_help_panel=WHAT),
    ] = False,
    prediction: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What a diffusion model predicts.", rich_help_panel=WHAT),
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="NAME", help="auto, cpu, cuda or cuda:N.", rich_help_panel=WHERE)
    ] = "auto",
    nproc: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Processes, each with its own GPU.",
            rich_help_panel=WHERE,
        ),
    ] = 1,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", help="Data-loading processes beside each.", rich_help_panel=WHERE),
    ] = None,
    grad_accum: Annotated[
        int, typer.Option(metavar="N", help="Parts to compute each step in.", rich_help_panel=WHERE)
    ] = 1,
    compile: Annotated[
        bool, typer.Option("--compile", help="Use torch.compile.", rich_help_panel=WHERE)
    ] = False,
    channels_last: Annotated[
        bool,
        typer.Option("--channels-last", help="Use the channels-last memory layout.", rich_help_panel=WHERE),
    ] = False,
    checkpoint: Annotated[
        bool,
        typer.Option("--checkpoint", help="Write a checkpoint after each evaluation.", rich_help_panel=WHERE),
    ] = False,
    python: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Interpreter to train with (default: this one).", rich_help_panel=WHERE
        ),
    ] = None,
    meters: Meters = "auto",
    interval: Interval = INTERVAL_S,
    idle: Idle = IDLE_S,
    breakdown: Annotated[
        float,
        typer.Option(
            metavar="S",
            help="Afterwards run each part of a step alone, for S seconds.",
            rich_help_panel=MEASURING,
        ),
    ] = 0.0,
    calibration: Calibrations = None,
    output: Output = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train to a target, and report how much energy that took.

    What is trained is a standard workload, or a script of yours.
    A script is run once for each seed: energyprof.seed() gives it,
    energyprof.reached(score) says when to stop.
    """
    from functools import partial

    from energyprof.cli import profiling
    from energyprof.profile.job import script_job, workload_job
    from energyprof.profile.run import resume_job, run_job
    from energyprof.profile.script import Script, is_script, number_in, target_of
    from energyprof.workload import Settings

    wanted = profiling.seeds(seeds, repeats)
    if is_script(workload):
        _refuse_workloads_own(context, workload)
        script = Script(Path(workload), tuple(arguments or ()), target_of(target))
        asked = profiling.TrainingRequest(script.path.stem, partial(script_job, script, nproc, python))
    else:
        if arguments:
            raise UsageError(f"{' '.join(arguments)}: only a script takes arguments; {workload} has options")
        value = None if target is None else number_in(target)
        if target is not None and value is None:
            raise UsageError(f"--target {target}: give {workload} a plain number; its metric is fixed")
        settings = Settings(
            size=size,
            precision=precision,
            batch_size=batch_size,
            grad_accum=grad_accum,
            data_fraction=data_fraction,
            compile=compile,
            channels_last=channels_last,
            checkpoint=checkpoint,
            model=_absolute(model),
            data=_absolute(data),
            lora=lora,
            ema=ema,
            prediction=prediction,
            target=value,
            max_samples=max_samples,
            device=device,
            nproc=nproc,
            workers=workers,
            breakdown_s=breakdown,
        )
        asked = profiling.TrainingRequest(
            f"{workload}-{size}", partial(workload_job, workload, settings, python)
        )
    if context.obj is not None:  # `ab` only wants to know what to train, and trains it itself
        context.obj(asked)
        return
    job = asked.job(None)
    measuring = profiling.measuring(
        meters, interval, idle, output, asked.label, force=force, calibrations=calibration, resume=resume
    )
    train = run_job if resume is None else resume_job
    with profiling.screen(profiling.subject(job), quiet=quiet) as watchers:
        result = train(job, wanted, measuring, watchers)
    profiling.tell(result, as_json=json, quiet=quiet)
    raise typer.Exit(profiling.exit_code(result))


def _refuse_workloads_own(context: typer.Context, script: str) -> None:
    given = [name for name in WORKLOADS_OWN if _was_given(context, name)]
    if given:
        options = ", ".join("--" + name.replace("_", "-") for name in given)
        raise UsageError(f"{options}: only for standard workloads; pass {script} its own options after --")


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _absolute(name: str | None) -> str | None:
    """An existing path made absolute; a name on the hub as it is."""
    return os.path.abspath(name) if name is not None and os.path.exists(name) else name
