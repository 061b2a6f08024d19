"""What was turned on the machine for a report's runs: how reports differ in it, which limits never bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from energyprof.report.record import LeverRecord, Report, Run
from energyprof.units import watts

# A limit binds where the power comes this near to it: regulators stay a little below.
NEAR = 0.9
# A regulator holds a mean over about a second; over less, a counter's own steps look like power.
SHORTEST_S = 0.5


def levers_of(report: Report) -> tuple[LeverRecord, ...]:
    """What was turned for its runs: each control once, as the last run had it."""
    return tuple({(lever.name, lever.device): lever for run in report.runs for lever in run.levers}.values())


def words(lever: LeverRecord) -> str:
    """A lever and where it stood: "gpu.power_limit:nvml:0 = 250 W"; what was asked, if it got another."""
    name = f"{lever.name}:{lever.device}" if lever.device else lever.name
    asked = "" if lever.got == lever.asked else f" (asked: {lever.asked})"
    return f"{name} = {lever.got}{asked}"


def differing(reports: Sequence[Report], labels: Sequence[str]) -> list[str]:
    """A line for each report if their levers stood in different places; none turned is one of them."""
    held = [tuple(sorted(words(lever) for lever in levers_of(report))) for report in reports]
    if len(set(held)) < 2:
        return []
    return [f"{label}: {', '.join(h) or 'no lever turned'}" for label, h in zip(labels, held, strict=True)]


def unbound(report: Report) -> list[str]:
    """A line for each limit of power that no phase of any run, long enough to tell, came near."""
    most_w: dict[LeverRecord, float] = {}
    for run in report.runs:
        for lever in run.levers:
            for power_w in _powers_w(run, lever.meter):
                most_w[lever] = max(power_w, most_w.get(lever, 0.0))
    return [
        f"{words(lever)} did not bind: {lever.meter} drew at most {watts(power_w)} over a phase"
        for lever, power_w in most_w.items()
        if lever.limit_w and power_w < NEAR * lever.limit_w
    ]


def _powers_w(run: Run, meter: str) -> Iterator[float]:
    """The mean power of a meter over each phase that it saw and that a limit acts in."""
    for phase in run.phases:
        if meter in phase.by_meter_j and phase.end_s - phase.start_s >= SHORTEST_S:
            yield phase.by_meter_j[meter] / (phase.end_s - phase.start_s)
