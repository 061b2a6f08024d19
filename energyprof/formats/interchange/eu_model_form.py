"""The items on size, compute and energy of the EU's Model Documentation Form, in Markdown.

The form is part of the General-Purpose AI Code of Practice (10 July 2025, Transparency chapter); it has no
machine-readable definition. Energy is asked for in MWh and compute in floating-point operations, both with at
least two significant figures; methodologies in words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from energyprof.formats.interchange.contract import Source
from energyprof.formats.interchange.numbers import Number, numbers
from energyprof.formats.markdown import plain
from energyprof.formats.meters import BOUNDARIES
from energyprof.report.facts import number, operations_per_sample
from energyprof.report.record import Report

BLANK = "…"  # to be filled in by hand
J_PER_MWH = 3.6e9
S_PER_DAY = 86400.0


class _Item(NamedTuple):
    section: str
    name: str
    value: str  # "": not known


def content(source: Source) -> tuple[bytes, list[str]]:
    """The items as a table; those that the report does not know are ``…``."""
    items = list(_items(source.report))
    rows = [f"| {item.section} | {item.name} | {_cell(item.value or BLANK)} |" for item in items]
    title = f"# Model Documentation Form: size, compute and energy of {_cell(source.report.workload.name)}"
    text = "\n".join([title, "", "| section | item | value |", "| --- | --- | --- |", *rows])
    return f"{text}\n".encode(), [f"{i.section}: {i.name}" for i in items if not i.value]


def _items(report: Report) -> Iterable[_Item]:
    parameters = _agreed(number(run.facts, "parameters") for run in report.runs)
    yield _Item("Model properties", "Total model size (parameters)", _scientific(parameters or None))
    compute = "Computational resources (during training)"
    time_s = _sum([run.total_time_s for run in report.runs])
    yield _Item(compute, "Training time", _days(report, time_s))
    flops = _agreed(operations_per_sample(run.facts) for run in report.runs)
    samples = _sum([run.samples for run in report.runs])
    done = flops * samples if flops and samples else None
    yield _Item(compute, "Amount of computation used for training (FLOP)", _scientific(done))
    yield _Item(compute, "Measurement methodology", _COUNTED if done else "")
    energy = "Energy consumption (during training and inference)"
    joules = _energy(report)
    yield _Item(energy, "Amount of energy used for training (MWh)", _mwh(report, joules))
    yield _Item(energy, "Measurement methodology", _how(report) if joules else "")
    yield _Item(energy, "Benchmarked amount of computation used for inference (FLOP)", "")
    yield _Item(energy, "Measurement methodology of that", "")


_COUNTED = (
    "Operations of the forward and the backward pass of one sample, counted by torch's FlopCounterMode (two "
    "for each multiplication and addition of matrix products, convolutions and attention), times the samples "
    "trained; evaluations are not in it."
)


def _energy(report: Report) -> Number | None:
    """Of all runs, start-up included; what meters have in common does not average out, so ends are added."""
    found = [numbers(run, None).get("total_energy_j") for run in report.runs]
    known = [number for number in found if number is not None]
    if not known or len(known) < len(found):
        return None
    low, high = _sum([number.low for number in known]), _sum([number.high for number in known])
    return Number("total_energy_j", math.fsum(number.value for number in known), low, high)


def _mwh(report: Report, joules: Number | None) -> str:
    if joules is None:
        return ""
    value = f"{_scientific(joules.value / J_PER_MWH)} MWh"
    if joules.low is not None and joules.high is not None:
        low, high = (_scientific(end / J_PER_MWH) for end in (joules.low, joules.high))
        value += f" (95 % interval {low} to {high} MWh)"
    runs = len(report.runs)
    return value + (f", {runs} trainings together" if runs > 1 else "")


def _how(report: Report) -> str:
    counted = [meter for meter in report.meters if meter.counted]
    methods = "; ".join(dict.fromkeys(f"{meter.name}: {meter.method}" for meter in counted))
    what = BOUNDARIES.get(report.boundary or "", "")
    origin = {"measured": "Measured", "modelled": "Estimated by a model", "simulated": "Simulated"}
    said = f"{origin.get(report.origin, report.origin)} by energyprof {report.energyprof} ({methods})"
    scope = f"; boundary {report.boundary}: {what}" if report.boundary else ""
    return f"{said}{scope}. From the program's start to its end; nothing outside that boundary is in it."


def _days(report: Report, time_s: float | None) -> str:
    if time_s is None:
        return ""
    nodes = len(report.nodes)
    hardware = f"{_scientific(nodes * time_s / S_PER_DAY)} hardware days ({nodes} machine{'s'[: nodes > 1]})"
    return f"{_scientific(time_s / S_PER_DAY)} wall-clock days; {hardware}"


def _agreed(values: Iterable[float | None]) -> float | None:
    """What all runs say."""
    found = set(values)
    return found.pop() if len(found) == 1 else None


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if known and len(known) == len(values) else None


def _scientific(value: float | None) -> str:
    """With three significant figures, as the form writes numbers: 7.30×10^10."""
    if value is None:
        return ""
    if value == 0:
        return "0"
    digits, _, power = f"{value:.2e}".partition("e")
    return digits if int(power) == 0 else f"{digits}×10^{int(power)}"


def _cell(text: str) -> str:
    return plain(" ".join(text.split()))
