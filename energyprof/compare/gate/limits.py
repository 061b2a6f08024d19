"""How much more of a figure is too much: limits as typed, and the defaults."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal

from energyprof.compare.figures import FIGURES, OF_THE_PROGRAM
from energyprof.compare.gate.noise import Noise
from energyprof.compare.mismatches import differing_samples
from energyprof.errors import UsageError
from energyprof.report.record import Report
from energyprof.storable.frozen import dataclass

DEFAULT_MARGIN = 0.03
# What varies more by nature: samples to target come in whole intervals between evaluations, and CPU
# time depends on what a host's other guests leave of its caches and clock.
DEFAULT_MARGINS = {
    "samples_to_target": 0.10,
    "cpu_time": 0.05,
    "cpu_time_per_sample": 0.05,
    "total_cpu_time": 0.05,
}
# A change of twice the variation of a single run is one that people would notice, too.
NOISE_FACTOR = 2.0
SHOWN = tuple(figure.name for figure in FIGURES if figure.better)
WHOLE = tuple(figure.name for figure in OF_THE_PROGRAM)
LIMITED = (*SHOWN, *WHOLE)
# believed: what a program says of its phases, samples and scores, as any figure but those of the whole
# program needs · doubted: whoever wrote the program gains by its verdict
Claims = Literal["believed", "doubted"]


@dataclass(frozen=True)
class Limit:
    """How much more of a figure is too much; ``margin`` is a fraction > 0."""

    figure: str
    margin: float


def parse_limit(text: str) -> Limit:
    """``energy_per_sample:3%``.

    Raises:
        UsageError: it has another form, the figure has no limit, or the margin is not above 0.
    """
    match = re.fullmatch(r"\s*(\w+)\s*:\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*", text, re.ASCII)
    if match is None:
        raise UsageError(f"limit {text!r}: write FIGURE:PERCENT%, such as energy_per_sample:3%")
    figure, margin = match[1], float(match[2]) / 100
    if figure not in LIMITED:
        raise UsageError(f"limit {text!r}: there is no figure {figure!r} to limit; {choice(LIMITED)}")
    if not 0 < margin < math.inf:
        raise UsageError(f"limit {text!r}: the margin must be above 0, such as {figure}:3%")
    return Limit(figure, margin)


def reject_duplicates(limits: Sequence[Limit]) -> tuple[Limit, ...]:
    """The limits unchanged.

    Raises:
        UsageError: a figure has more than one.
    """
    names = [limit.figure for limit in limits]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{name} has more than one limit; keep one")
    return tuple(limits)


def default_limits(new: Report, baseline: Report, noise: Noise | None = None) -> tuple[Limit, ...]:
    """Energy per sample, which varies least; for a program that counts no samples, its energy.

    If the work itself differs (of two sides of a series, or of two versions of a script), samples may have
    become cheaper and more of them needed: then samples to target are limited, too. Where they are not even
    samples of the same thing, it is energy to target. If nothing is measured it is CPU time: an estimate made
    from it would only hide what it is.
    """
    runs = (*new.runs, *baseline.runs)
    counts = all(any(p.name == "train" and p.samples for p in run.phases) for run in runs)
    programs = not new.workload.target and not baseline.workload.target
    alike = differing_samples((new, baseline), ("new", "baseline")) is None
    per_sample = alike and (counts or not programs)
    names = ["energy_per_sample" if per_sample else "energy" if programs else "energy_to_target"]
    if not metered((new, baseline)) and all(run.cpu_s is not None for run in runs):
        names = ["cpu_time_per_sample" if per_sample else "cpu_time"]
    if (
        alike
        and new.workload.work != baseline.workload.work
        and new.workload.target
        and baseline.workload.target
    ):
        names.append("samples_to_target")
    return tuple(Limit(name, margin(name, noise)) for name in names)


def beside_claims(limits: Sequence[Limit], new: Report, baseline: Report) -> tuple[Limit, ...]:
    """``limits`` and one of the whole program, whose figure no claim can lower: for what those allow.

    A program that says it trained more samples than it did makes each look cheaper, and one that marks its
    training's start late has it look shorter; the meters do not hear of it.
    """
    if any(limit.figure in WHOLE for limit in limits):
        return tuple(limits)
    costs = [limit.margin for limit in limits if limit.figure != "samples_to_target"]
    samples = [limit.margin for limit in limits if limit.figure == "samples_to_target"]
    figure = WHOLE[0] if metered((new, baseline)) else WHOLE[1]
    cost = min(costs) if costs else DEFAULT_MARGINS.get(figure, DEFAULT_MARGIN)
    return (*limits, Limit(figure, (1 + cost) * (1 + sum(samples)) - 1))


def metered(reports: Sequence[Report]) -> bool:
    """Whether a real meter's joules are in the totals of one of them."""
    return any(m.counted and m.origin == "measured" for report in reports for m in report.meters)


def margin(figure: str, noise: Noise | None) -> float:
    """The default margin of ``figure``, or twice this machine's own variation if that is larger."""
    least = DEFAULT_MARGINS.get(figure, DEFAULT_MARGIN)
    spread = None if noise is None else noise.figures.get(figure)
    return least if spread is None else max(least, NOISE_FACTOR * spread.sd)


def choice(names: Sequence[str]) -> str:
    """Such as ``choose from energy, time``."""
    return f"choose from {', '.join(names)}" if names else "it has no figure that can be limited"


Overlooked = Literal["machine"]


def parse_overlooked(words: Sequence[str]) -> tuple[Overlooked, ...]:
    """What need not be known to agree for a verdict.

    Raises:
        UsageError: a word names something that must.
    """
    for word in words:
        if word != "machine":
            raise UsageError(f"--allow {word}: a verdict needs all but the machine to agree: --allow machine")
    return ("machine",) if words else ()
