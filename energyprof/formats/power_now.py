"""What the meters show at one moment, for people."""

from __future__ import annotations

from rich.table import Table

from energyprof.profile.monitor import Look, Power
from energyprof.report.record import MeterRecord
from energyprof.units import with_ends

NONE_NOW = "no reading"


def table(look: Look) -> Table:
    """A row a meter; those that are not in the total are in brackets."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 2))
    drawn.add_column("meter", header_style="dim", overflow="fold")
    drawn.add_column("part", header_style="dim")
    drawn.add_column("power", header_style="dim", justify="right")
    drawn.add_column("", style="dim")
    for meter, power in look.meters:
        notes = [] if meter.counted else ["not in the total"]
        notes += [] if meter.origin == "measured" else ["an estimate"]
        drawn.add_row(meter.name, meter.info.part, _shown(power), ", ".join(notes))
    counted = [meter for meter, _ in look.meters if meter.counted]
    if len(counted) > 1:
        drawn.add_row("total", "", _shown(look.total))
    return drawn


def in_a_line(look: Look) -> str:
    """The same as a line."""
    parts = [f"{meter.name} {_said(meter, power)}" for meter, power in look.meters if meter.counted]
    together = [f"total {_shown(look.total)}"] if len(parts) > 1 else []
    return "  ".join([look.utc, *together, *parts])


def _said(meter: MeterRecord, power: Power) -> str:
    estimate = power.power_w is not None and meter.origin != "measured"
    return _shown(power) + (", an estimate" if estimate else "")


def _shown(power: Power) -> str:
    if power.power_w is None:
        return NONE_NOW
    return with_ends(power.power_w, power.low_w, power.high_w, "W")
