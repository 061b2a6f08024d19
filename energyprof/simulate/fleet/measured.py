"""What reports say of a kind of client, and of the rounds that a target took."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev, variance

from energyprof.compare.statistics.student import t_quantile
from energyprof.errors import UsageError
from energyprof.report.file import read
from energyprof.report.record import Report
from energyprof.simulate.fleet.device import Measured
from energyprof.simulate.measured import meter_gain
from energyprof.simulate.measured_rounds import measured_rounds
from energyprof.simulate.quantity import Basis, Quantity
from energyprof.storable.frozen import dataclass

DONE = ("reached", "done", "missed")
# The phases in which a client trains; its samples are of all of them.
TRAINING = ("warmup", "train")
# From so many clients on their differences are the fleet's, and from so many turns those of a client's turns.
LEAST_CLIENTS, LEAST_TURNS = 3, 2


@dataclass(frozen=True)
class KindMeasured:
    """Of a kind of client, while it trains; the 95 % of its mean, by the scatter of its clients or runs."""

    samples_per_s: Quantity
    power_w: Quantity
    meter_gain: Quantity  # common to all reports of the same meters
    source: str
    # Standard deviations of logarithms, as a device has them; None: too few clients or turns tell them.
    spread: float | None
    power_spread: float | None
    jitter: float | None

    def quantities(self) -> dict[str, Quantity]:
        """By the names of a device's keys."""
        return {name: getattr(self, name) for name in ("samples_per_s", "power_w", "meter_gain")}

    def spreads(self) -> dict[str, float]:
        """Those that are known, by the names of a device's keys."""
        names = ("spread", "power_spread", "jitter")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True)
class _Turn:
    client: str
    samples: float
    joules: float
    seconds: float


def client_of(path: Path, where: str) -> KindMeasured:
    """What a client does and draws while training, by a report's clients; without rounds by its runs.

    Raises:
        FileError: it cannot be read.
        UsageError: it has no run with samples, an energy and a time.
    """
    report = read(path)
    turns = _turns(report) or _runs(report)
    if not turns:
        raise UsageError(f"{where}: {path}: no run of it has samples, an energy and a time")
    samples, joules, seconds = (
        math.fsum(getattr(turn, name) for turn in turns) for name in ("samples", "joules", "seconds")
    )
    source = f"{path.name}, boundary {report.boundary or 'not known'}, {report.origin}"
    basis: Basis = "measured" if report.origin == "measured" else "modelled"
    rates = _logs(turns, lambda turn: turn.samples / turn.seconds)
    powers = _logs(turns, lambda turn: turn.joules / turn.seconds)
    within = [variance(of_one) for of_one in rates.values() if len(of_one) >= LEAST_TURNS]
    several = any(turn.client for turn in turns) and len(rates) >= LEAST_CLIENTS
    return KindMeasured(
        _quantity(samples / seconds, rates, "1", "measured", source),
        _quantity(joules / seconds, powers, "W", basis, source),
        meter_gain(report, [run for run in report.runs if run.energy_j], source),
        source,
        _between(rates) if several else None,
        _between(powers) if several else None,
        math.sqrt(fmean(within)) if within else None,
    )


def rounds_of(path: Path, where: str) -> tuple[Measured, Quantity]:
    """Rounds to the target and clients in one, means; and the least and the most rounds of its runs.

    Raises:
        FileError, UsageError: it tells neither.
    """
    report = read(path)
    found = measured_rounds(report, path.name, where).found
    told = found["rounds"]
    return Measured(found["active"].value, told.value, f"{path.name}, {report.origin}"), told


def _logs(turns: Sequence[_Turn], of: object) -> dict[str, list[float]]:
    """Logarithms of what ``of`` says of each turn, by client; each run without clients for itself."""
    found: dict[str, list[float]] = {}
    for number, turn in enumerate(turns):
        found.setdefault(turn.client or f"run {number}", []).append(math.log(of(turn)))  # type: ignore[operator]
    return found


def _between(logs: dict[str, list[float]]) -> float:
    return stdev(fmean(of_one) for of_one in logs.values())


def _quantity(value: float, logs: dict[str, list[float]], unit: str, basis: Basis, source: str) -> Quantity:
    """The 95 % of the mean over clients or runs; of a single one it is not known."""
    count = len(logs)
    if count < 2:
        return Quantity(value, value, value, unit, basis, source)
    half = t_quantile(0.975, count - 1) * _between(logs) / math.sqrt(count)
    return Quantity(value, value * math.exp(-half), value * math.exp(half), unit, basis, source, "interval")


def _turns(report: Report) -> list[_Turn]:
    """Each client's training in each round."""
    found = []
    for run in report.runs:
        for client in (client for one in run.rounds for client in one.clients):
            phases = [client.phases[name] for name in TRAINING if name in client.phases]
            joules = math.fsum(phase.energy_j or 0.0 for phase in phases)
            seconds = math.fsum(phase.time_s for phase in phases)
            if client.samples and seconds and joules and all(phase.energy_j for phase in phases):
                found.append(_Turn(client.client, float(client.samples), joules, seconds))
    return found


def _runs(report: Report) -> list[_Turn]:
    """The same of whole trainings that have no rounds."""
    return [
        _Turn("", float(run.samples), run.energy_j, run.time_s)
        for run in report.runs
        if run.status in DONE and not run.rounds and run.samples and run.energy_j and run.time_s
    ]
