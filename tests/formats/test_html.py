"""The HTML page: it holds the figures, hides nothing, loads nothing, and is safe to open."""

from __future__ import annotations

import io
import itertools
import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from formats.pages import SPIKE_W, Reader, drawn, saved, several, two_meters

from energyprof.compare.compared import Comparison
from energyprof.compare.comparison import compare
from energyprof.compare.emissions import of_number
from energyprof.formats import factors, wording
from energyprof.formats import json as as_json
from energyprof.formats.html import plot, style
from energyprof.formats.html.figures import _around
from energyprof.formats.html.page import page
from energyprof.report.record import Report
from reports import at, program, report, run, unmetered_run

BASE, LESS = several(1.0, 1.01, 0.99), several(0.8, 0.81, 0.79)


def test_the_figures_of_the_json_stand_in_the_page_as_words_and_as_data() -> None:
    comparison = compare([BASE, LESS], ["a", "b"])
    read = Reader(drawn(BASE, LESS))
    out = io.StringIO()
    as_json.write_comparison(comparison, out)
    assert read.comparison == json.loads(out.getvalue())
    for entry in comparison.entries:
        for estimate in entry.estimates:
            assert factors.mean(entry, estimate) in read.said
            if estimate.change is not None:
                assert factors.times(estimate.change) in read.said
    assert "1.25 ± 0.03 × less beyond chance" in read.said
    assert "b best" in read.said


@pytest.mark.slow
def test_everything_is_drawn(tmp_path: Path) -> None:
    said = Reader(drawn(BASE, LESS, folder=tmp_path)).said
    for heading in (
        "2 reports compared",
        "Figures with their intervals",
        "Energy to target, taken apart",
        "Score and energy",
        "Power over time",
        "Energy by phase",
        "Energy of a step",
        "Machines and meters",
    ):
        assert heading in said, heading


def test_a_single_report_has_a_page_too(tmp_path: Path) -> None:
    read = Reader(drawn(BASE, folder=tmp_path))
    assert "unet tiny: energy to train" in read.said
    assert "against the first" not in read.said
    assert len(read.comparison["entries"]) == 1


def test_what_was_measured_and_does_not_count_is_not_said_to_be_unmeasured(tmp_path: Path) -> None:
    said = Reader(drawn(report([run(status="interrupted")]), folder=tmp_path)).said
    assert "left out: interrupted" in said and "no run counts: why stands above" in said
    assert "energy not measured" not in said
    assert "energy not measured" in Reader(drawn(report([unmetered_run()], boundary=None, meters=()))).said


@pytest.mark.parametrize("u_rel", [0.05, 0.87])
def test_an_interval_is_drawn_as_wide_as_it_is_told(u_rel: float) -> None:
    (entry,) = compare([report([run(u_rel=u_rel)])], ["a"]).entries
    estimate = entry.estimate("energy_to_target")
    assert estimate is not None and estimate.u_rel is not None
    low, high = _around(estimate) or (0.0, 0.0)
    assert high == pytest.approx(1 / low)
    told = wording.with_meters(estimate)
    assert told in (f"±{wording.share(math.log(high))}", f"× ÷ {high:.2g}"), told


@pytest.mark.parametrize(
    "contents",
    [
        [report([])],
        [report([unmetered_run()], boundary=None, meters=())],
        [program(100.0, 101.0), program(90.0)],
        [report([run(score=None, history=())])],
        [report([run(status="failed", phases=(), history=())])],
        [at(1e-100, 1e100), at(1e100, 1.0)],
        [report([run(score=-1.0), run(score=0.5)]), at(1.0)],
    ],
)
def test_poor_reports_make_poor_pages_and_no_crash(contents: list[Report]) -> None:
    text = drawn(*contents, allow=["task", "boundary", "origin", "meters"])
    assert Reader(text).comparison["schema"] == "energyprof.comparison/1"
    assert not re.search(r"\b(nan|inf)\b", text)


def test_runs_without_phases_or_samples_of_a_meter_have_no_power_to_draw(tmp_path: Path) -> None:
    nothing = report([run(phases=())])
    trace = saved(BASE, tmp_path / "x.json").with_name("x.trace.csv.gz")
    said = Reader(page(compare([nothing, BASE], ["a", "b"]), [nothing, BASE], [trace, None])).said
    assert "No run has phases to draw." in said
    assert "No trace lies beside b, so there is no power to draw." in said
    other = replace(at(1.0), meters=two_meters()[1:])
    said = Reader(page(compare([other], ["a"]), [other], [trace])).said
    assert "The trace holds no readings of this run." in said


EVIL = '"><script>x</script></script><!--<img src=x onerror=y>\x1b[31m&lt;'


