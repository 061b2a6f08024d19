"""A report's meters as a table: how each was read and what is unusual about it; many alike share a row."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from energyprof.compare.budget import gain_limits
from energyprof.formats.calibration import gain_words
from energyprof.measure.selection import listing
from energyprof.meter import MeterInfo
from energyprof.report.energy import MIN_COVERAGE
from energyprof.report.record import MeterRecord, Report
from energyprof.units import seconds, share

BOUNDARIES = {
    "component": "inside the chips (no power supply, fans, board or disks)",
    "module": "the whole module",
    "node_dc": "the node, behind its power supply",
    "wall_ac": "the wall socket",
}
# This many meters of the same make share a row.
ALIKE = 4


def meters_table(report: Report) -> RenderableType:
    """What the total holds, and a row for each meter or group of meters."""
    if not report.meters:
        return Text("measured without a meter: this report holds no energy", style="yellow")
    counts = BOUNDARIES.get(report.boundary or "", "nothing is counted")
    table = Table(box=None, pad_edge=False, padding=(0, 0, 0, 2), header_style="dim")
    table.add_column("meter", no_wrap=True, overflow="ignore")
    table.add_column("part")
    table.add_column("read through", overflow="fold")
    table.add_column("rate", justify="right", no_wrap=True)
    table.add_column("covers", justify="right", no_wrap=True)
    for group in _groups(sorted(report.meters, key=lambda m: not m.counted)):
        table.add_row(*_row(group))
    parts: list[RenderableType] = [
        Text.assemble("measured  ", (counts, "dim")),
        Padding(table, (0, 0, 0, 2), expand=False),
    ]
    for meter in report.meters:
        if (calibration := meter.info.calibration) is not None:
            line = Text(f"{meter.name} calibrated: gain {gain_words(calibration)} ", style="green")
            parts.append(
                Padding(line.append(f"({calibration.source})", style="dim"), (0, 0, 0, 2), expand=False)
            )
        if meter.info.tested:
            line = Text(f"{meter.name} tested: {_tested(meter.info)} ", style="green")
            parts.append(
                Padding(line.append(f"({meter.info.tested})", style="dim"), (0, 0, 0, 2), expand=False)
            )
    if (by := report.node_map) is not None:
        slopes = " ".join(f"+ {term.slope:.3f} {term.part}" for term in by.terms)
        line = Text(
            f"{BOUNDARIES.get(by.boundary, by.boundary)}: {by.intercept_w:.0f} W {slopes} ", style="green"
        )
        line.append(f"(measured with a fitted map: {by.source})", style="dim")
        parts.append(Padding(line, (0, 0, 0, 2), expand=False))
    return Group(*parts)


def _tested(info: MeterInfo) -> str:
    """What a test measured of a meter and the arithmetic now goes by."""
    said = [f"renewed every {seconds(info.refresh_s)}"] if info.refresh_s else []
    if info.window_s:
        said.append(f"averages over {'at most ' if info.window_assumed else ''}{seconds(info.window_s)}")
    return ", ".join([*said, f"{seconds(info.delay_s)} late"] if info.delay_s else said)


def _groups(meters: Sequence[MeterRecord]) -> list[list[MeterRecord]]:
    """Meters of the same make in one group if there are many; one with flags stands alone."""
    groups: dict[tuple[object, ...], list[MeterRecord]] = {}
    for meter in meters:
        info = meter.info
        make = (
            info.kind,
            meter.part,
            meter.method,
            meter.counted,
            meter.flags,
            info.gain_a,
            info.gain_source,
        )
        groups.setdefault(make if not meter.flags else (meter.name,), []).append(meter)
    return [
        part
        for group in groups.values()
        for part in ([group] if len(group) >= ALIKE else [[meter] for meter in group])
    ]


def _row(group: Sequence[MeterRecord]) -> tuple[Text, str, Text, str, Text]:
    meter = group[0]
    name = Text(row_name([m.name for m in group]), style="bold")
    method = Text(meter.method)
    if meter.origin != "measured":
        method.append(f"\nestimate {_limits(meter.info)}", style="yellow")
    for flag in meter.flags:
        method.append(f"\n{flag.words}", style="red")
    if not meter.counted:
        method.append(f"\nbeside the total{_against(group)}", style="dim")
    rates = [m.achieved_hz for m in group if m.achieved_hz is not None]
    covered = min(m.coverage for m in group)
    # For an imported total, how often its meter was read is unknown.
    rate = f"{min(rates):.1f} Hz" if len(rates) == len(group) else "never read" if covered == 0 else "–"
    return name, meter.part, method, rate, Text(share(covered), "" if covered >= MIN_COVERAGE else "red")


def _limits(info: MeterInfo) -> str:
    """How far an estimate may be off, at 95 %."""
    return gain_limits(info) if info.gain_above is not None else f"± {200 * info.gain_u:.0f} %"


def row_name(names: Sequence[str]) -> str:
    """The names in a row; if many, the first and the last, one below the other."""
    return listing(names).replace(" … ", " …\n")


def _against(group: Sequence[MeterRecord]) -> str:
    """How much more or less they read than the meters they are checked against."""
    ratios = [100 * (m.ratio - 1) for m in group if m.ratio is not None]
    if not ratios:
        return ""
    low, high = f"{min(ratios):+.1f}", f"{max(ratios):+.1f}"
    percent = f"{low} %" if low == high else f"{low} … {high} %"
    return f", {percent} against {group[0].info.checks if len(group) == 1 else 'those'}"
