"""A report against those before it: what they predict, what trends, what is left out, how often it errs."""

from __future__ import annotations

import json
import math
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from energyprof.compare.figures import FIGURES, value
from energyprof.compare.gate.accepted import Accepted
from energyprof.compare.gate.check import check_history, exit_code
from energyprof.compare.gate.folder import Found, reports_in
from energyprof.compare.gate.history import history
from energyprof.compare.gate.limits import Limit
from energyprof.compare.gate.prediction import correlated, prediction, trend
from energyprof.compare.gate.undecoded import slim
from energyprof.compare.statistics.intervals import ALPHA, logs_of, lower_end, upper_end
from energyprof.compare.statistics.steps import steps
from energyprof.errors import FileError, UsageError
from energyprof.report.file import from_data, from_json, to_json, write
from energyprof.report.flags import flag
from energyprof.report.record import SCHEMA, Clock, Point
from reports import PER_SAMPLE, TARGET, at, meter, report, run, unmetered_run

ELSEWHERE = {"id": "sha256:there", "host": "there", "cpu": "Xeon", "threads": 8, "gpus": []}
NOW = "2026-06-01T00:00:00Z"


def dated(made, day, month=1):
    created = f"2026-{month:02}-{day:02}T00:00:00Z"
    runs = tuple(replace(one, clock=Clock(float(i), created)) for i, one in enumerate(made.runs))
    return replace(made, created=created, runs=runs)


def files(*reports):
    return [Found(Path(f"{i}.json"), json.loads(to_json(made))) for i, made in enumerate(reports)]


def judged(new, *past, limits=PER_SAMPLE, **options):
    return check_history(new, history(new, files(*past), limits), limits, **options)


def earlier(*j_per_sample):
    """A report of one run for each energy per sample, a day after the other."""
    return [dated(at(x), day + 1) for day, x in enumerate(j_per_sample)]


def new(*j_per_sample, **changes):
    return dated(at(*j_per_sample, **changes), 1, month=6)


# ln 0.99 and ln 1.01 about 1.0: s = 1 %, of a further one √(1 + 1/3) · 1 % = 1.155 %; t(0.95, 2) = 2.92.
STEADY = earlier(0.99, 1.0, 1.01)


@pytest.mark.parametrize(
    ("x", "outcome", "code"),
    [
        (0.99, "PASS", 0),  # upper end -1 + 3.37 = 2.4 % < ln 1.03 = 2.96 %
        (1.0, "INCONCLUSIVE", 0),  # 3.37 %
        (1.03, "INCONCLUSIVE", 0),
        (1.04, "FAIL", 1),  # lower end 3.9 - 3.37 > 0, and more than 3 %
        (0.8, "PASS", 0),
    ],
)
def test_the_verdict_falls_where_the_prediction_interval_says(x, outcome, code):
    result = judged(new(x), *STEADY)
    assert (result.outcome, exit_code(result, strict=False)) == (outcome, code)
    (verdict,) = result.verdicts
    assert (verdict.design, verdict.runs, verdict.baseline_runs) == ("history", 1, 3)


def test_the_prediction_interval_is_that_of_the_textbook():
    # Hahn & Meeker (1991), table 4.1 has n = 5, one further observation: 2.776 · √(6/5) = 3.04 at 95 %.
    past = [logs_of([math.exp(x)]) for x in (-2e-2, -1e-2, 0.0, 1e-2, 2e-2)]
    sd = math.sqrt(2.5e-4)
    ahead = prediction(logs_of([1.0]), past)
    assert upper_end(ahead, 0.025) == pytest.approx(3.041 * sd, rel=1e-3)
    assert ahead.log_ratio == pytest.approx(0)


def test_a_report_of_fewer_runs_than_those_before_it_may_vary_by_more():
    past = [logs_of([math.exp(x + 0.01), math.exp(x - 0.01)]) for x in (-0.01, 0.0, 0.01)]
    several, single = prediction(logs_of([1.0, 1.0]), past), prediction(logs_of([1.0]), past)
    # Means vary by 1 %, single runs around them by √2 %: half of that variance comes on top.
    assert several.se**2 == pytest.approx(1e-4 * (1 + 1 / 3))
    assert single.se**2 == pytest.approx(1e-4 * (1 + 1 / 3) + 2e-4 / 2)