@pytest.mark.slow
def test_nothing_that_a_report_says_becomes_markup(tmp_path: Path) -> None:
    made = several(1.0, 1.1, name=EVIL, config={EVIL: EVIL}, machine={"id": "1", "host": EVIL, EVIL: [EVIL]})
    strange = replace(made.runs[0].phases[0], name=EVIL)
    made = replace(made, runs=tuple(replace(r, phases=(strange, *r.phases[1:])) for r in made.runs))
    plug = replace(made.meters[0], method=EVIL, info=replace(made.meters[0].info, gain_source=EVIL))
    made = replace(made, meters=(plug,))
    path = saved(made, tmp_path / "a.json")
    comparison = compare([made, BASE], [EVIL, "b"], allow=["task", "meters"])
    text = page(comparison, [made, BASE], [path.with_name("a.trace.csv.gz"), None])
    read = Reader(text)
    assert "\x1b" not in text
    assert [tag for tag, _ in read.elements if tag in ("img", "script")] == ["script"]
    assert not any(name.startswith("on") for _, attributes in read.elements for name in attributes)
    assert read.comparison["entries"][0]["label"] == EVIL
    assert EVIL.replace("\x1b", "?").replace("&lt;", "") in "".join(read.words).replace("&lt;", "")


@pytest.mark.slow
def test_the_page_asks_nobody_for_anything(tmp_path: Path) -> None:
    text = drawn(BASE, LESS, folder=tmp_path)
    read = Reader(text)
    assert not re.search(r"https?:|//|url\(|@import|<link|<iframe", text)
    policies = [m["content"] for m in read.of("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policies and policies[0] is not None and policies[0].startswith("default-src 'none'")
    assert [m.get("type") for m in read.of("script")] == ["application/json"]


@pytest.mark.slow
def test_an_estimate_is_marked_wherever_its_joules_stand(tmp_path: Path) -> None:
    read = Reader(drawn(several(1.0, 1.1, origin="modelled"), folder=tmp_path))
    assert "ESTIMATE" in read.said and "≈ 1.05 J" in read.said and "a ≈ 1.10 kJ" in read.said
    assert "≈: an estimate, not a measurement." in read.said
    assert "ESTIMATE" not in Reader(drawn(BASE, folder=tmp_path / "measured")).said


def test_what_was_overlooked_and_left_out_stands_at_the_top() -> None:
    other = several(1.0, 1.1, name="resnet")
    broken = replace(BASE, runs=(*BASE.runs, run(status="failed", exit_code=3)))
    said = Reader(drawn(broken, other, allow=["task"])).said
    top = said[: said.index("Figures with their intervals")]
    assert "allowed to differ, task: name is unet in a, resnet in b" in top
    assert "a: run 4 (seed 0) left out: failed with exit code 3" in top


def test_emissions_come_with_their_grid() -> None:
    read = Reader(drawn(BASE, grid=of_number(100.0)))
    # 1050 J at 100 g/kWh.
    assert "emissions" in read.said and "29.2 mg" in read.said
    assert "100 g CO2e/kWh" in read.said


def test_machines_that_differ_are_named_and_get_no_verdict() -> None:
    there = several(
        0.5, 0.51, machine={"id": "sha256:there", "host": "there", "cpu": "EPYC", "governor": "x"}
    )
    read = Reader(drawn(BASE, there))
    assert "Machine differences" in read.said and "EPYC" in read.said and "governor" in read.said
    assert "Figures only, no verdict" in read.said and "beyond chance" not in read.said


@pytest.mark.slow
def test_the_power_of_each_meter_keeps_its_peak(tmp_path: Path) -> None:
    made = replace(BASE, meters=two_meters())
    read = Reader(drawn(made, folder=tmp_path))
    names = [m["aria-label"] or "" for m in read.of("svg") if m.get("role") == "img"]
    for name in ("rapl:package-0", "shelly:0"):
        assert [n for n in names if n.startswith(f"{name}: ") and f"{SPIKE_W:.0f} W at most" in n]
    assert "shelly:0, machine, beside the total (W)" in read.said
    assert "run 1 (seed 0) of 3, the one of median energy" in read.said


def test_a_trace_that_cannot_be_read_is_said_so_and_the_rest_is_drawn(tmp_path: Path) -> None:
    path = saved(BASE, tmp_path / "a.json")
    trace = path.with_name("a.trace.csv.gz")
    trace.write_bytes(b"no gzip")
    said = Reader(page(compare([BASE], ["a"]), [BASE], [trace])).said
    assert "The trace cannot be drawn" in said and "Energy by phase" in said


@pytest.mark.slow
def test_many_meters_and_reports_leave_a_page_that_opens(tmp_path: Path) -> None:
    made = replace(
        BASE,
        meters=tuple(
            replace(BASE.meters[0], name=f"rapl:{i}", info=replace(BASE.meters[0].info, name=f"rapl:{i}"))
            for i in range(16)
        ),
    )
    read = Reader(drawn(*[replace(made, runs=made.runs[:1])] * 2, folder=tmp_path))
    assert "4 more meters are not drawn" in read.said
    twenty = drawn(*[several(1.0 + 0.1 * i, 1.01 + 0.1 * i) for i in range(20)])
    assert len(twenty) < 2_000_000
    assert "Lines: the mean of each report's runs" in Reader(twenty).said


def test_every_drawing_has_words_and_every_table_cell_a_head() -> None:
    read = Reader(drawn(BASE, LESS))
    for attributes in read.of("svg"):
        assert attributes.get("aria-label") or attributes.get("aria-hidden") == "true"
    assert {attributes.get("scope") for attributes in read.of("th") if attributes} <= {
        "col",
        "row",
        "rowgroup",
    }
    assert read.of("html") == [{"lang": "en"}]


@pytest.mark.parametrize("high", [0.003, 0.7, 1.0, 9.0, 12.0, 99.0, 1234.0, 5e7])
def test_ticks_are_round_few_and_within_the_axis(high: float) -> None:
    axis = plot.axis(0.0, high, "energy", "J")
    steps = {round(b - a, 12) for (a, _), (b, _) in itertools.pairwise(axis.ticks)}
    assert 3 <= len(axis.ticks) <= plot.MOST_TICKS + 1
    assert len({f"{step:.6g}" for step in steps}) == 1
    assert all(0 <= value <= high * (1 + 1e-9) for value, _ in axis.ticks)
    unit = axis.name.removeprefix("energy (").removesuffix(")")
    factor = {"µJ": 1e-6, "mJ": 1e-3, "J": 1.0, "kJ": 1e3, "MJ": 1e6}[unit]
    assert [float(word) * factor for _, word in axis.ticks] == pytest.approx(
        [value for value, _ in axis.ticks]
    )


@pytest.mark.parametrize(
    ("low", "high"), [(1.0, 1.0), (0.98, 1.3), (0.3, 1.5), (0.9, 9.0), (1e-4, 1e5), (1e-300, 1e300)]
)
def test_the_scale_of_ratios_always_shows_one(low: float, high: float) -> None:
    axis = plot.ratio_axis(low, high)
    assert any(math.isclose(value, 1) and word == "× 1" for value, word in axis.ticks)
    assert len(axis.ticks) <= plot.MOST_TICKS + 1
    assert axis.low <= low and axis.high >= high
    assert axis.share(axis.low) == 0 and axis.share(axis.high) == pytest.approx(1)


def test_time_axes_have_the_unit_a_person_would_take() -> None:
    assert [plot.axis(0, s, "time", "s").name for s in (30, 600, 20000)] == [
        "time (s)",
        "time (min)",
        "time (h)",
    ]


# What is left of linear RGB without the red or the green cones: Machado, Oliveira and Fernandes (2009), IEEE
# Transactions on Visualization and Computer Graphics 15, at severity 1.
CONES = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "no green": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.01182, 0.04294, 0.968881),
    ),
}


