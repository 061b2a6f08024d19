"""``energyprof gate``: measure, judge by the base and tell, in one process, for continuous integration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from energyprof.cli.checked import IDLE_S, INTERVAL_S
from energyprof.cli.options import Calibrations, Idle, Interval, Meters


def gate(
    what: Annotated[Literal["key", "run"], typer.Argument(help="run: judge; key: name machine and command.")],
    command: Annotated[
        str,
        typer.Option(
            envvar="GATE_COMMAND",
            metavar="TEXT",
            help='What is measured: "run ./train.py", "exec -- make train".',
        ),
    ] = "",
    repeats: Annotated[
        int, typer.Option(envvar="GATE_REPEATS", min=1, metavar="N", help="Runs, where it is measured alone.")
    ] = 5,
    pairs: Annotated[
        int | None,
        typer.Option(
            envvar="GATE_PAIRS",
            min=2,
            metavar="N",
            help="Beside its base: exactly this many pairs, no earlier look.",
        ),
    ] = None,
    cooldown: Annotated[
        float,
        typer.Option(envvar="GATE_COOLDOWN", metavar="S", help="Longest wait to cool between paired runs."),
    ] = 60.0,
    baseline: Annotated[
        str,
        typer.Option(
            envvar="GATE_BASELINE",
            metavar="WHICH",
            help="measure: the base, in turn; stored: its report; auto: that, else measure; or a path.",
        ),
    ] = "auto",
    base: Annotated[
        str,
        typer.Option(
            envvar="GATE_BASE", metavar="REVISION", help="Judge by this commit; empty: only a path judges."
        ),
    ] = "",
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit", envvar="GATE_LIMITS", metavar="FIGURE:PERCENT%", help="As of `check`; can be repeated."
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", envvar="GATE_STRICT", help="Inconclusive exits 5, not 0.")
    ] = False,
    require_baseline: Annotated[
        bool,
        typer.Option(
            "--require-baseline", envvar="GATE_REQUIRE_BASELINE", help="No baseline exits 2, not 0."
        ),
    ] = False,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust",
            envvar="GATE_TRUST",
            help="Believe what the program says of its phases, samples and scores.",
        ),
    ] = False,
    out: Annotated[
        Path, typer.Option(envvar="GATE_OUT", metavar="FOLDER", help="For reports, traces and junit.xml.")
    ] = Path("energyprof-gate"),
    stored: Annotated[
        Path | None,
        typer.Option(
            envvar="GATE_STORED",
            metavar="FILE",
            help="The stored report (default: stored/base.json in --out).",
        ),
    ] = None,
    format: Annotated[
        str,
        typer.Option(envvar="GATE_FORMAT", metavar="NAME", help="text, or github: annotations and summary."),
    ] = "text",
    meters: Meters = "auto",
    interval: Interval = INTERVAL_S,
    idle: Idle = IDLE_S,
    calibration: Calibrations = None,
) -> None:
    """Measure a command, judge it by its base, and exit as `check` does.

    For continuous integration (`energyprof/templates/gate.sh` calls nothing else);
    every option has a variable. The code under test is treated as hostile: docs/gate.md.
    """
    from energyprof.cli import gating, preloaded
    from energyprof.cli.checked import checked_wait
    from energyprof.compare.gate.limits import parse_limit
    from energyprof.errors import EnergyprofError, UsageError

    try:
        if not command.strip():
            raise UsageError('GATE_COMMAND: say what is measured, such as "run unet --size tiny"')
        if what == "key":
            gating.output("key", _key(command))
            return
        preloaded.load_all()
        wanted = gating.Wanted(
            *gating.asked(command),
            out,
            stored if stored is not None else out / "stored" / "base.json",
            base,
            baseline,
            repeats,
            pairs,
            checked_wait("--cooldown", cooldown),
            tuple(parse_limit(text) for text in limit or ()),
            "believed" if trust else "doubted",
        )
        measuring = gating.measuring(wanted, meters, interval, idle, calibration or ())
        found = gating.judge(wanted, measuring, preloaded.load_no_more)
        code = gating.tell(found, wanted, format, strict=strict, required=require_baseline)
    except EnergyprofError as error:
        gating.refuse(format, f"error: {error}")
        gating.output("exit-code", str(error.exit_code))
        raise
    gating.output("report", str(out / "change.json"))
    gating.output("exit-code", str(code))
    raise typer.Exit(code)


def _key(command: str) -> str:
    """A name for a store of reports: of this machine and this command."""
    import hashlib

    from energyprof.measure import machine
    from energyprof.measure.meters import sysfs_root
    from energyprof.measure.meters.amd import amdgpu
    from energyprof.measure.meters.nvidia import nvml

    root = sysfs_root()
    facts = machine.describe(root, [*nvml.devices(), *amdgpu.devices(root)])
    digests = (hashlib.sha256(text.encode()).hexdigest()[:16] for text in (str(facts.get("id", "")), command))
    return "-".join(("energyprof", *digests))