def test_the_reports_it_would_take_follow_from_their_spread():
    (verdict,) = judged(new(1.0), *STEADY).verdicts
    # (t(0.95) + t(0.8)) · 1 % · √(1 + 1/n) ≤ 2.96 %. n = 7: (1.943 + 0.906) · 1.069 = 3.05; n = 8: 2.96.
    assert verdict.runs_needed in (8, 9)
    wild = earlier(0.9, 1.0, 1.1)
    assert judged(new(1.0), *wild).verdicts[0].runs_needed is None


def test_a_single_report_before_it_has_no_spread():
    result = judged(new(2.0), *earlier(1.0))
    assert (result.outcome, result.verdicts[0].low) == ("INCONCLUSIVE", None)


@pytest.mark.slow
def test_reports_that_are_equal_are_as_sure_as_their_number():
    # That the new one alone differs is one order in n + 1.
    few, many = earlier(1.0, 1.0, 1.0), earlier(*[1.0] * 19)
    assert [judged(new(x), *few).outcome for x in (1.0, 1.02, 1.04)] == ["PASS", *["INCONCLUSIVE"] * 2]
    assert [judged(new(x), *many).outcome for x in (1.0, 1.02, 1.04)] == ["PASS", "PASS", "FAIL"]


def test_only_the_newest_foretell():
    # An old level of 1.0 and a newer one of 2.0.
    past = earlier(1.0, 1.001, 0.999, 2.0, 2.002, 1.998, 2.001, 1.999)
    changes = {last: judged(new(2.0), *past, last=last).verdicts[0] for last in (4, 8)}
    assert changes[4].change == pytest.approx(0, abs=1e-3) and changes[4].baseline_runs == 4
    assert changes[8].change == pytest.approx(0, abs=1e-3) and changes[8].baseline_runs == 5


def test_a_slow_trend_fails_though_no_single_step_does():
    rng = random.Random(1)
    rising = earlier(*(math.exp(0.002 * i + rng.gauss(0, 0.004)) for i in range(25)))
    result = judged(new(math.exp(0.05)), *rising, last=5)
    by_design = {verdict.design: verdict for verdict in result.verdicts}
    assert by_design["history"].outcome != "FAIL"
    assert by_design["trend"].outcome == "FAIL" and by_design["trend"].change == pytest.approx(
        0.05, abs=0.012
    )
    assert (result.outcome, exit_code(result, strict=False)) == ("FAIL", 1)


def test_a_fall_is_an_improvement_and_never_fails():
    rng = random.Random(1)
    falling = earlier(*(math.exp(-0.004 * i + rng.gauss(0, 0.004)) for i in range(25)))
    result = judged(new(math.exp(-0.1)), *falling, last=5)
    assert result.outcome == "PASS"
    assert any(verdict.improved for verdict in result.verdicts if verdict.design == "trend")


def test_a_trend_that_is_not_shown_does_not_prevent_a_pass():
    # ln: 0, 0.4, 0.8, 1.2, then 0.8 %. Upper ends: the level 1.57 %, the rise 1.83 %; ln 1.017 = 1.69 %.
    past = earlier(1.0, 1.004, 1.008, 1.012)
    result = judged(new(1.008), *past, limits=[Limit("energy_per_sample", 0.017)])
    assert [v.outcome for v in result.verdicts] == ["PASS", "INCONCLUSIVE"]
    assert [v.design for v in result.verdicts] == ["history", "trend"]
    assert result.outcome == "PASS"


