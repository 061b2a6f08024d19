"""What an inference takes after the training: joules, seconds and processor time, with their ±."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from energyprof.compare.statistics.mean import Mean, mean_of_amounts
from energyprof.compare.statistics.terms import Amount
from energyprof.report.phases import PART
from energyprof.report.record import Phase, Report, Run
from energyprof.report.uncertainty import SCATTER
from energyprof.storable.frozen import dataclass
from energyprof.storable.once import once

PREFIX = PART + "inference:"
# Where several runs are averaged, what one run's windows differed by is a term of each of them.
WINDOWS = "windows"
AS_TRAINED = "as trained"


@dataclass(frozen=True)
class Inference:
    """One kind of model at one batch size; all amounts are of one item."""

    kind: str  # "as trained"; or what was made of it, such as "int8"
    batch: int
    count: int  # inferences, over all runs
    energy_j: Mean | None  # None: no meter, or none of its windows can be told
    time_s: Mean
    cpu_s: Mean | None  # processor time; None: not read


def inferences(report: Report) -> tuple[Inference, ...]:
    """What the report's runs measured, in their order; none: they measured no inference."""
    runs = [(run, windows_of(run)) for run in report.runs]
    names = list(dict.fromkeys(name for _, windows in runs for name in windows))
    return tuple(_inference(name, [w[name] for _, w in runs if name in w]) for name in names)


@dataclass(frozen=True)
class Saving:
    """What was made of the network beside the network as it was trained, at one batch size of one report."""

    kind: str
    batch: int
    what: str  # what is compared: "CPU time"; of a GPU "time"
    low: float  # of its share of the other's, as far as both 95 % intervals allow
    high: float


def savings(report: Report) -> tuple[Saving, ...]:
    """One for each kind and batch size that has its like as trained."""
    found = inferences(report)
    on_gpu = any(str(run.facts.get("device", "")).startswith("cuda") for run in report.runs)
    taken = {(of.kind, of.batch): of.time_s if on_gpu else of.cpu_s for of in found}
    return tuple(
        Saving(kind, batch, "time" if on_gpu else "CPU time", own.ends[0] / plain.ends[1], own.ends[1] / low)
        for (kind, batch), own in taken.items()
        if kind != AS_TRAINED
        and own is not None
        and (plain := taken.get((AS_TRAINED, batch))) is not None
        and (low := plain.ends[0]) > 0
    )


@once
def windows_of(run: Run) -> Mapping[tuple[str, int], Sequence[Phase]]:
    """The windows of each kind and batch size; warm-up and compilation are none."""
    found: dict[tuple[str, int], list[Phase]] = {}
    for phase in run.phases:
        if not phase.name.startswith(PREFIX):
            continue
        kind, _, batch = phase.name.removeprefix(PREFIX).rpartition(":")
        if kind and batch.isdecimal() and phase.samples:
            found.setdefault((kind, int(batch)), []).append(phase)
    return found


def amount(
    windows: Sequence[Phase],
    of: Callable[[Phase], float | None],
    terms: Callable[[Phase], Mapping[str, float]],
) -> Mean | None:
    """The mean of one run's windows, an inference; ``None``: it is not known of all of them."""
    readings: list[Amount] = []
    for phase in windows:
        found, items = of(phase), phase.samples or 1
        if found is None:
            return None
        readings.append((found / items, {term: u / items for term, u in terms(phase).items()}))
    return mean_of_amounts(readings) if readings else None


def energy_j(windows: Sequence[Phase]) -> Mean | None:
    """J an inference in one run."""
    return amount(windows, lambda phase: phase.energy_j, _terms_j)


def time_s(windows: Sequence[Phase]) -> Mean | None:
    """s an inference in one run; of a batch, its time over its items."""
    return amount(windows, lambda phase: phase.end_s - phase.start_s, _no_terms)


def cpu_s(windows: Sequence[Phase]) -> Mean | None:
    """s of processor time an inference in one run."""
    return amount(windows, lambda phase: phase.cpu_s, _no_terms)


def own_terms(mean: Mean) -> dict[str, float]:
    """The terms of one run's mean: its windows differ by chance, as its readings do; the larger counts."""
    kept = {term: u for term, u in mean.terms.items() if term not in mean.aside}
    return {WINDOWS if term == SCATTER else term: u for term, u in kept.items()}


def _inference(name: tuple[str, int], runs: Sequence[Sequence[Phase]]) -> Inference:
    kind, batch = name
    times = _over([time_s(windows) for windows in runs])
    assert times is not None  # every window has a start and an end
    count = sum(phase.samples or 0 for windows in runs for phase in windows)
    energy = _over([energy_j(windows) for windows in runs])
    return Inference(kind, batch, count, energy, times, _over([cpu_s(windows) for windows in runs]))


def _over(runs: Sequence[Mean | None]) -> Mean | None:
    known = [mean for mean in runs if mean is not None]
    if len(known) < 2:
        return known[0] if known else None
    return mean_of_amounts([(mean.value, own_terms(mean)) for mean in known])


def _terms_j(phase: Phase) -> Mapping[str, float]:
    return phase.budget_j or ({"meters": phase.energy_u_j / 2} if phase.energy_u_j else {})


def _no_terms(_: Phase) -> Mapping[str, float]:
    return {}


def told(mean: Mean) -> bool:
    """Whether it exceeds what is not known of it, but for a gain that all have in common."""
    return math.isfinite(mean.value) and mean.one_device.expanded < mean.value
