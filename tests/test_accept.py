"""``make accept``: every part runs, whatever becomes of the others, and the folder tells how each ended."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ACCEPT = Path(__file__).parent.parent / "benchmarks" / "accept.py"
# A program in the place of energyprof: it keeps the test of the meters, and ends as asked.
PROGRAM = """#!{python}
import json, os, sys
words = sys.argv[1:]
print("heard:", *words)
if "--test" in words:
    with open(words[words.index("-o") + 1], "w") as file:
        json.dump({{"disturbed": {disturbed}}}, file)
    sys.exit({tested})
sys.exit({trained} if "transformer" in words else 0)
"""
NAMES = ["doctor", "meter-test", "unet", "transformer", "diffusion", "speech", "nothing"]


def accepted(folder: Path, **how: object) -> tuple[int, dict[str, dict[str, object]]]:
    program = folder / "energyprof"
    fields = {"python": sys.executable, "disturbed": [], "tested": 0, "trained": 0, **how}
    program.write_text(PROGRAM.format(**fields))
    program.chmod(0o755)
    command = [sys.executable, str(ACCEPT), str(folder / "sent"), "--energyprof", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    outcomes = json.loads((folder / "sent" / "accept.json").read_text())
    assert [outcome["name"] for outcome in outcomes] == NAMES
    return done.returncode, {outcome["name"]: outcome for outcome in outcomes}


def test_a_machine_on_which_all_goes_well_is_accepted(tmp_path: Path) -> None:
    code, outcomes = accepted(tmp_path)
    assert code == 0
    assert all(outcome["accepted"] for outcome in outcomes.values())
    said = (tmp_path / "sent" / "unet.txt").read_text()
    assert "run unet --size tiny" in said and "--meter-test" in said


@pytest.mark.parametrize(("tested", "well"), [(2, True), (4, False)])
def test_no_meter_is_accepted_and_a_broken_one_is_not(tmp_path: Path, tested: int, well: bool) -> None:
    code, outcomes = accepted(tmp_path, tested=tested)
    assert outcomes["meter-test"]["accepted"] == well
    assert code == (0 if well else 1)


def test_a_part_that_fails_is_named_and_the_others_run_all_the_same(tmp_path: Path) -> None:
    code, outcomes = accepted(tmp_path, trained=4)
    assert code == 1
    assert [name for name, outcome in outcomes.items() if not outcome["accepted"]] == ["transformer"]


def test_a_disturbed_test_of_the_meters_is_not_used(tmp_path: Path) -> None:
    accepted(tmp_path, disturbed=["others"], tested=4)
    assert "--meter-test" not in (tmp_path / "sent" / "unet.txt").read_text()
