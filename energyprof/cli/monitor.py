"""``energyprof monitor``: the power of this machine now, meter by meter."""

from __future__ import annotations

import contextlib
import json as to_text
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energyprof.cli.checked import INTERVAL_S, checked_duration, checked_interval
from energyprof.cli.options import Calibrations, Interval, Meters
from energyprof.errors import MissingPart, UsageError

if TYPE_CHECKING:
    from energyprof.profile.monitor import Look


def monitor(
    meters: Meters = "auto",
    for_time: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="How long, such as 10s or 5m (default: until Ctrl-C)."),
    ] = None,
    interval: Interval = INTERVAL_S,
    calibration: Calibrations = None,
    json: Annotated[bool, typer.Option("--json", help="A line of JSON a second.")] = False,
) -> None:
    """Show the power of this machine second by second, meter by meter; nothing is stored.

    Each line is the mean over a second, with the ends of its 95 % interval.
    """
    from energyprof.cli.profiling import calibrated, names
    from energyprof.profile.monitor import looks
    from energyprof.profile.open_meters import MeasurementSettings, open_meters

    for_s = math.inf if for_time is None else checked_duration("--for", for_time)
    of_meters, _ = calibrated(calibration or ())
    settings = MeasurementSettings(names(meters), checked_interval(interval), 0.0, Path(), of_meters)
    with open_meters(settings) as on, contextlib.suppress(KeyboardInterrupt):
        if logs := [log.info.name for log in on.logs]:
            raise UsageError(f"monitor: {', '.join(logs)}: a log, which tells nothing of now: leave it out")
        if not on.meters:
            why = "; ".join(on.selection.notes) or "no meter was asked for"
            raise MissingPart(f"monitor: no meter can be read here: {why}")
        with _lines(_as_json) if json else _screen() as show:
            for look in looks(on, for_s):
                show(look)


@contextlib.contextmanager
def _screen() -> Iterator[Callable[[Look], None]]:
    """A table that is drawn anew on a terminal; a line a second elsewhere."""
    from energyprof.formats.console import Screen
    from energyprof.formats.power_now import in_a_line, table

    console = Screen(sys.stdout)
    if not console.is_terminal:
        with _lines(in_a_line) as show:
            yield show
        return
    from rich.live import Live

    with Live(console=console, auto_refresh=False) as live:
        yield lambda look: live.update(table(look), refresh=True)


@contextlib.contextmanager
def _lines(words: Callable[[Look], str]) -> Iterator[Callable[[Look], None]]:
    yield lambda look: print(words(look), flush=True)


def _as_json(look: Look) -> str:
    meters = {
        meter.name: {
            "part": meter.info.part,
            "counted": meter.counted,
            "origin": meter.origin,
            **vars(power),
        }
        for meter, power in look.meters
    }
    return to_text.dumps({"time": look.utc, **vars(look.total), "meters": meters})
