"""Where the energy of a step goes: parts measured alone, against the training they are the parts of."""

from __future__ import annotations

import math
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from energyprof.compare.breakdown import Breakdown, breakdown, modules
from energyprof.formats.breakdown import blocks_of_the_network
from energyprof.formats.picture import picture
from energyprof.profile.live import Live
from energyprof.report.file import trace_path, write
from energyprof.report.rebuild import Rebuild
from energyprof.report.recompute import recompute
from energyprof.report.record import Phase, Report, Run
from energyprof.trace.rows import Sample
from energyprof.trace.writer import new_trace
from reports import meter, report, run, unmetered_run

SPAN_S = 10.0


def part(name: str, samples: int, energy_j: float, span_s: float = SPAN_S, **terms_j: float) -> Phase:
    u_j = 2 * math.hypot(*terms_j.values())
    return Phase(f"part:{name}", 100.0, 100.0 + span_s, samples, energy_j, u_j, {}, budget_j=terms_j)


def with_parts(made: Run, *parts: Phase) -> Run:
    return replace(made, phases=(*made.phases, *parts))


def taken_apart(**changes: Any) -> Run:
    """1 J a trained sample: 0.1 J of data, 0.8 J of computing and 0.05 J of the optimiser."""
    return with_parts(
        run(1.0, **changes),
        part("data", 5000, 500.0, gain=15.0, edge=2.0),
        part("forward_backward", 1000, 800.0, gain=24.0, edge=3.0),
        part("optimiser", 8000, 400.0, gain=12.0, edge=4.0),
    )


def of(made: Report) -> Breakdown:
    found = breakdown(made)
    assert found is not None
    return found


def test_each_part_takes_its_joules_by_the_samples_that_it_worked_through() -> None:
    found = of(report([taken_apart()]))
    assert [(p.name, p.sample_j, p.power_w) for p in found.parts] == [
        ("data", pytest.approx(0.1), pytest.approx(50)),
        ("forward_backward", pytest.approx(0.8), pytest.approx(80)),
        ("optimiser", pytest.approx(0.05), pytest.approx(40)),
    ]
    assert found.parts[0].sample_u_j == pytest.approx(2 * math.hypot(15, 2) / 5000)
    assert all(p.told for p in found.parts)


def test_the_parts_together_stand_against_the_training() -> None:
    found = of(report([taken_apart()]))
    assert found.together_j == pytest.approx(0.95)
    assert found.train_j == 1.0
    assert found.closure == pytest.approx(0.95)
    # One meter's gain is one error for all parts; the edges are not.
    gain = 15 / 5000 + 24 / 1000 + 12 / 8000
    edge = math.hypot(2 / 5000, 3 / 1000, 4 / 8000)
    assert found.together_u_j == pytest.approx(2 * math.hypot(gain, edge))
    # And it is the training's, too: in the ratio of the two it drops out.
    assert found.closure_u == pytest.approx(0.95 * 2 * edge / 0.95)


def test_runs_are_averaged_and_their_scatter_counts() -> None:
    low, high = (with_parts(run(1.0), part("data", 1000, energy_j)) for energy_j in (90.0, 110.0))
    (data,) = of(report([low, high])).parts
    assert data.sample_j == pytest.approx(math.sqrt(0.09 * 0.11))
    # s = 0.1·√2 in logs, so s/√2 is 0.1 of the mean with one degree of freedom: k = 13.97 (Student's t).
    assert data.sample_u_j == pytest.approx(0.1397, rel=3e-3)
    assert not data.told


def test_a_part_that_takes_no_more_than_its_uncertainty_cannot_be_told() -> None:
    vague = with_parts(run(1.0), part("data", 1000, 10.0, edge=6.0), part("optimiser", 1000, 10.0, edge=4.0))
    assert [p.told for p in of(report([vague])).parts] == [False, True]


def test_a_gain_that_all_parts_share_hides_none_of_them() -> None:
    wide = with_parts(
        run(1.0), part("data", 5000, 500.0, gain=550.0, edge=2.0), part("rest", 1000, 800.0, gain=880.0)
    )
    assert all(p.told for p in of(report([wide])).parts)


