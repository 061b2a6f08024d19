"""JUnit XML, which CI servers show among the tests: a test case for each limit.

Elements and attributes are those of Jenkins's junit-10.xsd, which GitLab and GitHub's reporters read, too.
A limit has no running time, so each takes 0 s.
"""

from __future__ import annotations

from typing import TextIO
from xml.etree import ElementTree

from energyprof.compare.gate.check import Check
from energyprof.formats import verdict_words
from energyprof.formats.caveats import caveats, unjudged
from energyprof.formats.printable import printable

# The element in which an outcome shows; a pass has none. An inconclusive limit neither failed nor passed.
ELEMENTS = {
    "FAIL": "failure",
    "INVALID": "error",
    "NOT_COMPARABLE": "error",
    "INCONCLUSIVE": "skipped",
    "NO_BASELINE": "skipped",
}


def write_check(result: Check, out: TextIO) -> None:
    """One suite; what could not be judged has cases of its own."""
    name = f"energyprof: {result.label} against {result.baseline}"
    suite = ElementTree.Element("testsuite", name=printable(name))
    for verdict in result.verdicts:
        name = f"{verdict.work}: {verdict.limit.figure}" if verdict.work else verdict.limit.figure
        text = [verdict_words.headline(verdict), *verdict_words.explanation(verdict), *caveats(result)]
        _case(suite, result.label, name, verdict.outcome, text)
    for i, (outcome, line) in enumerate(unjudged(result), 1):
        _case(suite, result.label, f"{outcome} {i}", outcome, [line])
    suite.set("tests", str(len(suite)))
    for attribute, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{element}"))))
    suite.set("time", "0")
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root, " ")
    out.write('<?xml version="1.0" encoding="utf-8"?>\n')
    out.write(ElementTree.tostring(root, encoding="unicode") + "\n")


def _case(suite: ElementTree.Element, label: str, name: str, outcome: str, text: list[str]) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", classname=printable(f"energyprof.{label}"), name=printable(name), time="0"
    )
    lines = [printable(line) for line in text]
    if outcome in ELEMENTS:
        what = ElementTree.SubElement(case, ELEMENTS[outcome], message=lines[0], type=outcome)
        what.text = "\n".join(lines)
    else:
        ElementTree.SubElement(case, "system-out").text = "\n".join(lines)
