"""What a study says: each setting's figures, effects, fronts, exponents, and what predicts joules."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from statistics import fmean, geometric_mean
from typing import Literal

from energyprof.compare.effects import ByBlock, Effect, Objective, effects, front
from energyprof.compare.figures import BY_NAME, left_out, value
from energyprof.compare.levers import unbound
from energyprof.compare.proxies import Proxy, proxy
from energyprof.report.facts import number, operations_per_sample
from energyprof.report.phases import counts
from energyprof.report.record import Report, Run
from energyprof.storable.frozen import dataclass
from energyprof.study.by_factor import FactorEffect, by_factor
from energyprof.study.exponents import Exponent, exponents
from energyprof.study.folder import Trained
from energyprof.study.plan import Plan, Setting, Value, settings
from energyprof.study.scanning import SettingScan

Values = tuple[tuple[str, Value], ...]

TARGET_FIGURES = ("energy_to_target", "energy_per_sample", "samples_to_target", "time_to_target")
PROGRAM_FIGURES = ("energy", "energy_per_sample", "time", "cpu_time")
# Beside these, where any of the trainings measured it (``--inference``).
INFERENCE_FIGURES = (
    "energy_per_inference",
    "energy_per_batched_inference",
    "time_per_inference",
    "time_per_batched_inference",
)
# One against the other: the setting that takes least joules is seldom the fastest, or the best.
FRONTS = ("time", "score", "memory")


@dataclass(frozen=True)
class SettingSummary:
    """One setting over its blocks."""

    setting: Setting
    label: str
    figures: Mapping[str, ByBlock]  # those that its runs have
    effects: Mapping[str, Effect | None]  # against the base; the base has none
    trained: int  # blocks
    reached: int | None  # of them; None: there is no target
    problems: tuple[str, ...]  # why a cell has no figures
    on_front: Mapping[str, bool]  # energy against time, score, memory
    # Of what was simulated: the middle 95 % of its draws, and in how many of them each way takes least.
    drawn: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    least: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def mean(self, figure: str) -> float | None:
        """The geometric mean over its blocks; of what may be 0 or less the arithmetic one."""
        values = list(self.figures.get(figure, {}).values())
        if not values:
            return None
        return geometric_mean(values) if min(values) > 0 else fmean(values)


@dataclass(frozen=True)
class StudySummary:
    """What a study says."""

    plan: Plan
    figures: tuple[str, ...]  # of the tables, the first is energy
    settings: tuple[SettingSummary, ...]  # the base first
    exponents: tuple[Exponent, ...]
    proxies: tuple[Proxy, ...]
    notes: tuple[str, ...]
    cells: int  # that are done
    planned: int
    origin: str  # of the joules
    scans: tuple[SettingScan, ...] = ()  # a lever that was scanned within the trainings
    # Over all values of the other factors, where the design changes several at once.
    main: tuple[FactorEffect, ...] = ()
    together: tuple[FactorEffect, ...] = ()


def summarised(plan: Plan, done: Sequence[Trained]) -> StudySummary:
    """The study of ``plan`` as far as its cells are done."""
    everything = settings(plan)
    by_setting: dict[Values, list[Trained]] = {s.values: [] for s in everything}
    for t in done:
        by_setting[t.cell.setting.values].append(t)
    reports = [t.report for t in done if t.report is not None]
    with_target = any(report.workload.target is not None for report in reports)
    inferred = [n for n in INFERENCE_FIGURES if by_block(n, done)]
    names = (*(TARGET_FIGURES if with_target else PROGRAM_FIGURES), *inferred)
    found = {s.values: {n: by_block(n, by_setting[s.values]) for n in (*names, "score")} for s in everything}
    for s in everything:
        found[s.values]["memory"] = _peak_bytes(by_setting[s.values])
    figures = [found[s.values] for s in everything]
    changed = {n: effects(figures[0][n], [of_one[n] for of_one in figures[1:]]) for n in names}
    time = names[3] if with_target else "time"
    joules = Objective([f[names[0]] for f in figures])
    fronts = {
        "time": front([joules, Objective([f[time] for f in figures])]),
        "score": front([joules, Objective([f["score"] for f in figures], better_scores(reports))]),
        "memory": front([joules, Objective([f["memory"] for f in figures])]),
    }
    table = tuple(
        SettingSummary(
            s,
            s.label(everything[0]),
            {n: f for n, f in figures[i].items() if f},
            {n: changed[n][i - 1] for n in names} if i else {},
            len(by_setting[s.values]),
            _reached(by_setting[s.values]) if with_target else None,
            _problems(by_setting[s.values]),
            {n: bool(figures[i][names[0]]) and on[i] for n, on in fronts.items()},
        )
        for i, s in enumerate(everything)
    )
    factors = [by_factor(plan, everything, n, [of_one[n] for of_one in figures]) for n in names]
    facts = {n: [_mean_of(of, by_setting[s.values]) for s in everything] for n, of in GROWING.items()}
    return StudySummary(
        plan,
        names,
        table,
        exponents(plan, everything, {n: [f[n] for f in figures] for n in names[:2]}, facts),
        _proxies(table, by_setting, names[0]),
        tuple(dict.fromkeys(line for report in reports for line in unbound(report))),
        len(done),
        len(done) if plan.design == "search" else len(everything) * plan.repeats,
        _origin(reports),
        main=tuple(effect for main, _ in factors for effect in main),
        together=tuple(effect for _, both in factors for effect in both),
    )


def by_block(figure: str, cells: Sequence[Trained]) -> ByBlock:
    """The figure in each block, of the runs that count for it."""
    found = {}
    for cell in cells:
        values = [value(BY_NAME[figure], run) for run in (cell.report.runs if cell.report else ())]
        known = [x for x in values if x is not None]
        if known:
            found[cell.cell.block] = known[-1]
    return found


def _peak_bytes(cells: Sequence[Trained]) -> ByBlock:
    """The most memory that the training took in each block: the GPU's, without one the process's."""
    found = {}
    for cell in cells:
        for run in cell.report.runs if cell.report else ():
            peak = number(run.facts, "peak_gpu_bytes" if "peak_gpu_bytes" in run.facts else "peak_rss_bytes")
            if peak:
                found[cell.cell.block] = float(peak)
    return found


def better_scores(reports: Sequence[Report]) -> Literal["less", "more"]:
    """Which scores are the better ones."""
    targets = [report.workload.target for report in reports if report.workload.target]
    return "more" if not targets or targets[0].direction == "max" else "less"


def _reached(cells: Sequence[Trained]) -> int:
    return sum(any(run.status == "reached" for run in t.report.runs) for t in cells if t.report)


def _problems(cells: Sequence[Trained]) -> tuple[str, ...]:
    lines = [t.problem for t in cells if t.report is None]
    lines += [line for t in cells if t.report is not None for line in left_out(t.report)]
    return tuple(dict.fromkeys(lines))


def _origin(reports: Sequence[Report]) -> str:
    origins = {report.origin for report in reports}
    return origins.pop() if len(origins) == 1 else " and ".join(sorted(origins)) or "measured"


Predictor = Callable[[Run], float | None]


def _fact(name: str) -> Predictor:
    return lambda run: number(run.facts, name)


def _times(one: Predictor, other: Predictor) -> Predictor:
    """Their product, where both are known."""

    def of(run: Run) -> float | None:
        first, second = one(run), other(run)
        return None if first is None or second is None else first * second

    return of


def _operations_per_sample(run: Run) -> float | None:
    return operations_per_sample(run.facts)


def _gpu_hours(run: Run) -> float | None:
    """Hours times processes; ``None``: it trained on no GPU."""
    on_gpu = str(run.facts.get("device", "")).startswith("cuda")
    hours = None if run.time_s is None else run.time_s / 3600
    return _times(_fact("processes"), lambda _: hours)(run) if on_gpu else None


def _model(meter: str) -> Predictor:
    """What a model beside the meters makes of the training."""

    def of(run: Run) -> float | None:
        seen = [phase.by_meter_j.get(meter) for phase in run.phases if counts(phase.name)]
        return (
            None if not seen or None in seen else math.fsum(joules for joules in seen if joules is not None)
        )

    return of


# What people take for the energy, with what a run says of it.
PREDICTORS: Mapping[str, Predictor] = {
    "parameters": _fact("parameters"),
    "parameters that are trained": _fact("parameters_trained"),
    "bytes of parameters": _fact("parameter_bytes"),
    "operations": _times(_operations_per_sample, lambda run: run.samples),
    "samples": lambda run: run.samples,
    "time": lambda run: run.time_s,
    "CPU time": lambda run: run.cpu_s,
    "GPU-hours": _gpu_hours,
    "CodeCarbon's estimate": _model("codecarbon:total"),
}

# What energy may grow with, beside a plan's own numbers.
GROWING: Mapping[str, Predictor] = {
    "parameters": PREDICTORS["parameters"],
    "operations a sample": _operations_per_sample,
}


def _proxies(
    table: Sequence[SettingSummary], cells: Mapping[Values, list[Trained]], energy: str
) -> tuple[Proxy, ...]:
    """Over the settings: mean predictor against mean joules."""
    joules = [row.mean(energy) for row in table]
    found = []
    for name, of in PREDICTORS.items():
        values = [_mean_of(of, cells[row.setting.values]) for row in table]
        found.append(proxy(name, values, joules))
    return tuple(one for one in found if one is not None)


def _mean_of(of: Predictor, cells: Sequence[Trained]) -> float | None:
    known = [x for t in cells if t.report for run in t.report.runs if (x := of(run)) is not None]
    return fmean(known) if known else None