@pytest.mark.slow
def test_the_line_through_the_reports_agrees_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    means = [0.0, 0.02, 0.01, 0.04, 0.03, 0.06]
    line = stats.linregress(range(6), means)
    rise = trend(means)
    assert rise.log_ratio == pytest.approx(5 * line.slope) and rise.dof == 4
    # Neighbours lie on different sides of the line: they hang together by what six values cannot exclude.
    assert rise.se is not None and 0.999 <= rise.se / (5 * line.stderr) <= math.sqrt(1.55 / 0.45)
    assert trend([0.0, 0.1, 0.2, 0.3, 0.4]).se == 0.0


def hanging_together(rng, n, rho, sd=0.01):
    """An AR(1) process."""
    values = [rng.gauss(0, sd)]
    while len(values) < n:
        values.append(rho * values[-1] + math.sqrt(1 - rho**2) * rng.gauss(0, sd))
    return values


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.5])
def test_unchanged_work_is_called_higher_or_trending_in_at_most_5_percent_each(rho):
    rng, higher, trending, trials = random.Random(1), 0, 0, 800
    for _ in range(trials):
        means = hanging_together(rng, 11, rho)
        logs = [logs_of([math.exp(mean)]) for mean in means]
        higher += lower_end(correlated(prediction(logs[-1], logs[:-1])), ALPHA) > 0
        trending += lower_end(trend(means), ALPHA) > 0
    assert 0.02 <= higher / trials <= 0.07
    assert trending / trials <= 0.07


def stepping(factor, then, seed=3):
    """Fifty reports at one level and ``then`` ones at another."""
    rng = random.Random(seed)
    means = [rng.gauss(0, 0.01) for _ in range(50)]
    means += [math.log(factor) + rng.gauss(0, 0.01) for _ in range(then)]
    moments = [f"2026-0{1 + i // 28}-{1 + i % 28:02}T00:00:00Z" for i in range(len(means))]
    made = [at(math.exp(mean)) for mean in means]
    return [replace(dated(one, 1), created=moment) for one, moment in zip(made, moments, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("then", [0, 1, 2])
def test_a_step_up_fails_until_three_reports_have_kept_it(then):
    assert judged(new(1.08), *stepping(1.08, then)).outcome == "FAIL"


@pytest.mark.slow
@pytest.mark.parametrize("then", [3, 10, 70])
def test_a_step_that_reports_have_kept_fails_no_more(then):
    result = judged(new(1.08), *stepping(1.08, then))
    assert result.outcome in ("PASS", "INCONCLUSIVE")
    assert any(re.search(r"judged by .*, \+[78]\.", note) for note in result.notes)
    assert judged(new(1.16), *stepping(1.08, then)).outcome == "FAIL"


@pytest.mark.slow
@pytest.mark.parametrize("then", [3, 10, 20])
def test_after_an_improvement_what_was_won_cannot_be_lost_again(then):
    assert judged(new(0.93 * 1.05), *stepping(0.93, then)).outcome == "FAIL"
    assert judged(new(0.93), *stepping(0.93, then)).outcome in ("PASS", "INCONCLUSIVE")


@pytest.mark.slow
def test_one_report_that_is_far_off_makes_no_level():
    past = stepping(0.8, 1)
    assert judged(new(1.0), *past).outcome != "FAIL"


@pytest.mark.slow
def test_a_level_that_was_accepted_is_judged_by_from_its_first_report_on():
    past = stepping(1.08, 1)
    mark = Accepted("energyprof.accepted/1", past[-1].created, past[-1].workload.name, "a larger model")
    before = history(new(1.08), files(*past), PER_SAMPLE, (), [mark])
    result = check_history(new(1.08), before, PER_SAMPLE)
    assert result.outcome != "FAIL" and result.verdicts[0].baseline_runs == 1
    assert "accepted: a larger model" in result.notes[0]
    # How much reports scatter is known from those before.
    assert (
        check_history(new(1.14), history(new(1.14), files(*past), PER_SAMPLE, (), [mark])).outcome == "FAIL"
    )


@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_a_series_without_a_step_has_none(rho):
    rng = random.Random(4)
    assert sum(bool(steps(hanging_together(rng, 60, rho))) for _ in range(200)) <= 8


def test_steps_are_found_where_they_are_and_a_slope_is_none():
    rng = random.Random(5)
    values = [rng.gauss(10 * (i >= 20) - 6 * (i >= 40), 1) for i in range(60)]
    assert steps(values) == (20, 40)
    assert steps([0.3 * i + rng.gauss(0, 1) for i in range(40)]) == ()
    assert steps([1.0] * 20) == () and steps([1.0] * 10 + [2.0] * 3) == (10,)


@pytest.mark.slow
def test_level_and_trend_share_the_5_percent():
    rng, failed, limits = random.Random(2), 0, [Limit("energy_per_sample", 1e-9)]
    for _ in range(60):
        past = earlier(*(math.exp(rng.gauss(0, 0.01)) for _ in range(6)))
        failed += judged(new(math.exp(rng.gauss(0, 0.01))), *past, limits=limits).outcome == "FAIL"
    assert 0.01 <= failed / 60 <= 0.07


def test_the_history_of_a_script_goes_on_over_its_versions():
    script = {"name": "train.py", "size": None}
    config = {"arguments": []}
    past = [
        dated(at(x, **script, config=config, work=f"{x}"), day) for day, x in enumerate((1.0, 1.01), start=1)
    ]
    others = [
        dated(at(1.0, **script, config={"arguments": ["--lr"]}), 3),
        dated(at(1.0, name="other.py", size=None, config=config), 4),
    ]
    found = history(new(1.0, **script, config=config, work="now"), files(*past, *others))
    assert len(found.past) == 2
    assert found.left_out == (
        f"2 left out, other work: {', '.join(f.path.name for f in files(*past, *others)[2:])}",
    )


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (at(1.0, config={"batch_size": 8}), "other work"),
        (at(1.0, target=replace(TARGET, value=0.9), work=at(1.0).workload.work), "other work"),
        (at(1.0, machine=ELSEWHERE), "another machine"),
        (at(1.0, boundary="wall_ac"), "another boundary"),
        (at(1.0, origin="modelled"), "measured or not"),
        (at(1.0, meters=(meter("shelly:0"),)), "other meters"),
        (report([run(), run(status="missed")]), "invalid runs"),
        (report([run(flags=(flag("throttled", "gpu", "hw_thermal"),))]), "invalid runs"),
        (report([unmetered_run()]), "invalid runs"),
        (report(), "invalid runs"),
    ],
)
def test_what_says_nothing_of_it_is_left_out_counted_and_named(other, why):
    found = history(new(1.0), files(*STEADY, dated(other, 5), dated(other, 6)))
    assert len(found.past) == 3
    assert found.left_out == (f"2 left out, {why}: 3.json, 4.json",)


