"""The score over the energy spent, every report in one drawing, with the range of its runs as a band."""

from __future__ import annotations

from collections.abc import Sequence

from energyprof.compare.score_curve import Against, Knots, ScoreCurve, score_curve
from energyprof.formats.html.plot import XY, Axis, area, at, axis, dot, legend, path, plot
from energyprof.formats.html.style import DASHES, LIGHT, colour
from energyprof.formats.html.tags import Markup, numbers, paragraph, section, tag, text
from energyprof.report.record import Report
from energyprof.storable.frozen import dataclass
from energyprof.units import si
from energyprof.workload import Target

HEIGHT_PX = 300
# Bands of more reports than this would overlap; then only their means are drawn.
MOST_BANDS = 5
_QUANTITIES: dict[Against, tuple[str, str]] = {
    "energy_j": ("energy since training began", "J"),
    "time_s": ("time since training began", "s"),
}


_BETTER = {"max": "more", "min": "less"}


@dataclass(frozen=True)
class _Drawn:
    """One report's curve and how it is told apart from the others."""

    label: str
    curve: ScoreCurve
    target: Target | None
    stroke: str
    dash: str


def scores(reports: Sequence[Report], labels: Sequence[str]) -> Markup | None:
    """The section; ``None`` if nothing was evaluated more than once."""
    against: Against = "energy_j"
    found = _found(reports, labels, against)
    if not found:  # without a meter there is still time
        against = "time_s"
        found = _found(reports, labels, against)
    if not found:
        return None
    estimated = any(report.origin != "measured" for report in reports) and against == "energy_j"
    parts = [
        _figure(metric, [d for d in found if _metric(d) == metric], against) for metric in _metrics(found)
    ]
    if estimated:
        parts.insert(
            0,
            paragraph("Energies of reports marked as estimates are estimates here, too.", "note warn"),
        )
    missing = [label for label in labels if label not in {drawn.label for drawn in found}]
    if missing:
        parts.append(
            paragraph(f"No evaluations with {_QUANTITIES[against][0].split()[0]}: {', '.join(missing)}.")
        )
    quantity = _QUANTITIES[against][0].split()[0]
    return section(f"Score and {quantity}", *parts)


def _found(reports: Sequence[Report], labels: Sequence[str], against: Against) -> list[_Drawn]:
    found = []
    for i, (report, label) in enumerate(zip(reports, labels, strict=True)):
        curve = score_curve(report, against)
        # A single evaluation, such as that of a program that ends with one, is a dot, not a curve.
        if curve is not None and any(len(knots) > 1 for _, knots in curve.runs):
            dash = DASHES[i // len(LIGHT) % len(DASHES)]
            found.append(_Drawn(label, curve, report.workload.target, colour(i), dash))
    return found


def _metric(drawn: _Drawn) -> str:
    return drawn.target.metric if drawn.target else "score"


def _metrics(found: Sequence[_Drawn]) -> list[str]:
    return list(dict.fromkeys(_metric(drawn) for drawn in found))


def _figure(metric: str, found: Sequence[_Drawn], against: Against) -> Markup:
    knots = [knot for drawn in found for _, run in drawn.curve.runs for knot in run]
    targets = sorted({drawn.target.value for drawn in found if drawn.target})
    heights = [score for _, score in knots] + targets
    quantity, unit = _QUANTITIES[against]
    x = axis(0.0, max(place for place, _ in knots), quantity, unit)
    margin = (max(heights) - min(heights)) * 0.05
    ways = {drawn.target.direction for drawn in found if drawn.target}
    arrow = f" ({_BETTER[ways.pop()]} is better)" if len(ways) == 1 else ""
    y = axis(min(heights) - margin, max(heights) + margin, metric.replace("_", " ") + arrow)
    lines = _with_runs if len(found) <= MOST_BANDS else _mean_alone
    marks = [path([at(x, y, (x.low, t)), at(x, y, (x.high, t))], class_="mark") for t in targets]
    marks += [mark for drawn in found for mark in lines(drawn, x, y)]
    words = f"{metric} over {quantity}; {'; '.join(_in_words(drawn, unit) for drawn in found)}"
    strokes = [(drawn.label, path([(2, 8), (30, 8)], class_="curve", style=_style(drawn))) for drawn in found]
    how = "Dots: where a run ended; dashed line: the target."
    if lines is _mean_alone:
        how += " Lines: the mean of each report's runs, as far as all of them go."
    elif any(drawn.curve.mean for drawn in found):
        how += " Thick: the mean of the runs, as far as all of them go; thin: each run;"
        how += " band: from the lowest run to the highest."
    return tag(
        "figure",
        legend(strokes),
        plot(marks, x, y, title=words, height_px=HEIGHT_PX),
        tag("figcaption", text(how), class_="note"),
        numbers(("report", "run", "evaluations", f"last {metric}", quantity), _rows(found, unit)),
    )


def _style(drawn: _Drawn) -> str:
    return f"stroke:{drawn.stroke}" + (f";stroke-dasharray:{drawn.dash}" if drawn.dash else "")


def _placed(knots: Knots, x: Axis, y: Axis) -> list[XY]:
    return [at(x, y, knot) for knot in knots]


def _with_runs(drawn: _Drawn, x: Axis, y: Axis) -> list[Markup]:
    """The band of a report, each of its runs, and their mean on top."""
    curve, style = drawn.curve, _style(drawn)
    marks = []
    if curve.mean:
        low, high = _placed(curve.low, x, y), _placed(curve.high, x, y)
        marks.append(area(low, high, class_="band", style=f"fill:{drawn.stroke}"))
    for name, knots in curve.runs:
        line = path(_placed(knots, x, y), class_="thin", style=style)
        marks.append(tag("g", tag("title", text(f"{drawn.label}, {name}")), line))
    return [*marks, *_mean_alone(drawn, x, y)]


def _mean_alone(drawn: _Drawn, x: Axis, y: Axis) -> list[Markup]:
    """The mean of a report, or its runs if there is no mean, and where each run ended."""
    curve, style = drawn.curve, _style(drawn)
    lines = [(f"mean of {len(curve.runs)} runs", curve.mean)] if curve.mean else curve.runs
    marks = []
    for name, knots in lines:
        line = path(_placed(knots, x, y), class_="curve", style=style)
        marks.append(tag("g", tag("title", text(f"{drawn.label}, {name}")), line))
    for name, knots in curve.runs:
        words = f"{drawn.label}, {name}: ends at {knots[-1][1]:.4g}"
        marks.append(dot(at(x, y, knots[-1]), drawn.stroke, words))
    return marks


def _in_words(drawn: _Drawn, unit: str) -> str:
    ends = [knots[-1] for _, knots in drawn.curve.runs]
    low, high = min(x for x, _ in ends), max(x for x, _ in ends)
    span = si(low, unit) if low == high else f"{si(low, unit)} to {si(high, unit)}"
    return f"{drawn.label} ends at {span}"


def _rows(found: Sequence[_Drawn], unit: str) -> list[tuple[str, ...]]:
    return [
        (drawn.label, name, str(len(knots)), f"{knots[-1][1]:.4g}", si(knots[-1][0], unit))
        for drawn in found
        for name, knots in drawn.curve.runs
    ]
