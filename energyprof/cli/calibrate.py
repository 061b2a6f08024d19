"""``energyprof calibrate``: a meter calibrated against a better one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from energyprof.cli import streams
from energyprof.cli.options import Json


def calibrate(
    report: Annotated[Path, typer.Argument(help="A report of `exec` with both meters, its trace beside it.")],
    meter: Annotated[str, typer.Option(metavar="NAME", help="The meter to calibrate, such as nvml:0.")],
    reference: Annotated[str, typer.Option(metavar="NAME", help="The better meter.")],
    efficiency: Annotated[
        str | None,
        typer.Option(
            metavar="E±A",
            help="Efficiency of the power supply between them and its largest error: 0.94±0.01 or 94%±1%.",
        ),
    ] = None,
    window: Annotated[
        float | None,
        typer.Option(metavar="S", help="Seconds to average over (default: 10, or 20 updates of a value)."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The calibration (default: where reports go)."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    json: Json = False,
) -> None:
    """Find a meter's gain and zero from a recording of it beside a better meter.

    The load must have several levels: idle, half, full. `run` and `exec` take
    the file with --calibration.
    """
    import re
    import sys

    from energyprof.cli.options import report_path
    from energyprof.clock import utc_now
    from energyprof.compare import calibrate as calibrating
    from energyprof.compare.pairing import CalibrationRequest
    from energyprof.files import write_new, write_text
    from energyprof.formats.calibration import calibration_table
    from energyprof.formats.console import Screen
    from energyprof.measure import calibration

    known = None if efficiency is None else calibration.parse_efficiency(efficiency)
    path = report_path(output, re.sub(r"[^\w.-]+", "_", meter) + "-calibration", force=force)
    created = utc_now()
    asked = CalibrationRequest(meter, reference, known, window)
    record = calibrating.calibrate(report, asked, created, calibration.source(path, reference, created))
    calibration.write(record, path, write_text if force else write_new)
    if json:
        streams.write_json(calibration.to_json(record))
    Screen(sys.stderr if json else sys.stdout).print(calibration_table(record, path))
