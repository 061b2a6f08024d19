"""``energyprof calibrate``: a meter against a better one, or a whole node from its components."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energyprof.cli import streams
from energyprof.cli.options import Json

if TYPE_CHECKING:
    from energyprof.compare.recording import Recording

# 20 updates of a plug and the time until a level is settled take 25 s: two windows fit.
LEVEL_S = 60.0


def calibrate(
    report: Annotated[
        Path | None,
        typer.Argument(help="A report of `exec` with both meters; or give logs."),
    ] = None,
    meter: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME|LOG", help="The meter to calibrate, such as nvml:0; or its log."),
    ] = None,
    reference: Annotated[
        str, typer.Option(metavar="NAME|LOG", help="The better meter: shelly:192.0.2.7; or its log.")
    ] = "",
    node: Annotated[
        bool,
        typer.Option("--node", help="The whole node from its components, so that runs report both."),
    ] = False,
    load: Annotated[
        bool,
        typer.Option("--load", help="With --node: drive the loads and record them, some ten minutes."),
    ] = False,
    seconds: Annotated[
        float, typer.Option(metavar="S", help="With --load: how long each level of load lasts.")
    ] = LEVEL_S,
    python: Annotated[
        str, typer.Option(metavar="PATH", help="With --load: an interpreter whose PyTorch loads the GPUs.")
    ] = "",
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
    the file with --calibration. With --node the better meter is the node's
    (a plug, a BMC), and what its components read becomes the node's power.
    """
    from energyprof.compare.log import parse_log
    from energyprof.compare.logs import joined
    from energyprof.compare.recording import recorded
    from energyprof.errors import UsageError

    if not reference:
        raise UsageError("--reference: name the better meter, such as shelly:192.0.2.7")
    if load:
        if not node or report is not None:
            raise UsageError("--load: drives a node's loads and records them: give --node and no report")
        report, reference = _record(reference, seconds, window, python, json=json)
    elif python or seconds != LEVEL_S:
        raise UsageError("--seconds and --python: only with --load")
    notes: tuple[str, ...] = ()
    if report is not None:
        recording = recorded(report)
    elif meter:
        logs = joined([parse_log(text) for text in meter], parse_log(reference))
        recording, reference, notes = logs.recording, logs.reference, (logs.note,)
        meter = None if node else list(logs.meters)
    else:
        raise UsageError("give a report of `exec` with both meters, or logs: --meter LOG --reference LOG")
    if node:
        if meter or efficiency:
            raise UsageError("--node: takes all components' meters and no --efficiency, which is in the map")
        _node(recording, reference, window, output, notes, force=force, json=json)
        return
    if not meter or len(meter) > 1:
        raise UsageError("--meter: name the one meter to calibrate, such as nvml:0, or give --node")
    _meter(recording, meter[0], reference, efficiency, window, output, notes, force=force, json=json)


def _record(
    reference: str, seconds: float, window: float | None, python: str, *, json: bool
) -> tuple[Path, str]:
    """Where the recording lies, and the reference's name in it."""
    import sys

    from energyprof.cli import profiling
    from energyprof.cli.checked import checked_wait
    from energyprof.cli.metering import USUAL
    from energyprof.compare.node import check_levels
    from energyprof.errors import TrainingError
    from energyprof.profile.node_recording import NAME, record_node

    checked_wait("--seconds", seconds)
    settings = profiling.measuring(USUAL, None, NAME, force=False)
    result, name = record_node(
        reference,
        settings,
        seconds,
        python or sys.executable,
        lambda meters, name: check_levels(meters, name, seconds, window),
    )
    profiling.complain(result)
    if result.path is None or result.stopped_by is not None or profiling.exit_code(result) == 2:
        raise TrainingError("the loads did not run to their end: nothing to calibrate by")
    print(f"recorded  {result.path}", file=sys.stderr)
    return result.path, name


def _meter(
    recording: Recording,
    meter: str,
    reference: str,
    efficiency: str | None,
    window: float | None,
    output: Path | None,
    notes: tuple[str, ...],
    *,
    force: bool,
    json: bool,
) -> None:
    import re
    import sys
    from dataclasses import replace

    from energyprof.cli.checked import report_path
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
    record = calibrating.calibrate(recording, asked, created, calibration.source(path, reference, created))
    if notes:  # of two logs no step tells a meter's delay from its clock
        record = replace(record, notes=(*record.notes, *notes), delay_s=None, delay_u_s=None)
    calibration.write(record, path, write_text if force else write_new)
    if json:
        streams.write_json(calibration.to_json(record))
    Screen(sys.stderr if json else sys.stdout).print(calibration_table(record, path))


def _node(
    recording: Recording,
    reference: str,
    window: float | None,
    output: Path | None,
    notes: tuple[str, ...],
    *,
    force: bool,
    json: bool,
) -> None:
    import sys
    from dataclasses import replace

    from energyprof.cli.checked import report_path
    from energyprof.clock import utc_now
    from energyprof.compare.node import calibrate_node, calibration_of
    from energyprof.files import write_new, write_text
    from energyprof.formats.console import Screen
    from energyprof.formats.node import node_table
    from energyprof.measure import calibration
    from energyprof.report import node_file

    path = report_path(output, "node-calibration", force=force)
    created = utc_now()
    fitted, window_s = calibrate_node(
        recording, reference, window, calibration.source(path, reference, created)
    )
    found = calibration_of(fitted, window_s, created)
    found = replace(found, notes=(*found.notes, *notes))
    node_file.write(found, path, write_text if force else write_new)
    if json:
        streams.write_json(node_file.to_json(found))
    Screen(sys.stderr if json else sys.stdout).print(node_table(found, path))
