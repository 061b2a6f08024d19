"""The script that renews grids and factors, on the package's own tables."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from energyprof.compare.emissions import of_country
from energyprof.simulate import factors

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks/renew_factors.py"


def renewing(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, check=False)


def test_a_published_table_of_grids_says_what_would_change(tmp_path: Path) -> None:
    france = of_country("FR")
    table = tmp_path / "owid.csv"
    table.write_text(
        "Entity,Code,Year,Carbon intensity of electricity - gCO2/kWh\n"
        f"France,FRA,{france.year},{france.g_per_kwh}\nFrance,FRA,1990,500\nGermany,DEU,2099,12.5\nWorld,,2099,1\n"
    )
    done = renewing("grid", "--table", str(table), "--check")
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert "DEU: 380.95 (2023) -> 12.5 (2099)" in lines
    assert not any(line.startswith("FRA") for line in lines)
    italy = of_country("IT")
    assert f"ITA: not in the new table, stays {italy.g_per_kwh:g} ({italy.year})" in lines


@pytest.mark.slow
def test_factors_take_the_place_of_those_of_their_name(tmp_path: Path) -> None:
    table = tmp_path / "new.csv"
    head = ",".join(factors.COLUMNS)
    table.write_text(
        f"{head}\nnetwork.wifi,0.04,0.01,0.1,kWh/GB,2030,them,CC0,\nnetwork.6g,0.02,,,kWh/GB,2030,them,CC0,\n"
    )
    done = renewing("factors", "--table", str(table), "--check")
    assert done.stdout.splitlines() == ["network.wifi: 0.05 -> 0.04", "network.6g: new, 0.02"]
    table.write_text(f"{head}\nnetwork.wifi,0.04,0.05,0.1,kWh/GB,2030,them,CC0,\n")
    broken = renewing("factors", "--table", str(table), "--check")
    assert broken.returncode == 2
    assert "0 <= low <= value <= high" in broken.stderr


def test_the_packages_own_table_renews_itself_to_the_letter() -> None:
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        import renew_factors
    finally:
        sys.path.remove(str(SCRIPT.parent))
    old = renew_factors.FACTORS.read_text(encoding="utf-8")
    text, changes = renew_factors.renewed_factors(old, factors.table(), factors.version())
    assert changes == []
    assert factors.parsed(text, "again") == factors.table()
    grid = renew_factors.GRID.read_text(encoding="utf-8")
    again, changed = renew_factors.renewed_grid(grid, {})
    assert again == grid
    assert all("stays" in line for line in changed)
