"""A placement as one page: the grids over the job's time, and under them what each policy does where."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from energyprof import files
from energyprof.formats import placement as words
from energyprof.formats.html.document import data_block, document
from energyprof.formats.html.plot import SIZE, XY, Axis, area, at, axis, column, filled, legend, path, plot
from energyprof.formats.html.style import DASHES, LIGHT, colour, phase_colours
from energyprof.formats.html.tags import Markup, paragraph, section, table, tag, text
from energyprof.formats.simulation_words import energy, mass
from energyprof.simulate.placement.plan import carbon_so_far
from energyprof.simulate.placement.policies import Judged, Placement

HEIGHT_PX, MACHINES_PX = 150, 60
_HOW = (
    "Lines: what a kWh at the machines emits at each site, the data centre's overhead included. Background: "
    "where and when the plan trains; the darker, the more power. Under it, how many machines run there."
)
_CARBON = "What each policy has emitted by then, checkpoints and moves included."
# A policy that ends with more than so many times the median would press the others together.
MOST_OF_MEDIAN = 3.0


def write_placement_page(place: Path, found: Placement) -> None:
    """Write the page. Raises FileError: it cannot be written."""
    files.write_text(place, placement_page(found))


def placement_page(found: Placement) -> str:
    """The whole page as HTML."""
    header = [paragraph(words.HEAD, "warn")]
    data = data_block("placement", words.placement_json(found))
    return document(found.grid.job.name, header, _sections(found), data)


def _sections(found: Placement) -> Iterator[Markup]:
    yield section("What each policy takes", _figures(found))
    names = [site.name for site in found.grid.sites]
    colours = phase_colours(names)
    shown = filled(colours)
    drawn = [_drawn(found, judged, colours) for judged in found.policies if judged.plan is not None]
    yield section("Carbon as time goes on", paragraph(_CARBON), _carbon(found))
    yield section("Where and when", paragraph(_HOW), shown, *drawn)


def _carbon(found: Placement) -> Markup:
    grid, step_h = found.grid, found.grid.job.step_s / 3600
    x = axis(0.0, grid.steps * step_h, "time after the start (h)")
    planned = [(j.policy, carbon_so_far(grid, j.plan)) for j in found.policies if j.plan is not None]
    ends_g = [1e3 * float(kg[-1]) for _, kg in planned]
    top_g = min(max(ends_g), MOST_OF_MEDIAN * statistics.median(ends_g))
    y = axis(0.0, top_g, "CO2e", "g")
    marks, items = [], []
    for i, (policy, kg) in enumerate(planned):
        style = f"stroke:{colour(i)};stroke-dasharray:{DASHES[i // len(LIGHT)]}"
        points: list[XY] = [(0.0, 0.0), *(((s + 1) * step_h, 1e3 * float(v)) for s, v in enumerate(kg))]
        marks.append(path([at(x, y, point) for point in _below(points, top_g)], class_="curve", style=style))
        beyond = f", beyond the top: ends at {mass(ends_g[i] / 1e3)}" if ends_g[i] > top_g else ""
        items.append((policy + beyond, path([(0, 8), (32, 8)], class_="curve", style=style)))
    shown = plot(marks, x, y, title="carbon emitted by each policy over time", height_px=HEIGHT_PX)
    return tag("figure", shown, legend(items))


def _below(points: Sequence[XY], top: float) -> list[XY]:
    """The rising line as far as it lies within the drawing, to the point where it leaves that."""
    inside = [point for point in points if point[1] <= top]
    if len(inside) < len(points):
        (x0, y0), (x1, y1) = inside[-1], points[len(inside)]
        inside.append((x0 + (x1 - x0) * (top - y0) / (y1 - y0), top))
    return inside


def _figures(found: Placement) -> Markup:
    rows = []
    for judged in found.policies:
        taken = judged.outcome
        if taken is None:
            rows.append([text(judged.policy), text("–"), text("–"), text("–"), text(judged.why)])
            continue
        saves = "" if judged.saving is None else f"{100 * judged.saving:.1f} %"
        rows.append(
            [
                text(judged.policy),
                text(energy(taken.energy_j)),
                text(mass(taken.carbon_kg)),
                text(f"{taken.ends_s / 3600:.4g} h"),
                text("; ".join(filter(None, [saves and f"saves {saves}", *judged.notes]))),
            ]
        )
    return table(["policy", "energy", "CO2e", "ends after", ""], rows)


def _drawn(found: Placement, judged: Judged, colours: dict[str, str]) -> Markup:
    grid, job, plan = found.grid, found.grid.job, judged.plan
    assert plan is not None  # the caller saw to it
    hours = grid.steps * job.step_s / 3600
    x = axis(0.0, hours, "time after the start (h)")
    y = axis(0.0, float(grid.g_per_kwh.max()), "g/kWh")
    most_w = float(plan.joules.max()) / job.step_s or 1.0
    marks: list[Markup] = []
    for row in words.stretches(found, judged.policy):
        start, end = row["from"] * job.step_s / 3600, row["until"] * job.step_s / 3600
        marks.append(
            column(
                SIZE * x.share(start),
                SIZE * x.share(end),
                style=f"fill:{colours[row['site']]}",
                opacity=round(0.15 + 0.4 * row["power_w"] / most_w, 3),
            )
        )
    for index, site in enumerate(grid.sites):
        points: list[XY] = []
        for step in range(grid.steps):
            value = float(grid.g_per_kwh[index, step])
            points += [(step * job.step_s / 3600, value), ((step + 1) * job.step_s / 3600, value)]
        line = path([at(x, y, point) for point in points], style=f"stroke:{colours[site.name]}", fill="none")
        marks.append(line)
    title = f"{judged.policy}: intensities over {hours:g} h and where it trains"
    lower = _machines(found, judged, x, colours)
    return section(judged.policy, plot(marks, x, y, title=title, height_px=HEIGHT_PX), lower)


def _machines(found: Placement, judged: Judged, x: Axis, colours: dict[str, str]) -> Markup:
    """Bars from the ground up, over the same time."""
    grid = found.grid
    most = max(1.0, *(level.machines for site in range(len(grid.sites)) for level in grid.levels(site)))
    y = axis(0.0, most, "machines")
    marks = []
    for row in words.stretches(found, judged.policy):
        start, end = (row[key] * grid.job.step_s / 3600 for key in ("from", "until"))
        lower, upper = (
            [at(x, y, (when, level)) for when in (start, end)] for level in (0.0, row["machines"])
        )
        marks.append(area(lower, upper, style=f"fill:{colours[row['site']]}"))
    title = f"{judged.policy}: machines that run"
    return plot(marks, x, y, title=title, height_px=MACHINES_PX)
