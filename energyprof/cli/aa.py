"""``energyprof aa``: how much runs of the same work vary on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from energyprof.cli.ab import COOLDOWN_S, Cooldown
from energyprof.cli.checked import checked_wait, taken
from energyprof.cli.metering import USUAL, Metering
from energyprof.cli.metering_options import with_metering
from energyprof.cli.options import ControlFolder, Force, Json, Quiet


@with_metering
def aa(
    words: Annotated[
        list[str], typer.Argument(metavar="COMMAND", help="A command to train with: run … or exec ….")
    ],
    pairs: Annotated[
        int, typer.Option(metavar="N", min=2, help="Number of runs on each side, in each session.")
    ] = 5,
    sessions: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Measure in this many sessions, hours apart: how much do they differ? From 3 on it counts.",
        ),
    ] = 1,
    every: Annotated[
        float,
        typer.Option(metavar="HOURS", help="Between the end of a session and the next, more than 1."),
    ] = 6.0,
    cooldown: Cooldown = COOLDOWN_S,
    metering: Metering = USUAL,
    control: ControlFolder = None,
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

    Runs of one session share its room and its boot. With --sessions it waits
    and measures again, hours later: what a stored baseline is off by. Stop it
    in between, and the same command goes on later, also after a reboot.
    """
    import dataclasses
    import os
    import sys

    from energyprof.cli import profiling, quoted, sides, streams
    from energyprof.compare.gate import noise as noises
    from energyprof.compare.sessions import PAUSE_S
    from energyprof.errors import UsageError
    from energyprof.files import TAKEN
    from energyprof.formats.noise import margins
    from energyprof.profile.inbox import signals
    from energyprof.report.record import Report
    from energyprof.study.aa import Sessions, over_sessions, settled
    from energyprof.study.ab import PairedDesign, Side, interleave

    found = quoted.commands(words)
    if len(found) != 1:
        raise UsageError(f"aa takes one command, not {len(found)}: both sides run the same")
    asked = quoted.asked(found[0])
    if sessions > 1 and not every * 3600 > PAUSE_S:
        raise UsageError(f"--every {every:g}: sessions less than an hour apart are one; such as --every 6")
    path, again = sides.paths(output, asked.label, ("", "-again"), force=force or sessions > 1)
    if not force and sessions == 1 and os.path.lexists(noises.noise_path(path)):
        raise UsageError(f"{noises.noise_path(path)}: {TAKEN}")
    measuring = profiling.measuring(metering, path, asked.label, force=force or sessions > 1)
    measuring = dataclasses.replace(measuring, taken=taken(force=force))  # else it goes on with what is there
    sides.refuse_unfit(control, measuring, asked.label, as_json=json, quiet=quiet)
    cooldown_s, job = checked_wait("--cooldown", cooldown), asked.job(None)
    a, b = Side("A", job, path, "the one"), Side("B", job, again, "the same again")
    plan = Sessions(sessions, pairs, every * 3600)
    design, screen = PairedDesign(a, b, (plan.all_pairs,), cooldown_s), sides.screen(quiet=quiet)

    def keep(one: Report, other: Report) -> None:
        noises.write(noises.noise_of([one, other]), noises.noise_path(path))

    with signals() as inbox:
        if sessions == 1:
            ended = interleave(design, measuring, inbox, screen)
        else:
            ended = over_sessions(design, plan, measuring, inbox, screen, keep)
    code = sides.complain(ended)
    if code is None and ended.verdict is not None:
        out = sys.stderr if json else sys.stdout
        if ended.verdict.outcome == "INVALID":
            print("\n".join(["these runs cannot tell the noise:", *ended.verdict.invalid]), file=sys.stderr)
            raise typer.Exit(4)
        noise = noises.noise_of([settled(ended.a.report), settled(ended.b.report)])
        noises.write(noise, noises.noise_path(path))
        if json:
            streams.write_json(noises.noise_path(path).read_text(encoding="utf-8"))
        if not quiet:
            print("\n".join(margins(noise, ended.verdict)), file=out)
            print(f"\n{noises.noise_path(path)}, beside {path}", file=out)
    raise typer.Exit(code or 0)