def test_many_that_are_left_out_are_counted_and_the_first_named():
    found = history(new(1.0), files(*(dated(at(1.0, machine=ELSEWHERE), day) for day in range(1, 8))))
    assert found.left_out == ("7 left out, another machine: 0.json, 1.json, 2.json and 4 more",)


def test_what_was_made_later_is_no_past():
    later = dated(at(5.0), 2, month=6)
    found = history(new(1.0), files(*STEADY, later))
    assert (len(found.past), found.left_out) == (3, ("1 left out, made later: 3.json",))


def test_the_report_itself_is_no_past_under_whatever_name():
    this = new(1.0)
    found = history(this, files(*STEADY, this))
    assert (len(found.past), found.left_out) == (3, ())
    twin = replace(this, runs=dated(at(1.0), 31, month=5).runs)  # made in the same moment, and another
    assert len(history(this, files(*STEADY, twin)).past) == 4


def test_a_copy_of_an_earlier_report_counts_once():
    found = history(new(1.0), files(*STEADY, STEADY[1], STEADY[0]))
    assert (len(found.past), found.left_out) == (3, ("2 left out, copies of others: 3.json, 4.json",))
    other = replace(STEADY[1], runs=dated(at(1.1), 2).runs)  # of the same moment, but another
    assert len(history(new(1.0), files(*STEADY, other)).past) == 4


