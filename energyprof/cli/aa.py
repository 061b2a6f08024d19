"""``energyprof aa``: how much runs of the same work vary on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from energyprof.cli.ab import COOLDOWN_S, Cooldown
from energyprof.cli.options import (
    IDLE_S,
    INTERVAL_S,
    Calibrations,
    Force,
    Idle,
    Interval,
    Json,
    Machine,
    Meters,
    MeterTest,
    Quiet,
    RequirePower,
    checked_wait,
)


def aa(
    words: Annotated[
        list[str], typer.Argument(metavar="COMMAND", help="A command to train with: run … or exec ….")
    ],
    pairs: Annotated[int, typer.Option(metavar="N", min=2, help="Number of runs on each side.")] = 5,
    cooldown: Cooldown = COOLDOWN_S,
    meters: Meters = "auto",
    require_power: RequirePower = False,
    interval: Interval = INTERVAL_S,
    idle: Idle = IDLE_S,
    calibration: Calibrations = None,
    meter_test: MeterTest = None,
    machine: Machine = "",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The report of one side, a baseline for `check`; the other side's is FILE-again.",
        ),
    ] = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train the same work as both sides of an `ab`, to learn how much runs vary on this machine.

    It writes NAME.noise.json beside the report NAME.json. `check` with that
    report as its baseline then allows twice that noise, if that exceeds its
    own margin (3 %; CPU time 5 %, samples to target 10 %).
    """
    import os
    import sys

    from energyprof.cli import profiling, quoted, sides, streams
    from energyprof.compare.gate import noise as noises
    from energyprof.errors import UsageError
    from energyprof.files import TAKEN
    from energyprof.formats.noise import margins
    from energyprof.profile.inbox import signals
    from energyprof.study.ab import PairedDesign, Side, interleave

    found = quoted.commands(words)
    if len(found) != 1:
        raise UsageError(f"aa takes one command, not {len(found)}: both sides run the same")
    asked = quoted.asked(found[0])
    path, again = sides.paths(output, asked.label, ("", "-again"), force=force)
    if not force and os.path.lexists(noises.noise_path(path)):
        raise UsageError(f"{noises.noise_path(path)}: {TAKEN}")
    measuring = profiling.measuring(
        meters,
        interval,
        idle,
        path,
        asked.label,
        force=force,
        require_power=require_power,
        calibrations=calibration,
        meter_test=meter_test,
        machine=machine,
    )
    cooldown_s, job = checked_wait("--cooldown", cooldown), asked.job(None)
    a, b = Side("A", job, path, "the one"), Side("B", job, again, "the same again")
    with signals() as inbox:
        ended = interleave(
            PairedDesign(a, b, (pairs,), cooldown_s), measuring, inbox, sides.screen(quiet=quiet)
        )
    code = sides.complain(ended)
    if code is None and ended.verdict is not None:
        out = sys.stderr if json else sys.stdout
        if ended.verdict.outcome == "INVALID":
            print("\n".join(["these runs cannot tell the noise:", *ended.verdict.invalid]), file=sys.stderr)
            raise typer.Exit(4)
        noise = noises.noise_of([ended.a.report, ended.b.report])
        noises.write(noise, noises.noise_path(path))
        if json:
            streams.write_json(noises.noise_path(path).read_text(encoding="utf-8"))
        if not quiet:
            print("\n".join(margins(noise, ended.verdict)), file=out)
            print(f"\n{noises.noise_path(path)}, beside {path}", file=out)
    raise typer.Exit(code or 0)
