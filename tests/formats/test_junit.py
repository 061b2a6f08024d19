"""JUnit XML: the shape that CI servers read, and a test case for whatever can come of a check."""

from __future__ import annotations

import io
from dataclasses import replace
from xml.etree import ElementTree

from energyprof.compare.gate.check import Check, check, without_baseline
from energyprof.compare.gate.limits import Limit
from energyprof.formats import junit
from reports import PER_SAMPLE, at, report, run

BASE = at(0.99, 1.0, 1.01)

# Of junit-10.xsd: attributes an element must have, and the elements it may hold.
REQUIRED = {
    "testsuites": set(),
    "testsuite": {"name", "tests", "failures", "errors", "skipped"},
    "testcase": {"name", "classname", "time"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "skipped": {"message", "type"},
    "system-out": set(),
}
HOLDS = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase"},
    "testcase": {"failure", "error", "skipped", "system-out"},
}


def written(result: Check) -> ElementTree.Element:
    out = io.StringIO()
    junit.write_check(result, out)
    text = out.getvalue()
    assert text.startswith('<?xml version="1.0" encoding="utf-8"?>\n') and text.endswith("</testsuites>\n")
    root = ElementTree.fromstring(text.encode())
    for element in root.iter():
        assert REQUIRED[element.tag] <= set(element.attrib), element.tag
        assert {child.tag for child in element} <= HOLDS.get(element.tag, set()), element.tag
    return root


def cases(result: Check) -> list[tuple[str | None, list[str]]]:
    return [(case.get("name"), [child.tag for child in case]) for case in written(result).iter("testcase")]


def test_a_pass_is_a_case_without_a_failure() -> None:
    assert cases(check(BASE, BASE, PER_SAMPLE)) == [("energy_per_sample", ["system-out"])]


def test_a_regression_is_a_failure_that_says_how_much() -> None:
    root = written(check(at(1.188, 1.2, 1.212), BASE, PER_SAMPLE, ("new", "base")))
    failure = root.find(".//failure")
    assert failure is not None and failure.get("type") == "FAIL"
    assert failure.get("message", "").startswith("energy per sample +20.0 %")
    case = root.find(".//testcase")
    assert case is not None and case.get("classname") == "energyprof.new"


def test_neither_nor_is_skipped() -> None:
    assert cases(check(at(0.8, 1.05, 1.3), BASE, PER_SAMPLE)) == [("energy_per_sample", ["skipped"])]
    assert cases(without_baseline("new", "base.json")) == [("NO_BASELINE 1", ["skipped"])]


def test_each_run_that_cannot_be_judged_is_an_error() -> None:
    missed = report([run(status="missed"), run(), run(status="missed")])
    assert cases(check(missed, BASE, PER_SAMPLE)) == [("INVALID 1", ["error"]), ("INVALID 2", ["error"])]


def test_every_limit_has_a_case_and_the_suite_counts_them() -> None:
    limits = [*PER_SAMPLE, Limit("samples_to_target", 0.5), Limit("time_to_target", 0.05)]
    suite = written(check(at(1.188, 1.2, 1.212), BASE, limits)).find("testsuite")
    assert suite is not None
    counts = [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["3", "2", "0", "0"]


def test_of_several_workloads_each_has_its_own_cases_and_what_came_or_went_has_one() -> None:
    one = check(BASE, BASE, PER_SAMPLE)
    several = replace(
        one,
        verdicts=tuple(replace(one.verdicts[0], work=work) for work in ("unet tiny", "unet base")),
        removed=("minilm tiny",),
        changed=("diffusion tiny",),
    )
    assert cases(several) == [
        ("unet tiny: energy_per_sample", ["system-out"]),
        ("unet base: energy_per_sample", ["system-out"]),
        ("NOT_COMPARABLE 1", ["error"]),
        ("INCONCLUSIVE 2", ["skipped"]),
    ]


def test_names_that_are_markup_or_no_text_at_all_stay_what_they_are() -> None:
    root = written(check(BASE, BASE, PER_SAMPLE, ("<b>&\"'", "a\x1b[31m\x00\ud800b")))
    case, suite = root.find(".//testcase"), root.find("testsuite")
    assert case is not None and case.get("classname") == "energyprof.<b>&\"'"
    assert suite is not None and suite.get("name", "").endswith("against a?[31m??b")


def test_an_estimate_and_cpu_time_are_called_so() -> None:
    guess = replace(BASE, origin="modelled")
    said = written(check(guess, guess, PER_SAMPLE)).findtext(".//system-out", "")
    assert "ESTIMATE, not a measurement" in said
    timed = report([run(cpu_s=x, seed=i) for i, x in enumerate((9.9, 10.0, 10.1))])
    said = written(check(timed, timed, [Limit("cpu_time", 0.1)])).findtext(".//system-out", "")
    assert "CPU time, not energy" in said
