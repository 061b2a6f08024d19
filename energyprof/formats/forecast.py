"""What is predicted of a training, as text and as JSON."""

from __future__ import annotations

import dataclasses
import math
import textwrap
from typing import TextIO

from energyprof import units
from energyprof.compare.emissions import described
from energyprof.compare.forecast import Forecast, Prediction
from energyprof.formats.json import write_object
from energyprof.formats.printable import printable
from energyprof.formats.wording import UNMEASURED, half, title

WIDTH = 79
FOOTNOTE = (
    "Intervals: 95 %, for {trainings} yet to come: how samples to target vary and how well their mean is "
    "known, how energy per sample varies, and how far the meters are off (GUM 5.1.6, G.4.1)."
)
ON_TOP = "on top: evaluation and warm-up, as measured."


def write_text(forecast: Forecast, out: TextIO) -> None:
    """The figures with their intervals, the factors they come from, and what to know about them."""
    name = f"{forecast.workload} {forecast.size or ''}".strip()
    several = f"the geometric mean of {forecast.repeats} trainings"
    trainings = "one training" if forecast.repeats == 1 else several
    runs = "1 run" if forecast.runs == 1 else f"{forecast.runs} runs"
    target = forecast.target
    aim = "its target"
    if target is not None:
        aim = f"{target.metric} {'>=' if target.direction == 'max' else '<='} {target.value:g}"
    boundary = f"boundary {forecast.boundary}" if forecast.boundary else "no meter"
    _say(out, f"{name} to {aim} on {forecast.machine or 'an unknown machine'}, {boundary}:")
    _say(out, f"PREDICTED for {trainings} from {runs}, not measured.")
    if forecast.origin != "measured":
        _say(out, UNMEASURED[forecast.origin])
    out.write("\n")
    _table(forecast.figures, out)
    out.write(f"\nenergy to target = {' × '.join(title(factor.name) for factor in forecast.factors)}\n")
    _table(forecast.factors, out)
    out.write("\n")
    lines = [f"samples to target: {forecast.samples_from}.", ON_TOP]
    if forecast.grid is not None:
        lines.append(f"emissions: of these joules alone, at {described(forecast.grid)}.")
    lines += [f"! {note}" for note in forecast.notes]
    for line in (*lines, FOOTNOTE.format(trainings=trainings)):
        _say(out, line)


def write_json(forecast: Forecast, out: TextIO) -> None:
    """One object with the fields of `Forecast`."""
    write_object({"schema": "energyprof.estimate/1", **dataclasses.asdict(forecast)}, out)


def _table(figures: tuple[Prediction, ...], out: TextIO) -> None:
    rows = [_row(figure) for figure in figures]
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    for name, mean, u, interval in rows:
        out.write(f"  {name:<{widths[0]}}  {mean:>{widths[1]}}  {u:>{widths[2]}}  {interval}".rstrip() + "\n")


def _row(figure: Prediction) -> tuple[str, str, str, str]:
    u = interval = ""
    if figure.u_rel is not None and figure.low is not None and figure.high is not None:
        u = _half_widths(figure, figure.low, figure.high)
        interval = f"({_number(figure, figure.low)} … {_number(figure, figure.high)})"
    return title(figure.name), _number(figure, figure.mean), u, interval


def _half_widths(figure: Prediction, low: float, high: float) -> str:
    if figure.u_rel is not None and math.isclose(figure.mean / low, high / figure.mean, rel_tol=1e-6):
        return half(figure.u_rel)
    return units.both_ways(1 - low / figure.mean, high / figure.mean - 1)


def _number(figure: Prediction, amount: float) -> str:
    if figure.unit == "s":
        return units.seconds(amount)
    if figure.unit:
        return units.si(amount, figure.unit)
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:.3f}"


def _say(out: TextIO, line: str) -> None:
    out.write(textwrap.fill(printable(line), WIDTH, subsequent_indent="  ", break_long_words=False) + "\n")