def test_a_part_of_few_readings_cannot_be_told() -> None:
    made = with_parts(run(1.0), part("data", 1000, 100.0, span_s=5.0))
    slow = meter(info=replace(meter().info, refresh_s=0.5))
    assert of(report([made])).parts[0].told
    assert not of(report([made], meters=(slow,))).parts[0].told
    beside = replace(slow, counted=False)
    assert of(report([made], meters=(meter(), beside))).parts[0].told


def test_where_no_meter_is_counted_a_part_cannot_be_told() -> None:
    found = of(report([taken_apart()], meters=(meter(counted=False),)))
    assert not any(p.told for p in found.parts)


def test_without_parts_or_joules_there_is_nothing_to_tell() -> None:
    assert breakdown(report([run()])) is None
    assert breakdown(report()) is None
    dark = replace(part("data", 1000, 0.0), energy_j=None)
    assert breakdown(report([with_parts(unmetered_run(), dark)], meters=())) is None
    assert breakdown(report([with_parts(run(), part("data", 0, 1.0))])) is None


def test_a_run_that_broke_off_between_two_parts_does_not_enter() -> None:
    broken = with_parts(run(1.0), part("data", 1000, 900.0))
    found = of(report([taken_apart(), broken]))
    assert found.parts[0].sample_j == pytest.approx(0.1)


def test_without_train_phases_there_is_no_closure() -> None:
    made = taken_apart()
    short = replace(made, phases=tuple(p for p in made.phases if p.name != "train"))
    found = of(report([short]))
    assert (found.train_j, found.closure) == (None, None)
    assert found.together_j == pytest.approx(0.95)


# Name, seconds, watts, samples. Between them the counter runs on; the target is reached with the evaluation.
COURSE = (
    ("startup", 10.0, 30.0, 0),
    ("compile", 10.0, 90.0, 10),
    ("train", 40.0, 100.0, 4000),
    ("eval", 5.0, 60.0, 0),
    ("part:data", 20.0, 40.0, 16000),
    ("part:forward_backward", 20.0, 120.0, 2000),
    ("part:optimiser", 20.0, 50.0, 50000),
    ("part:end", 5.0, 20.0, 0),
)


def recorded(path: Path) -> Report:
    """The course as a training leaves it on the disk: events, and a counter read ten times a second."""
    write(report([]), path)
    trace = new_trace(trace_path(path))
    trace.begin_run()
    trace.event(0, "run", 0.0, {"seed": 0, "monotonic_s": 0.0, "utc": ""})
    trace.event(0, "started", 0.0, {})
    at_s, joules, samples = 0.0, 0.0, 0
    for name, span_s, power_w, more in COURSE:
        trace.event(0, "phase", at_s, {"name": name, "samples": samples})
        for i in range(round(span_s * 10)):
            here_s = at_s + i / 10
            trace.sample(0, "rapl:package-0", here_s, here_s, joules + power_w * i / 10, "")
        at_s, joules, samples = at_s + span_s, joules + power_w * span_s, samples + more
        if name == "eval":
            trace.event(0, "progress", at_s, {"samples": samples, "score": 0.9})
    trace.sample(0, "rapl:package-0", at_s, at_s, joules, "")
    trace.event(0, "end", at_s, {"status": "done", "message": ""})
    trace.event(0, "exit", at_s, {"code": 0})
    trace.end_run()
    rebuild = Rebuild(report([]))
    rebuild.add(trace.rows)
    made = rebuild.report()
    trace.close()
    write(made, path)
    return made


def test_taking_steps_apart_changes_nothing_of_what_the_training_took(tmp_path: Path) -> None:
    (found,) = recorded(tmp_path / "r.json").runs
    assert (found.status, found.samples) == ("reached", 4010)
    assert found.energy_j == pytest.approx(40 * 100 + 5 * 60, abs=0.1)
    assert found.time_s == pytest.approx(45)
    assert found.total_energy_j == pytest.approx(10 * 30 + 10 * 90 + 40 * 100 + 5 * 60, abs=0.1)
    assert found.total_time_s == pytest.approx(65)
    assert [phase.name for phase in found.phases][-2:] == ["part:optimiser", "shutdown"]


