"""Plans of studies: what they may say, which settings they make, and in which order these are trained."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from energyprof.errors import FileError, UsageError
from energyprof.study.folder import cells, opened, read_study
from energyprof.study.plan import plan_of, read_plan, settings
from energyprof.study.screening import plackett_burman
from energyprof.study.words import words_of

PLAN: dict[str, Any] = {
    "command": "run unet --size tiny",
    "factors": {"precision": ["fp32", "bf16"], "batch_size": [16, 32, 64], "compile": [False, True]},
}


def planned(**changes: Any) -> Any:
    return plan_of({**PLAN, **changes}, "plan.toml", "plan")


def labels(**changes: Any) -> list[str]:
    found = settings(planned(**changes))
    return [setting.label(found[0]) for setting in found]


def test_one_at_a_time_changes_one_factor_of_the_base() -> None:
    assert labels() == ["base", "precision=bf16", "batch_size=32", "batch_size=64", "compile=true"]


def test_a_grid_has_every_combination_once() -> None:
    found = labels(design="grid")
    assert len(found) == len(set(found)) == 2 * 3 * 2
    assert found[0] == "base"


@pytest.mark.parametrize("factors", [1, 3, 7, 8, 11, 15, 19, 23])
def test_a_screening_design_is_balanced_and_its_columns_are_orthogonal(factors: int) -> None:
    rows = plackett_burman(factors)
    columns = list(zip(*rows, strict=True))
    assert all(sum(column) == len(rows) / 2 for column in columns)
    for one, other in itertools.combinations(columns, 2):
        assert sum(a == b for a, b in zip(one, other, strict=True)) == len(rows) / 2


@pytest.mark.parametrize("factors", [3, 5, 8])
def test_folded_over_no_effect_is_mixed_with_an_interaction_of_two(factors: int) -> None:
    signs = [[2 * level - 1 for level in row] for row in plackett_burman(factors)]
    for a, b, c in itertools.combinations(range(factors), 3):
        assert sum(row[a] * row[b] * row[c] for row in signs) == 0


@pytest.mark.parametrize(
    ("command", "factors", "words"),
    [
        ("run unet", {"batch_size": [16, 32]}, "run unet --batch-size 16"),
        ("run unet", {"compile": [True, False]}, "run unet --compile"),
        ("run unet", {"compile": [False, True]}, "run unet"),
        ("run unet", {"lever.cpu.max_freq": ["2GHz", "3GHz"]}, "run unet --lever cpu.max_freq=2GHz"),
        ("run unet --size tiny", {"workload": ["transformer", "unet"]}, "run transformer --size tiny"),
        ("run ./t.py", {"argument.rate": [0.5, 1]}, "run ./t.py -- --rate 0.5"),
        ("run ./t.py -- --seedless", {"argument.rate": [1, 2]}, "run ./t.py -- --seedless --rate 1"),
        ("exec -- ./t.sh", {"lever.cpu.threads": [1, 2]}, "exec --lever cpu.threads=1 -- ./t.sh"),
    ],
)
def test_a_factor_becomes_words_of_the_command(command: str, factors: dict[str, Any], words: str) -> None:
    plan = planned(command=command, factors=factors)
    assert words_of(plan.command, settings(plan)[0]) == words.split()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"factor": {}}, "unknown key 'factor': did you mean factors?"),
        ({"command": ""}, "command: give what is trained"),
        ({"command": 3}, "command: give what is trained"),
        ({"design": "random"}, "choose from one-at-a-time, grid, screening"),
        ({"repeats": 0}, "at least 1"),
        ({"repeats": True}, "at least 1"),
        ({"factors": {}}, "give at least one"),
        ({"factors": {"precision": "fp32"}}, "a list of at least two values"),
        ({"factors": {"precision": ["fp32"]}}, "a list of at least two values"),
        ({"factors": {"precision": ["fp32", ["bf16"]]}}, "a list of at least two values"),
        ({"factors": {"batch_size": [16, 16]}}, "a value is there twice"),
        ({"factors": {"lever": {"cpu": {"threads": [1, 2]}}}}, "put a name with dots in quotes"),
        ({"factors": {"": [1, 2]}}, "'' is not the name of an option"),
        ({"factors": {"batch size": [1, 2]}}, "'batch size' is not the name of an option"),
        ({"command": "rum unet"}, "command 'rum': begin it with one of run, exec, simulate"),
        ({"budget": "8 hours"}, "give a time or an energy"),
        ({"budget": "0 h"}, "budget '0 h': give a time or an energy"),
        ({"budget": "0.0 kJ"}, "give a time or an energy"),
        ({"design": "screening"}, "screening compares two values"),
        ({"repeats": 1000, "factors": {"batch_size": list(range(1, 50))}}, "at most 10,000"),
        ({"name": ""}, "name: give a text"),
    ],
)
def test_what_is_no_plan_is_one_line(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as error:
        planned(**changes)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_budgets_are_hours_or_joules() -> None:
    assert planned(budget="90 min").budget.hours == 1.5
    assert planned(budget="2 kWh").budget.joules == 7.2e6


@pytest.mark.parametrize("content", [b"factors = [", b"\xff", b""])
def test_a_file_that_is_no_plan_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(content)
    with pytest.raises((FileError, UsageError)) as error:
        read_plan(path)
    assert "\n" not in str(error.value)


def test_every_block_holds_every_setting_once_in_an_order_of_its_own() -> None:
    plan = planned(repeats=6)
    order = cells(plan)
    assert [cell.block for cell in order] == sorted(cell.block for cell in order)
    blocks = [[cell.setting for cell in order if cell.block == block] for block in range(6)]
    assert all(set(block) == set(settings(plan)) for block in blocks)
    assert len({tuple(block) for block in blocks}) > 1
    assert cells(plan) == order  # the same again after an interruption
    assert len({cell.name for cell in order}) == len(order)


def test_a_plan_comes_back_from_its_folder_and_keeps_others_out(tmp_path: Path) -> None:
    plan = planned(budget="90 min", design="grid")
    opened(tmp_path / "s", plan)
    assert read_study(tmp_path / "s") == plan
    opened(tmp_path / "s", plan)
    with pytest.raises(UsageError, match="a plan with another repeats"):
        opened(tmp_path / "s", planned(budget="90 min", design="grid", repeats=5))


def test_a_folder_that_is_no_study_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="not a study"):
        read_study(tmp_path)


def test_the_example_is_a_plan() -> None:
    plan = read_plan(Path(__file__).parents[2] / "examples/study.toml")
    assert len(settings(plan)) > 3
