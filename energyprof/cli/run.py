"""``energyprof run``: train a standard workload to its target, metered."""

from __future__ import annotations

from typing import Annotated

import typer

from energyprof.cli.options import (
    IDLE_S,
    INTERVAL_S,
    Calibrations,
    Force,
    Idle,
    Interval,
    Json,
    Meters,
    Output,
    Quiet,
)


def run(
    workload: Annotated[str, typer.Argument(help="The workload (see `energyprof workloads`).")],
    size: Annotated[str, typer.Option(help="How large: tiny, base.")] = "tiny",
    repeats: Annotated[int, typer.Option(min=1, help="How many trainings, from the seeds 0, 1, 2, …")] = 1,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="The seeds themselves, such as 3,5,7."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    precision: Annotated[str, typer.Option(help="fp32, tf32, bf16 or fp16.")] = "fp32",
    batch_size: Annotated[int | None, typer.Option(help="Samples a step (default: the size's own).")] = None,
    data_fraction: Annotated[float, typer.Option(help="Share of the training data, above 0 up to 1.")] = 1.0,
    target: Annotated[float | None, typer.Option(help="Score to train to (default: the size's own).")] = None,
    max_samples: Annotated[int | None, typer.Option(help="Give up after so many samples.")] = None,
    python: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="The interpreter that trains (default: this one)."),
    ] = None,
    meters: Meters = "auto",
    interval: Interval = INTERVAL_S,
    idle: Idle = IDLE_S,
    calibration: Calibrations = None,
    output: Output = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a standard workload to its target, and say what energy that took."""
    from energyprof.cli import profiling
    from energyprof.run import plan_workload, run_workload
    from energyprof.workload import Settings

    settings = Settings(size, precision, batch_size, data_fraction, target, max_samples, device)
    wanted = profiling.seeds(seeds, repeats)
    plan = plan_workload(workload, settings)
    measuring = profiling.measuring(
        meters, interval, idle, output, f"{workload}-{size}", force=force, calibrations=calibration
    )
    with profiling.screen(quiet=quiet, plan=plan) as watch:
        outcome = run_workload(workload, settings, wanted, python, measuring, watch)
    profiling.tell(outcome, as_json=json, quiet=quiet)
    raise typer.Exit(profiling.exit_code(outcome))
