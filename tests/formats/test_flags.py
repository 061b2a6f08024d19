from __future__ import annotations

import re
from pathlib import Path

from energyprof.formats.flags import WORDS, in_words

REPORT = Path(__file__).parents[2] / "energyprof" / "report"
ARITHMETIC = {
    *("segment", "counter", "power", "conditions"),
    *("energy", "timeline", "agreement", "idle"),
}


def test_every_flag_that_the_arithmetic_sets_has_words() -> None:
    text = "".join(path.read_text() for path in sorted(REPORT.rglob("*.py")) if path.stem in ARITHMETIC)
    assert {path.stem for path in REPORT.rglob("*.py")} >= ARITHMETIC
    calls = re.findall(r'(?:flags\.append|_bad\.add|self\.add)\(\s*f?"([a-z_]+)', text)
    literals = re.findall(r'"(gap|reset|stalled|wraps_unsure|no_reading|not_measured|unfinished)"', text)
    literals += re.findall(r'f"([a-z_]+):\{', text)
    assert set(calls) | set(literals) <= set(WORDS)
    told = {
        "gap",
        "lost",
        "short",
        "failed_read",
        "hung",
        "interrupted",
        "throttled",
        "idle_drift",
        "disagrees",
    }
    assert told <= set(calls) | set(literals)


def test_a_flag_names_its_meter() -> None:
    assert in_words("gap:rapl:package-0") == "rapl:package-0 was not read for a while"
    assert in_words("hung") == "did not end after its last word, and was stopped"
    assert in_words("from_the_future:x") == "from_the_future:x"
