"""``energyprof tune``: the value of a lever that takes least joules to the target, under a bound."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from energyprof.cli import streams
from energyprof.cli.metering import USUAL, Metering
from energyprof.cli.metering_options import with_metering
from energyprof.cli.options import Force, Json, Output, Quiet
from energyprof.errors import UsageError

WINDOW_S, SETTLE_S, BLOCKS = 3.0, 1.0, 5


@with_metering
def tune(
    context: typer.Context,
    workload: Annotated[
        str,
        typer.Argument(metavar="WORKLOAD", help="What `run` trains, with its options; or a report of tune."),
    ],
    lever: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=VALUES]",
            help="What is tried: gpu.power_limit, or cpu.max_freq=1GHz,2GHz. With one value it stays there.",
        ),
    ] = None,
    max_slowdown: Annotated[
        str | None, typer.Option(metavar="PERCENT%", help="How much longer a sample may take, such as 5%.")
    ] = None,
    max_power: Annotated[
        str | None, typer.Option(metavar="WATTS", help="What the mean power may be at most, such as 200W.")
    ] = None,
    window: Annotated[
        float, typer.Option(metavar="S", help="Seconds of training for each value in each block.")
    ] = WINDOW_S,
    settle: Annotated[
        float, typer.Option(metavar="S", help="Seconds after each turn that do not count.")
    ] = SETTLE_S,
    blocks: Annotated[
        int, typer.Option(metavar="N", min=2, max=1000, help="How often each value is tried.")
    ] = BLOCKS,
    metering: Metering = USUAL,
    output: Output = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the value of a machine's lever that takes the least energy to the target.

    All values are tried in short windows within one training, in random order
    block by block; trainings follow until there are enough blocks. The samples
    to the target stay what they are. The lever is put back whatever ends it.

      energyprof tune unet --lever gpu.power_limit --max-slowdown 5%
      energyprof tune REPORT --max-slowdown 10%     # judged again
    """
    from energyprof.cli import profiling
    from energyprof.cli.quoted import ITS_OWN, OF_TUNE, asked
    from energyprof.compare.tuning import Bound
    from energyprof.formats.console import Screen
    from energyprof.formats.tuning import tuning_data, tuning_table
    from energyprof.profile.inbox import signals
    from energyprof.study.tune import MOST_TRAININGS, TuneResult, judged
    from energyprof.study.tune import tune as tuned

    bound = Bound(_share(max_slowdown), _watts(max_power))
    result: TuneResult | None = None
    if workload.endswith(".json"):
        if lever or context.args:
            raise UsageError(f"{workload}: is a report, judged as it is: leave out all but the bound")
        found = judged(Path(workload), bound)
    else:
        _check_spans(window, settle)
        scan, fixed = _scan(lever or (), blocks, window, settle)
        words = [word for name in fixed for word in ("--lever", name)]
        request = asked(["run", workload, *words, *context.args], ITS_OWN, OF_TUNE)
        job = request.job(None)
        measuring = profiling.measuring(metering, output, f"{request.label}-tune", force=force)
        say = profiling.unsaid if quiet else profiling.say
        with signals() as inbox, profiling.screen(profiling.subject(job), quiet=quiet) as watchers:
            result = tuned(job, scan, bound, range(MOST_TRAININGS), measuring, inbox, watchers, say)
        found = result.tuned
        profiling.complain(result.session)
        if result.problem:
            print(result.problem, file=sys.stderr)
    if found is None:
        print("nothing was measured at the value that was found", file=sys.stderr)
    elif json:
        streams.write_json(tuning_data(found))
    elif not quiet:
        Screen(sys.stdout).print(tuning_table(found))
        if result is not None:
            print(f"\nreport: {result.session.path}")
    if result is not None and result.session.stopped_by is not None:
        raise typer.Exit(128 + result.session.stopped_by)
    if result is not None and any(run.status == "failed" for run in result.session.report.runs):
        raise typer.Exit(2)
    raise typer.Exit(0 if found is not None and not (result is not None and result.problem) else 4)


def _scan(words, blocks: int, window_s: float, settle_s: float):  # type: ignore[no-untyped-def]
    """What is scanned, and the levers that stay where they are put."""
    from energyprof.profile.scan_plan import ScanPlan, planned_values

    scanned: list[str] = []
    fixed: list[str] = []
    for word in words:
        _, equals, values = word.partition("=")
        several = [part for part in values.split(",") if not part.startswith("was=")]
        (fixed if equals and len(several) == 1 else scanned).append(word)
    if len(scanned) != 1:
        told = ", ".join(scanned) or "none"
        raise UsageError(f"name one lever to scan, such as --lever gpu.power_limit; asked for: {told}")
    label, tried = planned_values(scanned[0])
    name = label.partition(":")[0]
    if twice := [word for word in fixed if re.split("[:=]", word)[0] == name]:
        raise UsageError(f"--lever {twice[0]}: {name} is scanned already")
    return ScanPlan(label, tried, blocks, window_s, settle_s), fixed


def _check_spans(window_s: float, settle_s: float) -> None:
    if not 0.5 <= window_s <= 3600:
        raise UsageError(f"--window {window_s:g}: give seconds between 0.5 and 3600")
    if not 0 <= settle_s <= 600:
        raise UsageError(f"--settle {settle_s:g}: give seconds between 0 and 600")


def _share(text: str | None) -> float | None:
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?) ?%", text)
    if found is None:
        raise UsageError(f"--max-slowdown {text}: give a percentage, such as 5%")
    return float(found[1]) / 100


def _watts(text: str | None) -> float | None:
    if text is None:
        return None
    from energyprof.measure.lever import amount_of

    try:
        return amount_of(text, "W")
    except ValueError as error:
        raise UsageError(f"--max-power {text}: {error}") from None
