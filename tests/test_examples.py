"""The examples that train with other libraries, run as their first line says."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import Command

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.slow
@pytest.mark.parametrize(("example", "library"), [("sklearn_training", "sklearn"), ("jax_training", "jax")])
def test_an_example_trains_to_its_target_and_is_metered(command: Command, example: str, library: str) -> None:
    if not find_spec(library):
        pytest.skip(f"{library} is not installed")
    path = EXAMPLES / f"{example}.py"
    said = re.search(rf"energyprof run examples/{example}\.py --target '([^']+)'", path.read_text())
    assert said is not None
    words = ("run", str(path), "--target", said[1], "--idle", "0", "-o", "r.json", "--quiet")
    done = command(*words, environment={"OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu"})
    assert done.returncode == 0, done.stderr
    run = command.report()["runs"][0]
    assert run["status"] == "reached"
    assert run["score"] >= float(said[1].partition(">=")[2])
    assert {phase["name"] for phase in run["phases"]} >= {"startup", "train", "eval"}
    assert run["samples"] > 0 and run["energy_j"] is not None
