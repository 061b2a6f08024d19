"""``energyprof estimate``: what reaching the target would cost on a report's machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from energyprof.cli.options import Country, Intensity, Json


def estimate(
    workload: Annotated[str, typer.Argument(help="What would be trained, such as unet.")],
    source: Annotated[
        Path,
        typer.Option(
            "--from", metavar="REPORT", help="Runs of it on that machine; a few short ones are enough."
        ),
    ],
    size: Annotated[
        str | None, typer.Option("--size", metavar="SIZE", help="Its size (default: as in the report).")
    ] = None,
    samples_from: Annotated[
        Path | None,
        typer.Option(
            "--samples-from",
            metavar="REPORT",
            help="Runs of the same work that reached the target (default: the workload's reference bank).",
        ),
    ] = None,
    repeats: Annotated[
        int, typer.Option("--repeats", metavar="N", help="Predict the mean of this many trainings.")
    ] = 1,
    country: Country = None,
    intensity: Intensity = None,
    json: Json = False,
) -> None:
    """Predict what training to the target would cost on a report's machine, without training.

    Energy per sample comes from the report, including runs that missed the
    target or were stopped; samples to target come from the reference bank or
    --samples-from. Exits 3 if they are not of the same work.
    """
    from energyprof.cli.compare import labels
    from energyprof.compare import emissions, samples_to_target
    from energyprof.compare import forecast as estimating
    from energyprof.formats import forecast as words
    from energyprof.report.file import read

    grid = emissions.chosen(country, intensity)
    report = read(source)
    name, other_name = labels([source, samples_from or Path("bank")])
    estimating.must_be(report, name, workload, size)
    if samples_from is None:
        samples = samples_to_target.of_bank(report, name)
    else:
        samples = samples_to_target.of_report(report, read(samples_from), (name, other_name))
    forecast = estimating.estimate(report, samples, name, repeats, grid)
    if json:
        words.write_json(forecast, sys.stdout)
    else:
        words.write_text(forecast, sys.stdout)
