"""Where the energy of a training step goes: its parts, each measured alone after the training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from energyprof.compare import budget
from energyprof.compare.inference import PREFIX as INFERENCE
from energyprof.compare.statistics.mean import mean_of_amounts
from energyprof.compare.statistics.terms import Amount, of_sum
from energyprof.report.energy import SHORT_REFRESHES
from energyprof.report.phases import PART
from energyprof.report.record import MeterRecord, Phase, Report
from energyprof.report.uncertainty import SCALE
from energyprof.storable.frozen import dataclass

MODULE = PART + "module:"
NETWORK = "network"  # all blocks together, as the training calls them


@dataclass(frozen=True)
class StepPart:
    """One part of a step, mean over the runs."""

    name: str
    sample_j: float
    sample_u_j: float  # expanded, towards the end that lies further away
    sample_ends_j: tuple[float, float]  # of its 95 % interval
    power_w: float
    # The meters can resolve it: it exceeds its uncertainty but for the gain, and was read often enough.
    told: bool


@dataclass(frozen=True)
class Breakdown:
    """All parts of a step, beside the training that they are parts of."""

    parts: tuple[StepPart, ...]
    together_j: float  # a sample
    together_u_j: float  # expanded, as above
    together_ends_j: tuple[float, float]
    train_j: float | None  # per sample of the train phases; None: not measured
    train_u_j: float | None
    train_ends_j: tuple[float, float] | None
    # The parts together as a share of the training. Where data come while the device computes, or the idle
    # machine's power is paid once rather than once a part, the parts one after another take more: above 1.
    closure: float | None
    closure_u: float | None  # expanded, without the gain that both share


def breakdown(report: Report) -> Breakdown | None:
    """The parts of a step that the report's runs measured; ``None``: none did, or there was no meter."""
    train = budget.energy_per_sample(report)
    whole = None
    if train is not None:
        whole = _Whole(train.mean_j, train.total.expanded, train.one_device.expanded, train.ends_j)
    return _taken_apart(report, [_by_part(run.phases) for run in budget.counting(report)], whole)


def modules(report: Report) -> Breakdown | None:
    """The blocks of the network, each alone, beside the whole network's forward and backward pass alone.

    ``None``: they were not measured.
    """
    runs = [_by_module(run.phases) for run in budget.counting(report)]
    networks = [_reading(parts[NETWORK]) for parts in runs if NETWORK in parts]
    whole = None
    if networks:
        mean = mean_of_amounts(networks)
        whole = _Whole(mean.value, mean.total.expanded, mean.one_device.expanded, mean.ends)
    blocks = [{name: phase for name, phase in parts.items() if name != NETWORK} for parts in runs]
    return _taken_apart(report, blocks, whole)


@dataclass(frozen=True)
class _Whole:
    """What the parts are parts of, a sample."""

    mean_j: float
    u_j: float  # expanded
    own_u_j: float  # without the gain
    ends_j: tuple[float, float]


def _taken_apart(
    report: Report, runs: Sequence[Mapping[str, Phase]], whole: _Whole | None
) -> Breakdown | None:
    """The parts by run and name; runs that lack a part (the process broke off) are left out."""
    names = list(dict.fromkeys(name for parts in runs for name in parts))
    complete = [parts for parts in runs if all(name in parts for name in names)]
    if not names or not complete:
        return None
    found = [_part(name, [parts[name] for parts in complete], report.meters) for name in names]
    sums = [_sum([_reading(parts[name]) for name in names]) for parts in complete]
    together = mean_of_amounts(sums)
    together_j = together.value
    closure = closure_u = None
    if whole is not None and whole.mean_j > 0 and together_j > 0:
        closure = together_j / whole.mean_j
        own = mean_of_amounts([(joules, _without_gain(terms_j)) for joules, terms_j in sums])
        own_u = own.total.expanded / together_j
        closure_u = closure * math.hypot(own_u, whole.own_u_j / whole.mean_j)
    return Breakdown(
        tuple(found),
        together_j,
        together.total.expanded,
        together.ends,
        None if whole is None else whole.mean_j,
        None if whole is None else whole.u_j,
        None if whole is None else whole.ends_j,
        closure,
        closure_u,
    )


def _by_module(phases: Sequence[Phase]) -> dict[str, Phase]:
    """The blocks with samples and joules, by name, and the whole network."""
    return {
        phase.name.removeprefix(MODULE): phase
        for phase in phases
        if phase.name.startswith(MODULE) and phase.samples and phase.energy_j is not None
    }


def _by_part(phases: Sequence[Phase]) -> dict[str, Phase]:
    """The parts with samples and joules, by name."""
    return {
        phase.name.removeprefix(PART): phase
        for phase in phases
        if _of_a_step(phase.name) and phase.samples and phase.energy_j is not None
    }


def _of_a_step(name: str) -> bool:
    """Whether it is a part of a step: inferences and blocks follow a training, too, and are none."""
    return name.startswith(PART) and not name.startswith((INFERENCE, MODULE))


def _part(name: str, phases: Sequence[Phase], meters: Sequence[MeterRecord]) -> StepPart:
    sample = mean_of_amounts([_reading(phase) for phase in phases])
    sample_j, u_j = sample.value, sample.total.expanded
    spans_s = [phase.end_s - phase.start_s for phase in phases]
    power_w = math.fsum(phase.energy_j or 0.0 for phase in phases) / math.fsum(spans_s)
    # In another tool's file a meter may not be counted: nothing says how often it was read.
    slowest_s = max((max(m.interval_s, m.info.refresh_s) for m in meters if m.counted), default=math.inf)
    # Their common gain makes all parts larger or smaller, and hides none.
    told = sample.one_device.expanded < sample_j and min(spans_s) >= SHORT_REFRESHES * slowest_s
    return StepPart(name, sample_j, u_j, sample.ends, power_w, told)


def _reading(phase: Phase) -> Amount:
    samples = phase.samples or 1
    terms_j = phase.budget_j or {"meters": (phase.energy_u_j or 0.0) / 2}
    return (phase.energy_j or 0.0) / samples, {term: u_j / samples for term, u_j in terms_j.items()}


def _sum(readings: Sequence[Amount]) -> Amount:
    return math.fsum(joules for joules, _ in readings), of_sum([terms_j for _, terms_j in readings])


def _without_gain(terms_j: Mapping[str, float]) -> Mapping[str, float]:
    return {term: u_j for term, u_j in terms_j.items() if term not in SCALE}
