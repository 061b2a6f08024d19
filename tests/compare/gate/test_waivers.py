"""What a team overlooks for a while, and that it is never overlooked in silence."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from energyprof.compare.gate.check import Check, check
from energyprof.compare.gate.waivers import Waivers, read_waivers
from energyprof.errors import EnergyprofError
from energyprof.formats import VERDICT_FORMATS, verdict_format
from energyprof.report.flags import Flag
from reports import PER_SAMPLE, at, report, run

BASE = at(0.99, 1.0, 1.01)
THROTTLED = report(
    [run(x, seed=i, flags=(Flag("throttled", "nvml:0"),)) for i, x in enumerate((0.99, 1.0, 1.01))]
)
WHOLE = """
[[waiver]]
code = "throttled"
report = "nightly-*"
reason = "its fan is on order"
expires = 2026-12-24
"""


def waivers(tmp_path: Path, text: str = WHOLE, today: str = "2026-12-24T23:59:59Z") -> Waivers:
    path = tmp_path / "waivers.toml"
    path.write_text(text)
    return read_waivers(path, today)


def judged(by: Waivers, label: str = "nightly-3", new=THROTTLED) -> Check:
    return check(new, BASE, PER_SAMPLE, (label, "baseline"), waivers=by)


def test_a_waived_reason_does_not_spoil_the_verdict_and_is_in_it(tmp_path: Path) -> None:
    result = judged(waivers(tmp_path))
    assert result.outcome == "PASS"
    assert [one.line for one in result.waived][:1] == [
        "waived until 2026-12-24: nightly-3, run 1 (seed 0): throttled: nvml:0 (its fan is on order)"
    ]


@pytest.mark.parametrize("name", [name for name in VERDICT_FORMATS if name not in ("bmf", "smaller")])
def test_every_format_of_verdicts_names_the_waiver(tmp_path: Path, name: str) -> None:
    out = io.StringIO()
    verdict_format(name).write_check(judged(waivers(tmp_path)), out)
    said = " ".join(out.getvalue().split())
    assert "its fan is on order" in said and "2026-12-24" in said


def test_another_report_another_code_and_another_task_stay_invalid(tmp_path: Path) -> None:
    by = waivers(tmp_path)
    assert judged(by, "weekly").outcome == "INVALID"
    changed = report([run(flags=(Flag("limit_changed", "nvml:0"),)), run(seed=1)])
    assert judged(by, new=changed).outcome == "INVALID"
    of_task = waivers(tmp_path, WHOLE.replace('report = "nightly-*"', 'task = "diffusion"'))
    assert judged(of_task).outcome == "INVALID"
    of_task = waivers(tmp_path, WHOLE.replace('report = "nightly-*"', 'task = "unet"'))
    assert judged(of_task).outcome == "PASS"


def test_what_stands_behind_a_waived_reason_is_found(tmp_path: Path) -> None:
    both = (Flag("throttled", "nvml:0"), Flag("foreign", "nvml:0"))
    result = judged(waivers(tmp_path), new=report([run(flags=both), run(seed=1)]))
    assert [one.code for one in result.reasons] == ["foreign"]
    assert [one.invalidity.code for one in result.waived] == ["throttled"]


def test_an_expired_waiver_waives_no_longer_and_says_so(tmp_path: Path) -> None:
    result = judged(waivers(tmp_path, today="2026-12-25T00:00:00Z"))
    assert (result.outcome, result.waived) == ("INVALID", ())
    assert any("the waiver of throttled for nightly-* expired on 2026-12-24" in note for note in result.notes)


def test_a_verdict_without_waivers_has_none() -> None:
    assert check(BASE, replace(BASE), PER_SAMPLE).waived == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[waiver", "not TOML"),
        ("x = " + "[" * 5000, "not TOML"),
        ("x = " + "9" * 5000, "not TOML"),
        ("", "give one [[waiver]] table"),
        ("waiver = 3", "give one [[waiver]] table"),
        ("waiver = [3]", "waiver 1: is not a table"),
        (WHOLE + "more = 1", "unknown key 'more'"),
        (WHOLE.replace('"throttled"', '"thrott"'), "code 'thrott' is none; choose from"),
        (WHOLE.replace('"throttled"', '"target_missed"'), "cannot be waived"),
        (WHOLE.replace('report = "nightly-*"', ""), 'give report = "a report'),
        (WHOLE.replace('reason = "its fan is on order"', ""), "reason: give a text"),
        (WHOLE.replace("its fan is on order", " "), "reason: give a text"),
        (WHOLE.replace("expires = 2026-12-24", ""), "expires: give its last day"),
        (WHOLE.replace("2026-12-24", "'soon'"), "expires: give its last day"),
        (WHOLE.replace("2026-12-24", "3"), "expires: give its last day"),
    ],
)
def test_a_file_that_is_none_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(EnergyprofError) as found:
        waivers(tmp_path, text)
    assert said in str(found.value) and "\n" not in str(found.value)
    assert str(tmp_path / "waivers.toml") in str(found.value)


@pytest.mark.parametrize("day", ["2026-12-24", '"2026-12-24"', "2026-12-24T10:00:00Z"])
def test_a_day_is_a_date_or_a_text(tmp_path: Path, day: str) -> None:
    (one,) = waivers(tmp_path, WHOLE.replace("2026-12-24", day)).holding
    assert one.expires == "2026-12-24"
