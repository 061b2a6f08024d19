"""What a report measured, as inputs of a scenario: joules and seconds of a training to its target."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev

from energyprof.compare.compared import Summary
from energyprof.compare.comparison import compare
from energyprof.compare.figures import BY_NAME, value
from energyprof.compare.statistics.student import t_quantile
from energyprof.report.record import Report, Run
from energyprof.simulate.quantity import Basis, Quantity
from energyprof.storable.frozen import dataclass

# The figures that say what a training took: to its target, or of a program that has none.
_ENERGY = ("energy_to_target", "energy")
_TIME = ("time_to_target", "time")


@dataclass(frozen=True)
class Measured:
    """What a report tells by the names of a scenario's keys, and why it does not tell the rest."""

    found: Mapping[str, Quantity]
    missing: Mapping[str, str]


def measured(report: Report, path: Path, rounds: float) -> Measured:
    """``round_j`` and ``round_s`` of a report whose trainings had so many rounds.

    They have the scatter of the runs, 95 %; the ± of the meters is ``meter_gain``.
    """
    entry = compare([report], [path.stem]).entries[0]
    summaries = {summary.figure: summary for summary in entry.estimates}
    basis: Basis = "measured" if report.origin == "measured" else "modelled"
    said = described(report, path)
    found: dict[str, Quantity] = {}
    missing: dict[str, str] = {}
    energy = next((summaries[name] for name in _ENERGY if name in summaries), None)
    if energy is None:
        missing["round_j"] = f"no energy to target: {_why(report, entry.left_out)}"
    else:
        found["round_j"] = _quantity(energy, report, "J", rounds, basis, said)
        found["meter_gain"] = meter_gain(report, [run for run in report.runs if run.energy_j], said)
    time = next((summaries[name] for name in _TIME if name in summaries), None)
    if time is not None:
        # By a clock, whatever the meter.
        found["round_s"] = _quantity(time, report, "s", rounds, "measured", said)
    found |= starts(report, [run for run in report.runs if run.status in ("reached", "done")], said)
    return Measured(found, missing)


def starts(report: Report, runs: Sequence[Run], said: str) -> dict[str, Quantity]:
    """``start_j`` and ``start_s``: what a run took beyond its training, from its program's start to its end.

    Means over ``runs`` with their 95 %; nothing where no run has both its total and its training's.
    """
    basis: Basis = "measured" if report.origin == "measured" else "modelled"
    energies = [
        run.total_energy_j - run.energy_j
        for run in runs
        if run.total_energy_j is not None and run.energy_j is not None and run.total_energy_j >= run.energy_j
    ]
    times = [
        run.total_time_s - run.time_s
        for run in runs
        if run.total_time_s is not None and run.time_s is not None and run.total_time_s >= run.time_s
    ]
    words = f"start-up and end of its program, {said}"
    found = {"start_j": (energies, "J", basis), "start_s": (times, "s", "measured")}
    return {name: _of_runs(values, unit, of, words) for name, (values, unit, of) in found.items() if values}


def _of_runs(values: Sequence[float], unit: str, basis: Basis, said: str) -> Quantity:
    mean, half = fmean(values), 0.0
    if len(values) > 1:
        half = t_quantile(0.975, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Quantity(mean, max(0.0, mean - half), mean + half, unit, basis, said, "interval")


def described(report: Report, path: Path) -> str:
    """Such as "fed.json: 3 runs on vm, boundary chip, measured"."""
    entry = compare([report], [path.stem]).entries[0]
    runs = "1 run" if entry.runs == 1 else f"{entry.runs} runs"
    missed = sum(run.status == "missed" for run in report.runs)
    if missed or entry.left_out:
        why = [f"{missed} missed the target"] if missed else []
        why += [f"{len(entry.left_out)} left out"] if entry.left_out else []
        runs += f" ({', '.join(why)}: not in it)"
    where = entry.machine or "an unknown machine"
    return f"{path.name}: {runs} on {where}, boundary {entry.boundary or 'none'}, {report.origin}"


def _why(report: Report, left_out: tuple[str, ...]) -> str:
    if left_out:
        return left_out[0]
    if any(run.status == "missed" for run in report.runs):
        return "its runs missed the target"
    return "its runs have none"


def _quantity(
    summary: Summary, report: Report, unit: str, rounds: float, basis: Basis, said: str
) -> Quantity:
    """The mean, and the 95 % of the runs' scatter; of a single run that is not known.

    Arithmetic, as what many trainings come to; a comparison's is geometric, and lies below.
    """
    figure = BY_NAME[summary.figure]
    mean = fmean(found for run in report.runs if (found := value(figure, run)) is not None) / rounds
    scale = mean / summary.mean if summary.mean else 1.0
    low = mean if summary.low is None else scale * summary.low
    high = mean if summary.high is None else scale * summary.high
    return Quantity(mean, min(low, mean), max(high, mean), unit, basis, said, "interval")


def meter_gain(report: Report, runs: Sequence[Run], said: str) -> Quantity:
    """What the joules of all reports by the same meters may have to be multiplied with, 95 %."""
    low = high = 1.0
    known = any(run.energy_u_j is not None for run in runs)
    for run in runs:
        if run.energy_j and run.energy_low_j is not None and run.energy_high_j is not None:
            low, high = min(low, run.energy_low_j / run.energy_j), max(high, run.energy_high_j / run.energy_j)
        elif run.energy_j and run.energy_u_j is not None:
            low, high = (
                min(low, 1 - run.energy_u_j / run.energy_j),
                max(high, 1 + run.energy_u_j / run.energy_j),
            )
    machines = [str(node.machine.get("id") or node.name) for node in report.nodes]
    meters = sorted(meter.name for meter in report.meters if meter.counted)
    basis: Basis = "measured" if report.origin == "measured" else "modelled"
    common = f"meters {' '.join(meters)} of {' '.join(machines)}"
    words = "the ± of its meters" if known else "the ± of its meters is not known"
    return Quantity(1.0, max(0.0, low), high, "1", basis, f"{words}, {said}", "interval", common)
