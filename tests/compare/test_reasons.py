"""Every reason why something cannot be judged has a code and its numbers, and some input makes it."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from energyprof.compare.bank import bank_of
from energyprof.compare.comparison import compare
from energyprof.compare.figures import BY_NAME
from energyprof.compare.gate.accepted import SCHEMA, Accepted
from energyprof.compare.gate.check import Check, check
from energyprof.compare.gate.control import Controls, control_of
from energyprof.compare.gate.limits import Limit
from energyprof.compare.product import WHOLE
from energyprof.compare.reasons import CODES, Reason, reason
from energyprof.formats import json as json_format
from energyprof.report.flags import MEANINGS, Flag
from energyprof.report.record import Report, Run, Series
from fakes.controls import FIVE, control
from reports import PER_SAMPLE, at, report, run, unet, unmetered_run

BASE = at(0.99, 1.0, 1.01)


def one_bad(bad: Run) -> Report:
    return report([run(0.99), run(1.0, seed=1), replace(bad, seed=2)])


def of_check(new: Report, baseline: Report = BASE, figure: str = "energy_per_sample", **how) -> list:
    return list(check(new, baseline, [Limit(figure, 0.03)], **how).reasons)


def flagged(kind: str) -> Report:
    return one_bad(run(flags=(Flag(kind, "nvml:0", "sw_thermal"),)))


def fast_together() -> Report:
    found = bank_of(unet().workload)
    assert found is not None
    return unet(*[round((found.samples(0.001) + found.samples(0.001, 5)) / 2)] * 5)


def timed(*cpu_s: float | None) -> Report:
    return report([run(cpu_s=one, seed=i) for i, one in enumerate(cpu_s)])


def series(side: str, positions: tuple[int, ...]) -> Report:
    return replace(at(1.0, 1.01), series=Series("s", side, positions, ()))


def of_controls(*last: Report, mark: bool = False) -> list:
    days = [control_of(control(day, f), f"c{day}") for day, f in enumerate(FIVE, 1)]
    marks = (Accepted(SCHEMA, "2026-01-08T08:00:00Z", "control", "a fan"),) if mark else ()
    known = Controls((*days, *(control_of(one, "last") for one in last)), marks)
    base = replace(BASE, created="2026-01-01T10:00:00Z")
    return of_check(replace(BASE, created="2026-01-08T10:00:00Z"), base, controls=known)


def of_figure(figure, a_run: Run) -> list[Reason]:
    return [why for exclusion in figure.exclusions if (why := exclusion(a_run)) is not None]


# For each code something that has it.
FOUND = {
    "failed": lambda: of_check(one_bad(run(status="failed", exit_code=3))),
    "interrupted": lambda: of_check(one_bad(run(status="interrupted"))),
    "diverged": lambda: of_check(one_bad(run(status="diverged"))),
    "target_missed": lambda: of_check(one_bad(run(status="missed"))),
    "no_target": lambda: of_figure(BY_NAME["energy_to_target"], run(status="done")),
    "has_target": lambda: of_figure(BY_NAME["energy"], run()),
    "factors_unknown": lambda: of_figure(WHOLE, run(samples=0)),
    "energy_not_measured": lambda: of_check(one_bad(unmetered_run())),
    "energy_zero": lambda: of_check(one_bad(run(energy_j=0.0))),
    "coverage_unknown": lambda: of_check(one_bad(run(coverage=None))),
    "coverage_low": lambda: of_check(one_bad(run(coverage=0.9897))),
    "faster_than_bank": lambda: of_check(unet(10, 20, 20), unet(10, 20, 20)),
    "faster_than_bank_together": lambda: of_check(fast_together(), fast_together()),
    "resumed": lambda: of_check(flagged("resumed"), figure="energy_to_target"),
    "recounted": lambda: of_check(flagged("recounted")),
    "throttled": lambda: of_check(flagged("throttled")),
    "limit_changed": lambda: of_check(flagged("limit_changed")),
    "foreign": lambda: of_check(flagged("foreign")),
    "wraps_unsure": lambda: of_check(flagged("wraps_unsure")),
    "no_runs": lambda: of_check(report([])),
    "no_pairs": lambda: of_check(series("B", (1, 2)), series("A", (4, 7))),
    "figure_zero": lambda: of_check(timed(1.0, 0.0), timed(1.0, 1.0), "cpu_time"),
    "figure_incomplete": lambda: of_check(timed(1.0, None), timed(1.0, 1.0), "cpu_time"),
    "machine_drifted": lambda: of_controls(control(8, 1.2)),
    "machine_disturbed": lambda: of_controls(control(8, flags=[Flag("not_idle")])),
    "machine_changed": lambda: of_controls(control(8), mark=True),
    "control_missing": lambda: of_controls(),
}


def test_every_code_of_the_table_is_made_by_some_input() -> None:
    assert sorted(FOUND) == sorted(CODES)


@pytest.mark.parametrize("code", sorted(CODES))
def test_this_input_has_this_code_and_words_for_people(code: str) -> None:
    found = FOUND[code]()
    assert code in [one.code for one in found]
    for one in found:
        assert one.words and "\n" not in one.words
        for number in one.numbers.values():
            assert isinstance(number, str) or math.isfinite(number)


def test_every_flag_that_makes_a_run_invalid_is_a_code() -> None:
    assert {kind for kind, meaning in MEANINGS.items() if meaning.effect == "invalid"} <= set(CODES)


def test_a_code_that_is_not_in_the_table_cannot_be_given() -> None:
    with pytest.raises(ValueError, match="add it to CODES"):
        reason("odd", "odd")  # type: ignore[arg-type]


def test_numbers_go_with_the_code() -> None:
    (why,) = of_check(one_bad(run(coverage=0.9897)))
    assert (why.report, why.run) == ("new", "run 3 (seed 2)")
    assert why.numbers == {"coverage": 0.9897, "needed": 0.99}
    (why,) = of_check(flagged("throttled"))
    assert why.numbers == {"meter": "nvml:0", "detail": "sw_thermal"}


def written(result: Check) -> Mapping[str, object]:
    out = io.StringIO()
    json_format.write_check(result, out)
    return json.loads(out.getvalue())


def test_the_json_of_a_check_has_them_beside_its_lines() -> None:
    found = written(check(flagged("throttled"), BASE, PER_SAMPLE))
    assert found["invalid"] == ["new, run 3 (seed 2): throttled: nvml:0 (sw_thermal)"]
    assert found["reasons"][0]["code"] == "throttled"
    assert found["waived"] == []


def test_the_json_of_a_comparison_has_all_of_each_run() -> None:
    bad = run(status="missed", coverage=0.5, flags=(Flag("throttled", "nvml:0"),))
    out = io.StringIO()
    json_format.write_comparison(compare([one_bad(bad)], ["new"]), out)
    found = json.loads(out.getvalue())["reasons"]
    assert [one["code"] for one in found] == ["coverage_low", "target_missed", "throttled"]
    assert {one["run"] for one in found} == {"run 3 (seed 2)"}


def test_the_table_in_the_documentation_is_the_codes() -> None:
    text = (Path(__file__).parents[2] / "docs" / "validity.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (yes|no) \| (.+) \|$", text, re.MULTILINE)
    assert rows == [(code, "yes" if m.waivable else "no", m.means) for code, m in CODES.items()]
