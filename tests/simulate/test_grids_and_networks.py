"""The script that puts a scenario on several grids and networks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from simulate.scenarios import PARADIGMS

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "benchmarks/life_cycle.py"


def table(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, check=False)


def test_a_row_a_grid_and_network_with_the_way_that_takes_least() -> None:
    done = table(str(PARADIGMS), "--grids", "FR,PL", "--networks", "fixed:2025,mobile")
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    assert [(row[0], row[1], row[2]) for row in rows[2:]] == [
        ("| any", "fixed:2025", "energy"),
        ("| FR", "fixed:2025", "CO2e"),
        ("| PL", "fixed:2025", "CO2e"),
        ("| any", "mobile", "energy"),
        ("| FR", "mobile", "CO2e"),
        ("| PL", "mobile", "CO2e"),
    ]
    assert all(row[3].startswith("**central-once** (") for row in rows[2:])
    assert "SIMULATED" in done.stdout


def test_a_grid_that_is_none_is_one_line() -> None:
    done = table(str(PARADIGMS), "--grids", "Atlantis")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and "Atlantis" in done.stderr
