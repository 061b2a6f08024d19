"""A machine against its own controls."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from energyprof.compare.gate.accepted import SCHEMA, Accepted
from energyprof.compare.gate.check import check, check_history
from energyprof.compare.gate.control import (
    CORRELATED,
    REFERENCE_SESSIONS,
    Control,
    Controls,
    control_of,
    fitness,
    reference,
)
from energyprof.compare.gate.control_folder import accept_newest, controls_in
from energyprof.compare.gate.fit_for import too_few
from energyprof.compare.gate.history import History
from energyprof.compare.gate.waivers import Waiver, Waivers
from energyprof.compare.statistics.student import t_quantile
from energyprof.errors import FileError
from energyprof.formats.control import as_json, control_data
from energyprof.report.file import write
from energyprof.report.flags import Flag
from energyprof.report.record import Report
from fakes.controls import FIVE, control
from reports import PER_SAMPLE, at

OTHER = {"id": "sha256:there", "host": "there", "cpu": "EPYC", "threads": 8, "gpus": []}


def named(*reports: Report) -> tuple[Control, ...]:
    return tuple(control_of(one, f"c{i}") for i, one in enumerate(reports))


def history(*more: Report, marks: tuple[Accepted, ...] = ()) -> Controls:
    five = [control(day, factor) for day, factor in enumerate(FIVE, 1)]
    return Controls(named(*five, *more), marks)


def test_a_machine_as_it_was_is_fit() -> None:
    found = fitness(control_of(control(8), "new"), history())
    assert (found.standing, found.sessions, found.reasons) == ("fit", 5, ())
    assert [one.figure for one in found.deviations] == [
        "idle power",
        "energy of a million rounds, CPU",
        "time of a million rounds, CPU",
        "CPU clock",
        "CPU temperature",
    ]


def test_one_that_takes_a_tenth_more_has_drifted_and_each_figure_is_named_with_its_numbers() -> None:
    found = fitness(control_of(control(8, 1.1), "new"), history())
    assert found.standing == "drifted"
    assert [why.code for why in found.reasons] == ["machine_drifted"] * 3
    idle = found.reasons[0]
    assert idle.words.startswith("idle power: 22 W, above 19.")
    # Five figures share 5 % two-sided: 0.5 % on each side with 4 degrees of freedom, for one further value.
    assert idle.numbers["k"] == pytest.approx(t_quantile(0.995, 4) * math.sqrt(1.2) * CORRELATED)
    assert idle.numbers["sd"] == pytest.approx(0.005, rel=0.01)
    assert idle.numbers["expected"] == pytest.approx(20.0, rel=1e-4)


def test_one_that_takes_a_tenth_less_is_not_what_it_was_either() -> None:
    assert fitness(control_of(control(8, 0.9), "new"), history()).standing == "drifted"


def test_heat_counts_in_kelvin() -> None:
    assert fitness(control_of(control(8, warm_c=63.9), "new"), history()).standing == "fit"
    found = fitness(control_of(control(8, warm_c=75.0), "new"), history())
    assert [why.numbers["figure"] for why in found.reasons] == ["CPU temperature"]


def test_a_change_that_does_not_matter_is_no_drift_however_alike_the_sessions() -> None:
    alike = Controls(named(*(control(day) for day in range(1, 7))))
    assert fitness(control_of(control(8, 1.015), "new"), alike).standing == "fit"
    assert fitness(control_of(control(8, 1.025), "new"), alike).standing == "drifted"


def test_fewer_than_five_sessions_tell_nothing() -> None:
    four = Controls(history().controls[:4])
    assert fitness(control_of(control(8, 2.0), "new"), four).standing == "unknown"


def test_controls_of_another_python_do_not_count_and_that_is_said() -> None:
    made = control(8)
    told = {**made.runs[0].facts["control"], "python": "3.12"}
    other = replace(made, runs=(replace(made.runs[0], facts={"control": told}),))
    found = fitness(control_of(other, "new"), history())
    assert (found.standing, found.sessions, found.unlike) == ("unknown", 0, 5)
    assert too_few(found).endswith("(5 more were of other seconds, CPUs, Python or PyTorch)")


def test_several_controls_of_an_hour_are_one_session() -> None:
    again = [replace(control(5, 2.0), created=f"2026-01-05T08:{m}:00Z") for m in (20, 40)]
    found = reference(control_of(control(8), "new"), history(*again))
    assert [one.name for one in found] == ["c0", "c1", "c2", "c3", "c4"]


def test_controls_of_the_same_hour_are_no_history() -> None:
    new = control_of(replace(control(5), created="2026-01-05T08:30:00Z"), "new")
    assert len(reference(new, history())) == 4


def test_a_slow_drift_does_not_carry_its_reference_along() -> None:
    days = [control(day, 1 + 0.002 * day) for day in range(1, 28)]
    found = reference(control_of(control(28), "new"), Controls(named(*days)))
    assert [one.name for one in found] == [f"c{i}" for i in range(REFERENCE_SESSIONS)]


@pytest.mark.parametrize(
    "other",
    [
        control(6, 2.0, machine=OTHER),
        control(6, 2.0, config={"version": 2}),
        control(6, 2.0, flags=[Flag("throttled", "nvml:0")]),
    ],
    ids=["another machine", "other work", "throttled"],
)
def test_what_says_nothing_of_the_machine_is_no_history(other: Report) -> None:
    assert len(reference(control_of(control(8), "new"), history(other))) == 5


@pytest.mark.parametrize("flag", [Flag("throttled", "nvml:0"), Flag("foreign", "the CPUs"), Flag("not_idle")])
def test_a_disturbed_control_is_unfit_with_the_flags_code(flag: Flag) -> None:
    found = fitness(control_of(control(8, flags=[flag]), "new"), history())
    assert (found.standing, [why.code for why in found.reasons]) == ("disturbed", ["machine_disturbed"])
    assert found.reasons[0].numbers["why"] == flag.kind


def test_without_a_meter_seconds_and_clocks_tell() -> None:
    bare = [control(day, factor, origin="modelled", idle_w=None) for day, factor in enumerate(FIVE, 1)]
    new = control_of(control(8, 1.1, origin="modelled", idle_w=None), "new")
    found = fitness(new, Controls(named(*bare)))
    assert [why.numbers["figure"] for why in found.reasons] == ["time of a million rounds, CPU"]


def test_facts_that_are_none_of_ours_are_no_figures() -> None:
    made = control(8)
    for facts in ({}, {"control": 3}, {"control": {"work": [1], "cpu_mhz": "fast", "cpu_c": float("nan")}}):
        odd = replace(made, runs=(replace(made.runs[0], facts=facts),))
        assert [one.figure for one in control_of(odd, "odd").readings] == ["idle power"]


@pytest.mark.slow
@hypothesis.given(
    st.lists(st.floats(1e-300, 1e300), min_size=5, max_size=9),
    st.floats(1e-300, 1e300),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    ),
)
def test_no_figure_makes_it_raise_and_none_is_written_that_is_no_number(factors, new, facts) -> None:
    def made(day: int, factor: float) -> Report:
        one = control(day, factor)
        told = {**one.runs[0].facts["control"], "work": {"CPU": facts}, "cpu_mhz": facts}
        return replace(one, runs=(replace(one.runs[0], facts={"control": told}),))

    known = Controls(named(*(made(day, factor) for day, factor in enumerate(factors, 1))))
    found = fitness(control_of(made(20, new), "new"), known)
    json.loads(as_json(control_data(found, None)), parse_constant=pytest.fail)


def mark(day: int) -> Accepted:
    return Accepted(SCHEMA, f"2026-01-{day:02}T08:00:00Z", "control", "a new fan")


def test_from_an_accepted_control_on_nothing_before_it_counts() -> None:
    later = [control(day, 1.2 * factor) for day, factor in enumerate(FIVE, 8)]
    known = history(*later, marks=(mark(8),))
    assert len(reference(control_of(control(9), "new"), known)) == 1
    assert fitness(control_of(control(20, 1.2), "new"), known).standing == "fit"
    assert fitness(control_of(control(20, 1.0), "new"), known).standing == "drifted"


# Reports of day 1 and day 8.
BASE = replace(at(0.99, 1.0, 1.01), created="2026-01-01T10:00:00Z")
NEW = replace(BASE, created="2026-01-08T10:00:00Z")


def test_a_verdict_of_a_fit_machine_stands() -> None:
    result = check(NEW, BASE, PER_SAMPLE, controls=history(control(8)))
    assert result.outcome == "PASS"
    assert any("baseline: 0 earlier sessions of controls" in note for note in result.notes)


def test_a_verdict_of_an_unfit_machine_is_invalid_by_name() -> None:
    result = check(NEW, BASE, PER_SAMPLE, controls=history(control(8, 1.1)))
    assert (result.outcome, result.verdicts) == ("INVALID", ())
    assert result.invalid[0].startswith("new, control c5: idle power: 22 W, above ")
    assert {one.code for one in result.reasons} == {"machine_drifted"}


def test_a_report_without_a_control_of_its_day_is_invalid_if_controls_are_asked_for() -> None:
    result = check(NEW, BASE, PER_SAMPLE, controls=history())
    assert [one.code for one in result.reasons] == ["control_missing"]
    assert check(NEW, BASE, PER_SAMPLE).outcome == "PASS"


def test_a_control_of_another_machine_is_none() -> None:
    result = check(NEW, BASE, PER_SAMPLE, controls=history(control(8, machine=OTHER)))
    assert [one.code for one in result.reasons] == ["control_missing"]


def test_a_baseline_from_before_any_control_is_said() -> None:
    old = replace(BASE, created="2025-06-01T10:00:00Z")
    result = check(NEW, old, PER_SAMPLE, controls=history(control(8)))
    assert result.outcome == "PASS"
    assert any("baseline: no control of its machine within a day" in note for note in result.notes)


def test_two_reports_either_side_of_an_accepted_change_are_not_judged() -> None:
    result = check(NEW, BASE, PER_SAMPLE, controls=history(control(8), marks=(mark(8),)))
    assert [one.code for one in result.reasons] == ["machine_changed"]


def test_an_unfit_machine_can_be_waived_and_the_output_names_the_waiver() -> None:
    waiver = Waiver("machine_drifted", "new", "", "ticket 7", "2026-12-31")
    by = Waivers((waiver,))
    result = check(NEW, BASE, PER_SAMPLE, waivers=by, controls=history(control(8, 1.1)))
    assert result.outcome == "PASS"
    assert [one.waiver for one in result.waived] == [waiver] * 3


def test_a_history_is_judged_by_the_new_reports_machine() -> None:
    result = check_history(NEW, History(()), PER_SAMPLE, controls=history(control(8, 1.1)))
    assert result.outcome == "INVALID"


def test_a_folder_of_controls_is_read_whatever_else_lies_there(tmp_path: Path) -> None:
    write(control(2), tmp_path / "b.json")
    write(control(1), tmp_path / "a.json")
    write(BASE, tmp_path / "training.json")
    (tmp_path / "cut.json").write_text('{"schema": "energyprof.report/2", "wor')
    found = controls_in(tmp_path)
    assert [one.name for one in found.controls] == ["a", "b"]
    assert found.left_out == ("1 controls cannot be read: cut.json",)


def test_a_change_is_accepted_with_the_newest_control(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no control in this folder"):
        accept_newest(tmp_path, "a new fan")
    write(control(2), tmp_path / "b.json")
    write(control(1), tmp_path / "a.json")
    path, name = accept_newest(tmp_path, "a new fan")
    assert (path.name, name) == ("b.accepted.json", "b")
    assert [one.why for one in controls_in(tmp_path).marks] == ["a new fan"]
