"""GitHub Actions: an annotation for each limit on stdout, and the tables in the job's summary.

The summary is the file that ``GITHUB_STEP_SUMMARY`` names; it is appended to.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import TextIO

from energyprof.compare.compared import Comparison
from energyprof.compare.gate.check import Check
from energyprof.errors import FileError
from energyprof.formats import markdown, verdict_words, wording
from energyprof.formats.caveats import caveats, unjudged
from energyprof.formats.printable import WorkflowCommand, printable

SUMMARY = "GITHUB_STEP_SUMMARY"
LEVELS = {
    "PASS": "notice",
    "FAIL": "error",
    "INCONCLUSIVE": "warning",
    "INVALID": "error",
    "NOT_COMPARABLE": "error",
    "NO_BASELINE": "warning",
}


def write_comparison(comparison: Comparison, out: TextIO) -> None:
    """Write the tables to the summary, or to ``out`` if there is none."""
    table = io.StringIO()
    markdown.write_comparison(comparison, table)
    if not _summarise(table.getvalue()):
        out.write(table.getvalue())


def write_check(result: Check, out: TextIO) -> None:
    """Write annotations to ``out``, and the tables to the summary if there is one."""
    for outcome, title, message in _annotations(result):
        text = " ".join([message, *caveats(result)])
        line = f"::{LEVELS[outcome]} title={_property(title)}::{_data(text)}\n"
        out.write(WorkflowCommand(line))
    table = io.StringIO()
    markdown.write_check(result, table)
    _summarise(table.getvalue())


def write_refusal(said: str, out: TextIO) -> None:
    """Write why there is no verdict, as an annotation to ``out`` and into the summary."""
    out.write(WorkflowCommand(f"::error title=energyprof::{_data(said)}\n"))
    text = printable(said, keep="\n").replace("\n", "\n    ")
    _summarise(f"### energyprof could not judge\n\n    {text}\n")


def _annotations(result: Check) -> Iterator[tuple[str, str, str]]:
    """Outcome, title and message of each, the most telling first, since only ten of a level are shown."""
    for outcome, line in unjudged(result):
        yield outcome, f"energyprof: {outcome.replace('_', ' ')}", line
    for verdict in sorted(result.verdicts, key=lambda verdict: verdict.outcome != "FAIL"):
        said = "IMPROVED" if verdict.improved else verdict.outcome
        title = f"energyprof: {said}, {wording.title(verdict.limit.figure)}"
        title += f" of {verdict.work}" if verdict.work else ""
        message = " ".join([verdict_words.headline(verdict) + ".", *verdict_words.explanation(verdict)])
        yield verdict.outcome, title, message


def _summarise(text: str) -> bool:
    """Append ``text`` to the summary; returns whether there is one.

    Raises:
        FileError: it cannot be written.
    """
    path = os.environ.get(SUMMARY)
    if not path:
        return False
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(text + "\n")
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}; unset {SUMMARY}") from None
    return True


def _data(text: str) -> str:
    """A command's message, escaped as by ``escapeData`` in actions/toolkit, packages/core/src/command.ts."""
    return printable(text, keep="\n").replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    """The same for a command's property (``escapeProperty``)."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