def linear(colour: str) -> list[float]:
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]


def luminance(rgb: Sequence[float]) -> float:
    return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]


def lab(rgb: Sequence[float]) -> tuple[float, float, float]:
    """CIE L*a*b* under D65."""
    r, g, b = (min(1.0, max(0.0, c)) for c in rgb)
    x, z = 0.4124 * r + 0.3576 * g + 0.1805 * b, 0.0193 * r + 0.1192 * g + 0.9505 * b
    f = [
        t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116
        for t in (x / 0.9505, luminance((r, g, b)), z / 1.089)
    ]
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])


@pytest.mark.parametrize("theme", [0, 1])
def test_the_colours_stand_out_and_apart_for_all_eyes(theme: int) -> None:
    colours = (*(style.LIGHT, style.DARK)[theme], style.REST[theme])
    paper = luminance(linear(style.PAPER[theme]))
    for colour in colours:
        dark, bright = sorted((paper, luminance(linear(colour))))
        assert (bright + 0.05) / (dark + 0.05) >= 3, colour
    for eyes in CONES.values():
        seen = [
            lab([sum(m * c for m, c in zip(row, linear(x), strict=True)) for row in eyes]) for x in colours
        ]
        # 2.3 is a just noticeable difference (Mahy, Van Eycken and Oosterlinck 1994).
        assert min(math.dist(a, b) for a, b in itertools.combinations(seen, 2)) > 15


def test_the_same_reports_make_the_same_page() -> None:
    def made() -> Comparison:
        return compare([BASE, LESS], ["a", "b"])

    assert page(made(), [BASE, LESS], [None, None]) == page(made(), [BASE, LESS], [None, None])


def test_no_two_phases_share_a_shade_but_the_machine_at_rest() -> None:
    names = ["idle", "startup", "encode", "decode", "warmup", "train", "aggregate", "eval", "checkpoint"]
    colours = style.phase_colours([*names, "shutdown", "cooldown"])
    assert colours["idle"] == colours["cooldown"]
    assert len(set(colours.values())) == len(colours) - 1
    shown = plot.filled(colours)
    assert "idle, cooldown" in shown and shown.count("<li>") == len(colours) - 1