def test_a_broken_report_is_left_out_and_named():
    broken = json.loads(to_json(STEADY[0]))
    del broken["runs"][0]["status"]
    cut = Found(Path("c.json"), None, "cut off")
    found = history(new(1.0), [*files(*STEADY), Found(Path("b.json"), broken), cut])
    assert (len(found.past), found.left_out) == (3, ("2 left out, not readable: b.json, c.json",))


def test_the_order_and_the_names_of_the_files_change_nothing():
    past = earlier(*(1 + 0.01 * i for i in range(8)))
    twins = [replace(made, created=past[0].created) for made in past[:3]]
    reports = [*twins, *past[3:]]
    assert judged(new(1.1), *reports) == judged(new(1.1), *reports[::-1])


def test_an_invalid_new_report_is_4():
    bad = dated(report([run(flags=(flag("foreign", "gpu", "python"),))]), 1, month=6)
    result = judged(bad, *STEADY)
    assert (result.outcome, exit_code(result, strict=False), result.verdicts) == ("INVALID", 4, ())


def test_the_default_limit_and_a_figure_that_it_lacks():
    assert judged(new(1.0), *STEADY, limits=()).verdicts[0].limit == Limit("energy_per_sample", 0.03)
    with pytest.raises(UsageError, match="new has no energy"):
        judged(new(1.0), *STEADY, limits=[Limit("energy", 0.1)])


def test_no_report_before_it_is_no_pass():
    result = judged(new(1.0), at(1.0, machine=ELSEWHERE))
    assert (result.outcome, result.verdicts) == ("INCONCLUSIVE", ())


def test_what_is_not_read_changes_no_figure():
    points = tuple(Point(50 * i, i / 25, 0.5 * i, 50.0 * i) for i in range(1, 21))
    whole = replace(run(1.0), history=points, facts={"training_items": 500}, cpu_s=7.0)
    train = replace(whole.phases[1], cpu_s=0.1)
    apart = [replace(train, samples=100 + i, energy_j=0.1 * i, cpu_s=0.3 * i) for i in range(1, 8)]
    whole = replace(whole, phases=(*apart, *whole.phases))
    hole = replace(whole, phases=(*whole.phases, replace(train, energy_j=None, samples=None)))
    made = report([whole, hole, unmetered_run()])
    slimmed = from_data(slim(json.loads(to_json(made))), "slim")
    assert [len(one.phases) for one in slimmed.runs] == [1, 1, 1]
    for figure in FIGURES:
        values = [[value(figure, one) for one in found.runs] for found in (made, slimmed)]
        assert values[0] == values[1], figure.name


def test_a_folder_is_read_report_by_report_and_other_files_are_none(tmp_path):
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    write(at(1.0), deep / "one.json")
    write(at(2.0), tmp_path / "two.json")
    (tmp_path / "two.noise.json").write_text("{}")
    (tmp_path / "package.json").write_text('{"name": "x"}')
    (tmp_path / ".hidden.json").write_text("")
    (tmp_path / "notes.txt").write_text("energyprof.report/1")
    found = {f.path.name: f for f in reports_in(tmp_path)}
    assert sorted(found) == ["one.json", "two.json"]
    assert from_data(found["two.json"].data, "two") == at(2.0)
    with pytest.raises(FileError, match="not a folder"):
        list(reports_in(tmp_path / "nowhere"))


@pytest.mark.parametrize("text", ["", '{"schema": "energyprof.report/1", "runs": [', '"energyprof.report"'])
def test_a_file_that_should_be_a_report_and_is_none_says_why(tmp_path, text):
    (tmp_path / "cut.json").write_text(text)
    (found,) = reports_in(tmp_path)
    assert found.data is None and "cut.json" in found.problem


def test_a_report_of_a_newer_version_is_not_read_as_if_it_were_old(tmp_path):
    text = to_json(at(1.0)).replace(SCHEMA, "energyprof.report/99")
    (tmp_path / "next.json").write_text(text)
    (found,) = reports_in(tmp_path)
    assert found.data is None and "newer energyprof" in found.problem
    assert from_json(to_json(at(1.0)), "x") == at(1.0)
