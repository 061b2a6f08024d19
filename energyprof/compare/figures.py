"""The figures that are compared: what each is, and which runs count for it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from energyprof.compare import inference
from energyprof.compare.exclusions import Exclusion, broken, has_target, missed, no_target, unmetered, unseen
from energyprof.compare.statistics import terms
from energyprof.compare.statistics.mean import Mean
from energyprof.meter import Boundary
from energyprof.report.phases import apart, told
from energyprof.report.record import Phase, Report, Run
from energyprof.storable.frozen import dataclass
from energyprof.storable.once import once

AS_TRAINED = "as trained"  # the kind of model that every measurement of inference begins with


@dataclass(frozen=True)
class Figure:
    """One number per run, and what must hold for the run to have it."""

    name: str
    unit: str  # "" where it has none
    of: Callable[[Run], float | None]
    better: Literal["lower"] | None  # None: neither direction is worse, so it has no limit
    exclusions: tuple[Exclusion, ...]
    # Standard uncertainties of one run's value, by term; none: only the scatter of runs is known.
    terms: Callable[[Run, float], Mapping[str, float]]
    # The part of a run that it is about, where most runs have none; None: each has it.
    part: Callable[[Run], object] | None = None


@once
def _energy_per_sample(run: Run) -> float | None:
    return _per_sample(run, lambda phase: phase.energy_j)


def _energy(run: Run) -> float | None:
    return run.energy_j


def _power(run: Run) -> float | None:
    return run.energy_j / run.time_s if run.energy_j is not None and run.time_s else None


def _energy_per_epoch(run: Run) -> float | None:
    """J for as many samples as there are in the training data, if the program says how many."""
    items = training_items(run)
    sample_j = _energy_per_sample(run) if items else None
    return sample_j * items if sample_j is not None and items else None


def training_items(run: Run) -> int | None:
    """How many samples there are to train on; None: the program did not say."""
    items = run.facts.get("training_items")
    return items if isinstance(items, int) and not isinstance(items, bool) and items > 0 else None


def _energy_delay(run: Run) -> float | None:
    return run.energy_j * run.time_s if run.energy_j is not None and run.time_s is not None else None


def _cpu_time_per_sample(run: Run) -> float | None:
    return _per_sample(run, lambda phase: phase.cpu_s)


def _per_sample(run: Run, of: Callable[[Phase], float | None]) -> float | None:
    """What a trained sample takes over the phases named ``train``: no start-up, warm-up or evaluation.

    ``None`` too where phases of several actors overlap: each of them has what all of them take.
    """
    phases = terms.train_phases(run)
    known = told(phases, of)
    if known is None:
        return None
    samples = sum(phase.samples or 0 for phase, _ in known)
    if not samples or not apart(phases):
        return None
    return math.fsum(amount for _, amount in known) / samples


def _of_inference(
    of: Callable[[Sequence[Phase]], Mean | None], batch: Callable[[Sequence[int]], int]
) -> Callable[[Run], float | None]:
    """What one inference with the model as trained takes, at the smallest or the largest batch."""

    def found(run: Run) -> float | None:
        every = inference.windows_of(run)
        if not every:  # as of most runs
            return None
        windows = {size: w for (kind, size), w in every.items() if kind == AS_TRAINED}
        mean = of(windows[batch(list(windows))]) if windows else None
        return None if mean is None else mean.value

    return found


def _of_windows(run: Run, amount: float) -> Mapping[str, float]:
    """The terms of the joules of an inference, those of the windows whose mean is ``amount``."""
    means = [inference.energy_j(windows) for windows in inference.windows_of(run).values()]
    return next((inference.own_terms(m) for m in means if m is not None and m.value == amount), {})


def _total_energy(run: Run) -> float | None:
    return run.total_energy_j


def _no_terms(run: Run, amount: float) -> Mapping[str, float]:
    return {}


def _of_energy(run: Run, amount: float) -> Mapping[str, float]:
    """The terms of what is proportional to the run's energy: its power, or its energy times its time."""
    found = terms.of_energy(run)
    return terms.scaled(found, amount / run.energy_j) if found and run.energy_j else {}


def _of_last_interval(run: Run, amount: float) -> Mapping[str, float]:
    return terms.of_last_interval(run)


def _of_boundary(boundary: Boundary) -> Callable[[Run], float | None]:
    """J of the whole node by a map from its components, of each boundary apart: they are never compared."""
    return lambda run: run.node.energy_j if run.node is not None and run.node.boundary == boundary else None


def _of_node(run: Run, amount: float) -> Mapping[str, float]:
    return run.node.budget_j if run.node is not None else {}