def test_a_trace_tells_what_each_part_takes(tmp_path: Path) -> None:
    made = recorded(tmp_path / "r.json")
    found = of(made)
    assert {p.name: p.sample_j for p in found.parts} == {
        "data": pytest.approx(40 * 20 / 16000, rel=1e-3),
        "forward_backward": pytest.approx(120 * 20 / 2000, rel=1e-3),
        "optimiser": pytest.approx(50 * 20 / 50000, rel=1e-3),
    }
    assert found.train_j == pytest.approx(1.0, rel=1e-3)
    assert found.closure == pytest.approx(1.27, rel=1e-3)


@pytest.mark.slow
def test_recomputing_gives_the_same_report_digit_for_digit(tmp_path: Path) -> None:
    made = recorded(tmp_path / "r.json")
    assert recompute(tmp_path / "r.json") == made


@pytest.mark.parametrize("ends", ["part:data", "shutdown"])
def test_the_display_counts_neither_joules_nor_seconds_once_training_is_over(ends: str) -> None:
    """Steps are taken apart after it, or the program takes its time to end, as while another node is late."""
    live = Live(0, 1, 0, [meter()])
    phases = {0: "startup", 1: "compile", 2: "train", 12: ends, 20: "part:end"}
    for half in range(60):
        if half / 2 in phases:
            live.phase(half / 2, phases[half // 2])
        live.sample(0, Sample(half / 2, half / 2, 50.0 * half))
    now = live.snapshot(30.0)
    assert now.train_s == pytest.approx(10)
    assert now.joules == pytest.approx(950, abs=0.1)  # the last reading came half a second before the part


@pytest.mark.slow
def test_the_picture_names_parts_in_lines_no_wider_than_it(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    drawn = picture(recorded(path), path, 80)
    assert drawn is not None
    out = StringIO()
    Console(file=out, width=80).print(drawn)
    assert all(len(line.rstrip()) <= 80 for line in out.getvalue().splitlines())
    assert "d data  f forward_backward" in " ".join(out.getvalue().split("\n"))
    assert "part:" not in out.getvalue()


def with_blocks(network_j: float, *blocks_j: float, **terms_j: float) -> Report:
    blocks = [part(f"module:{name}", 100, j, **terms_j) for name, j in zip("abc", blocks_j, strict=False)]
    return report([with_parts(run(1.0), part("module:network", 100, network_j, **terms_j), *blocks)])


def test_blocks_stand_against_the_network_and_not_among_the_parts_of_a_step() -> None:
    made = with_blocks(100.0, 60.0, 45.0, gain=3.0)
    assert breakdown(made) is None
    found = modules(made)
    assert found is not None
    assert [(p.name, p.sample_j) for p in found.parts] == [
        ("a", pytest.approx(0.6)),
        ("b", pytest.approx(0.45)),
    ]
    assert (found.together_j, found.train_j) == (pytest.approx(1.05), pytest.approx(1.0))
    assert found.closure == pytest.approx(1.05)


@pytest.mark.parametrize(
    ("blocks_j", "says"),
    [
        ((50.0, 50.0), "the parts add up to the network within their uncertainty"),
        ((80.0, 60.0), "alone, the parts take more than in the network"),
        ((30.0, 20.0), "alone, the parts take less than in the network"),
    ],
)
def test_what_blocks_add_up_to_is_said(blocks_j: tuple[float, float], says: str) -> None:
    out = StringIO()
    shown = blocks_of_the_network(with_blocks(100.0, *blocks_j, edge=2.0))
    assert shown is not None
    Console(file=out, width=80).print(shown)
    assert says in out.getvalue()
    assert max(map(len, out.getvalue().splitlines())) <= 80


def test_levels_that_are_nested_in_levels_are_told_by_their_numbers_on_one_line_each() -> None:
    names = ("model.0", "model.1.submodule.1.submodule.1.submodule.2")
    blocks = [part(f"module:{name}", 100, 50.0, edge=2.0) for name in names]
    shown = blocks_of_the_network(
        report([with_parts(run(1.0), part("module:network", 100, 100.0, edge=2.0), *blocks)])
    )
    out = StringIO()
    Console(file=out, width=80).print(shown)
    assert [line.split()[0] for line in out.getvalue().splitlines()[2:4]] == ["model.0", "model.1.1.1.2"]


def test_a_report_without_blocks_has_none() -> None:
    assert modules(report([taken_apart()])) is None
