"""Where the energy goes: by phase of the run, and within a training step by its parts, as stacked bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from energyprof.compare.breakdown import Breakdown, breakdown
from energyprof.compare.budget import counting
from energyprof.formats.breakdown import HINT, UNTOLD
from energyprof.formats.html.plot import filled
from energyprof.formats.html.style import colour, phase_colours
from energyprof.formats.html.tags import Markup, numbers, paragraph, section, tag, text
from energyprof.formats.phase_sums import PhaseSums, by_name, longest
from energyprof.report.phases import PART
from energyprof.report.record import Report
from energyprof.units import joules, seconds, watts, with_ends

# The machine before the program started and after it ended: measured, but not spent on the training.
LOOKS = ("idle", "cooldown")
# More would be stripes that nobody can tell apart.
MOST_NAMES = 100


def phases(reports: Sequence[Report], labels: Sequence[str]) -> Markup | None:
    """The section on phases, with a hint where the parts of a step could be measured but were not.

    ``None`` if none has energy.
    """
    found = [
        (label, report, sums)
        for label, report in zip(labels, reports, strict=True)
        if _total(sums := _by_phase(report)) > 0
    ]
    if not found:
        return None
    names = list(dict.fromkeys(name for _, _, sums in found for name in sums))
    colours = phase_colours(names)
    most = max(_total(sums) for _, _, sums in found) or 1.0
    bars = _bars(
        (label + _mark(report), [(n, j, colours[n]) for n, (_, j) in sums.items() if j], _total(sums), most)
        for label, report, sums in found
    )
    rows = [
        (label, name, seconds(time_s), _joules(energy_j), _watts(energy_j, time_s))
        for label, _, sums in found
        for name, (time_s, energy_j) in sums.items()
    ]
    note = "Mean over the runs, from the program's start to its end; phases of the same name are added up."
    figure = tag(
        "figure",
        filled(colours),
        bars,
        tag("figcaption", text(note), class_="note"),
        numbers(("report", "phase", "time", "energy", "power"), rows),
    )
    could = any(report.workload.size and report.meters for report in reports)
    hint = [paragraph(HINT)] if could and not any(map(breakdown, reports)) else []
    return section("Energy by phase", figure, *hint)


def steps(reports: Sequence[Report], labels: Sequence[str]) -> Markup | None:
    """The section on the parts of a step; ``None`` if they were measured in no report."""
    found = [(label, r, b) for label, r in zip(labels, reports, strict=True) if (b := breakdown(r))]
    if not found:
        return None
    names = list(dict.fromkeys(part.name for _, _, b in found for part in b.parts))
    colours = {name: colour(i) for i, name in enumerate(names)}
    most = max(b.together_j for _, _, b in found) or 1.0
    bars = _bars(
        (
            label + _mark(report),
            [(_name(part.name), part.sample_j, colours[part.name]) for part in b.parts if part.sample_j > 0],
            b.together_j,
            most,
        )
        for label, report, b in found
    )
    note = "Each part of a step alone, after the training, per sample; the parts may overlap in training."
    figure = tag(
        "figure",
        filled({_name(name): colours[name] for name in names}),
        bars,
        tag("figcaption", text(note), class_="note"),
        numbers(
            ("report", "part", "a sample", "power"), [r for label, _, b in found for r in _rows(label, b)]
        ),
    )
    return section("Energy of a step", figure)


def _by_phase(report: Report) -> PhaseSums:
    runs = counting(report)
    spent = (phase for run in runs for phase in run.phases if phase.name not in LOOKS)
    sums = longest(by_name(phase for phase in spent if not phase.name.startswith(PART)), MOST_NAMES)
    return {name: (s / len(runs), None if j is None else j / len(runs)) for name, (s, j) in sums.items()}


def _total(sums: PhaseSums) -> float:
    return sum(joules or 0.0 for _, joules in sums.values())


def _bars(rows: Iterable[tuple[str, list[tuple[str, float, str]], float, float]]) -> Markup:
    """A bar for each row: its name, the pieces, their sum, and what the full width stands for."""
    parts = []
    for name, pieces, total_j, most_j in rows:
        stretches = [
            tag(
                "span",
                title=f"{piece}: {joules(j)}",
                style=f"width:{100 * j / most_j:.2f}%;background:{fill}",
            )
            for piece, j, fill in pieces
        ]
        words = f"{name}: {', '.join(f'{piece} {joules(j)}' for piece, j, _ in pieces)}"
        bar = tag("div", *stretches, class_="bar", role="img", aria_label=words)
        amount = tag("span", text(joules(total_j)), class_="total")
        parts += [tag("div", text(f"{name} "), amount), bar]
    return tag("div", *parts, class_="bars")


def _rows(label: str, found: Breakdown) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        (
            label,
            _name(part.name),
            with_ends(part.sample_j, *part.sample_ends_j, "J") + ("" if part.told else f" ({UNTOLD})"),
            watts(part.power_w) if part.told else "–",
        )
        for part in found.parts
    ]
    rows.append((label, "together", with_ends(found.together_j, *found.together_ends_j, "J"), ""))
    if found.train_j is not None:
        low, high = found.train_ends_j or (None, None)
        shown = with_ends(found.train_j, low, high, "J")
        rows.append((label, "in training", shown, ""))
    return rows


def _mark(report: Report) -> str:
    return " (estimate)" if report.origin != "measured" else ""


def _name(part: str) -> str:
    return {"forward_backward": "forward, backward"}.get(part, part.replace("_", " "))


def _joules(energy_j: float | None) -> str:
    return "–" if energy_j is None else joules(energy_j)


def _watts(energy_j: float | None, time_s: float) -> str:
    return "–" if energy_j is None or time_s <= 0 else watts(energy_j / time_s)
