"""``energyprof ab``: two settings or versions, trained in alternation until it is clear which takes more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from energyprof.cli.checked import checked_wait
from energyprof.cli.metering import USUAL, Metering
from energyprof.cli.metering_options import with_metering
from energyprof.cli.options import ControlFolder, Distrust, Force, Json, Limits, Quiet, Strict

COOLDOWN_S = 60.0

Cooldown = Annotated[
    float,
    typer.Option(
        metavar="S",
        help="Longest wait before a run for the machine to cool down to where it started; 0: none.",
    ),
]


@with_metering
def ab(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="A B",
            help="Two quoted commands, or one with --before: 'run …' or 'exec …', as you would type them.",
        ),
    ],
    before: Annotated[
        str | None,
        typer.Option(
            metavar="REVISION",
            help="A is this revision of the git repository here, B the working tree.",
        ),
    ] = None,
    pairs: Annotated[
        int | None,
        typer.Option(metavar="N", min=2, help="Exactly this many pairs, without interim looks."),
    ] = None,
    limit: Limits = None,
    strict: Strict = False,
    distrust: Distrust = False,
    cooldown: Cooldown = COOLDOWN_S,
    metering: Metering = USUAL,
    control: ControlFolder = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="NAME", help="The reports: NAME-A.json and NAME-B.json."),
    ] = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train A (before) and B (after) in alternation, until it is clear whether B takes more.

    Both sides train from the same seeds in the order A B B A A B …, each run
    on a machine as cool as before the first. After 3, 5, 7 and 10 pairs there
    is an interim look, and the first verdict ends the comparison. `check B
    --baseline A` gives the same verdict on the two reports. With --before,
    files that are not committed are missing from A. The limits are on energy
    per sample and, where the work itself changed, on samples to target.
    Exits as `check` does.

      Two settings:  energyprof ab "run unet" "run unet --precision bf16"
      Two versions:  energyprof ab --before main run ./train.py
    """
    import contextlib
    import sys

    from energyprof import formats
    from energyprof.cli import profiling, sides
    from energyprof.compare.gate import check as checking
    from energyprof.compare.gate.limits import Claims, parse_limit
    from energyprof.compare.statistics.sequential import LOOKS
    from energyprof.profile.checkout import working_tree, worktree
    from energyprof.profile.inbox import signals
    from energyprof.study.ab import PairedDesign, Side, interleave

    wanted = sides.two(words, before)
    limits = tuple(parse_limit(text) for text in limit or ())
    labels = list(dict.fromkeys(asked.label for asked, _ in wanted))
    path_a, path_b = sides.paths(output, "-".join(labels), ("-A", "-B"), force=force)
    measuring = profiling.measuring(metering, path_a, labels[0], force=force)
    cooldown_s = checked_wait("--cooldown", cooldown)
    sides.refuse_unfit(control, measuring, labels[-1], as_json=json, quiet=quiet)
    with contextlib.ExitStack() as stack:
        # From here on a signal ends it in good order: the checkout of "before" must not be left behind.
        inbox = stack.enter_context(signals())
        now = old = None
        if before is not None:
            now = working_tree()
            old = stack.enter_context(worktree(before, now))
        (asked_a, about_a), (asked_b, about_b) = wanted
        private = old.top if old is not None else None
        a = Side("A", asked_a.job(old), path_a, sides.about(about_a, old), private)
        b = Side("B", asked_b.job(now), path_b, sides.about(about_b, now))
        claims: Claims = "doubted" if distrust else "believed"
        study = PairedDesign(a, b, LOOKS if pairs is None else (pairs,), cooldown_s, limits, claims)
        ended = interleave(study, measuring, inbox, sides.screen(quiet=quiet))
    code = sides.complain(ended)
    out = sys.stderr if json else sys.stdout
    if ended.verdict is not None:
        if json:
            formats.verdict_format("json").write_check(ended.verdict, sys.stdout)
        if not quiet:
            formats.verdict_format("text").write_check(ended.verdict, out)
        code = code or checking.exit_code(ended.verdict, strict=strict)
    if not quiet:
        print("\n".join(["", *sides.where(ended, (a, b))]), file=out)
    raise typer.Exit(code or 0)
