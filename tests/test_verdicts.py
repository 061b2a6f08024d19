"""Each number on the page of verdicts is the code's, or stands in the table of what was simulated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from energyprof.compare.gate import check as checking
from energyprof.compare.gate.check import Check, exit_code
from energyprof.compare.gate.limits import Limit
from energyprof.compare.gate.verdict import Verdict
from energyprof.compare.sessions import ASSUMED_SD
from energyprof.compare.statistics import robust, steps
from energyprof.compare.statistics.intervals import ALPHA
from energyprof.compare.statistics.sequential import LOOK_ALPHA, LOOKS
from energyprof.errors import FileError
from energyprof.formats.verdict_words import headline

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "verdicts.md").read_text(encoding="utf-8")
WORDS = " ".join(PAGE.split())
# | noise | claim | limit | simulated |
ROWS = re.findall(
    r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([\d.]+) % ± ([\d.]+)( BROKEN)? \|$",
    (ROOT / "benchmarks" / "gating" / "README.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


def simulated(noise: str, claim: str) -> float:
    (found,) = (float(row[3]) for row in ROWS if row[:2] == (noise, claim))
    return found


def test_the_example_is_a_verdict_that_was_given_and_as_it_is_written() -> None:
    line = PAGE.partition("```\n")[2].partition("\n")[0]
    assert line in (ROOT / "docs" / "comparing.md").read_text(encoding="utf-8")
    verdict = Verdict(
        Limit("cpu_time_per_sample", 0.05), "FAIL", 0.267, 0.174, 0.368, False, 0.12, 58, 12, 12
    )  # fmt: skip
    assert line == f"FAIL  {headline(verdict)}"
    assert "at least 17.4 % at 95 % confidence, at most 36.8 % at 95 % confidence" in WORDS


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("PASS", "0"),
        ("FAIL", "1"),
        ("INCONCLUSIVE", "0, or 5"),
        ("INVALID", "4"),
        ("NOT_COMPARABLE", "3"),
        ("NO_BASELINE", "2, or 0 with `--allow-missing-baseline`"),
    ],
)
def test_a_verdict_exits_as_the_page_says(name: checking.CheckOutcome, shown: str) -> None:
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| {name.replace('_', ' ')} |"))
    assert row.endswith(f"| {shown} |")
    codes = {exit_code(Check(name, "new", "old"), strict=strict) for strict in (False, True)}
    more = {FileError("").exit_code} if name == "NO_BASELINE" else set()
    assert codes | more == {int(code) for code in re.findall(r"\b\d\b", shown)}


def test_the_settings_on_the_page_are_the_codes() -> None:
    assert (
        f"one-sided {100 * (1 - ALPHA):g} %" in WORDS and f"in {100 * ALPHA:g} % of checks at most" in WORDS
    )
    first, *between, last = LOOKS
    assert f"Looks after {first}, {', '.join(map(str, between))} and {last} pairs" in WORDS
    assert f"{100 * (1 - LOOK_ALPHA):g} % a look" in WORDS
    assert f"else {100 * ASSUMED_SD:g} % (1 sd) are assumed" in WORDS
    assert steps.LEAST == 3 and "A step that three reports have kept" in WORDS
    assert f"from {robust.LEAST} pairs on a trimmed mean" in WORDS


def test_what_is_not_held_is_what_was_simulated() -> None:
    alone = simulated("AR(1), ρ = 0.5", "unchanged work fails, 3 against 3 runs apart")
    three = simulated("AR(1), ρ = 0.5", "one of three limits or works fails, 5 against 5 runs apart")
    assert f"fails in {alone:.0f} % of checks (3 runs against 3)" in WORDS
    assert f"one of three limits in {three:.0f} % (5 against 5)" in WORDS


def test_every_rate_that_has_a_limit_keeps_it() -> None:
    assert len(ROWS) > 150
    limited = [row for row in ROWS if row[2] != "–"]
    assert len(limited) > 80
    for noise, claim, limit, share, slack, broken in limited:
        ends = [float(end) for end in re.findall(r"[\d.]+", limit)]
        least = ends[0] if limit.startswith("≥") or len(ends) == 2 else 0.0
        most = ends[-1] if limit.startswith("≤") or len(ends) == 2 else 100.0
        assert not broken and least - float(slack) <= float(share) <= most + float(slack), (noise, claim)