_REACHED = (broken, missed, no_target)
_DONE = (broken, has_target)
_METERED = (broken, unmetered)

# The whole node's joules by a map, by their boundary.
NODE_FIGURES: Mapping[Boundary, str] = {"wall_ac": "wall_energy", "node_dc": "node_energy"}

# What a report alone gives.
FIGURES = (
    Figure("energy_per_sample", "J", _energy_per_sample, "lower", _METERED, terms.of_sample),
    Figure("samples_to_target", "", lambda r: r.samples, "lower", _REACHED, _of_last_interval),
    Figure("energy_to_target", "J", _energy, "lower", (*_REACHED, unmetered), _of_energy),
    Figure("time_to_target", "s", lambda r: r.time_s, "lower", _REACHED, _no_terms),
    Figure("energy", "J", _energy, "lower", (*_DONE, unmetered), _of_energy),
    Figure("time", "s", lambda r: r.time_s, "lower", _DONE, _no_terms),
    Figure("energy_per_epoch", "J", _energy_per_epoch, "lower", _METERED, terms.of_sample),
    Figure("energy_delay_product", "J·s", _energy_delay, "lower", (*_REACHED, unmetered), _of_energy),
    Figure("cpu_time_per_sample", "s", _cpu_time_per_sample, "lower", (broken,), _no_terms),
    Figure("cpu_time", "s", lambda r: r.cpu_s, "lower", (broken, missed), _no_terms),
    *(
        Figure(
            f"{name}_per_{which}inference",
            unit,
            _of_inference(mean, batch),
            "lower",
            bars,
            terms_of,
            inference.windows_of,
        )
        for which, batch in (("", min), ("batched_", max))
        for name, unit, mean, bars, terms_of in (
            ("energy", "J", inference.energy_j, _METERED, _of_windows),
            ("time", "s", inference.time_s, (broken,), _no_terms),
            ("cpu_time", "s", inference.cpu_s, (broken,), _no_terms),
        )
    ),
    *(
        Figure(
            name, "J", _of_boundary(boundary), "lower", (*_METERED, missed), _of_node, lambda run: run.node
        )
        for boundary, name in NODE_FIGURES.items()
    ),
    Figure("power", "W", _power, None, _METERED, _of_energy),
    Figure("score", "", lambda r: r.score, None, (broken,), _no_terms),
)
# What the profiler sees by itself, from the program's start to its end, whatever the program says of phases,
# samples and scores.
OF_THE_PROGRAM = (
    Figure("total_energy", "J", _total_energy, "lower", (broken, unseen), _of_energy),
    Figure("total_cpu_time", "s", lambda r: r.total_cpu_s, "lower", (broken,), _no_terms),
)
# Joules or seconds of one sample, or of as many as there are.
PER_SAMPLE = ("energy_per_sample", "energy_per_epoch", "cpu_time_per_sample")
# What it gives together with the intensity of a grid: `emissions.figure` fills it in.
EMISSIONS = Figure(
    "emissions", "g CO2e", lambda r: None, "lower", (broken, missed, unmetered), _of_energy, lambda run: None
)
SHOWN = (*FIGURES, EMISSIONS)
BY_NAME = {figure.name: figure for figure in (*SHOWN, *OF_THE_PROGRAM)}


def value(figure: Figure, run: Run) -> float | None:
    """The run's value; None if it does not count for the figure, or has none that fits a float."""
    for exclusion in figure.exclusions:  # asked so often that a generator would show
        if exclusion(run):
            return None
    found = figure.of(run)
    return found if found is not None and math.isfinite(found) else None


def of_energy(figure: Figure) -> bool:
    """Whether it is joules, or what is proportional to them: then it has the meters' errors."""
    return _energetic(figure.unit)


@functools.cache
def _energetic(unit: str) -> bool:
    return any(letter in unit for letter in ("J", "W", "g"))


def left_out(report: Report) -> tuple[str, ...]:
    """The runs left out of all figures, or of those of energy, and why; a line each."""
    if not report.runs:
        return ("it has no runs",)
    lines = []
    for i, run in enumerate(report.runs):
        if why := broken(run):
            lines.append(f"{run_name(report, i)} left out: {why}")
        elif why := unmetered(run):
            lines.append(f"{run_name(report, i)} left out of energy and power: {why}")
    return tuple(lines)


def run_name(report: Report, i: int) -> str:
    """Such as ``run 2 (seed 7)``."""
    seed = report.runs[i].seed
    return f"run {i + 1}" + ("" if seed is None else f" (seed {seed})")
