"""Searches: what is proposed, what is measured again, and that an interruption changes nothing."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path
from typing import Any

import pytest

from energyprof.errors import FileError, UsageError
from energyprof.study.folder import TRIED, cells, opened, read_study, remember
from energyprof.study.objectives import undecided
from energyprof.study.plan import Plan, Setting, plan_of, settings
from energyprof.study.proposals import proposed, trials

PLAN: dict[str, Any] = {
    "command": "run unet",
    "design": "search",
    "trials": 12,
    "factors": {"batch_size": [8, 16, 32, 64, 128], "precision": ["fp32", "bf16"], "compile": [False, True]},
}


def planned(**changes: Any) -> Plan:
    return plan_of({**PLAN, **changes}, "plan.toml", "plan")


def joules_and_s(setting: Setting) -> list[dict[int, float]]:
    """Larger batches take fewer joules and more time; bf16 takes half of both."""
    values = dict(setting.values)
    half = 0.5 if values["precision"] == "bf16" else 1.0
    return [{0: half * 1000 / values["batch_size"] ** 0.5}, {0: half * 10 * values["batch_size"] ** 0.5}]


def searched(plan: Plan, trials: int, known: list[Setting] | None = None) -> list[Setting]:
    tried = list(known or settings(plan)[:1])
    while (
        len(tried) < trials and (found := proposed(plan, [(s, joules_and_s(s)) for s in tried])) is not None
    ):
        tried.append(found)
    return tried


@pytest.mark.slow
def test_the_first_is_the_base_and_none_comes_twice() -> None:
    found = searched(planned(), 12)
    assert found[0] == settings(planned())[0]
    assert len(set(found)) == 12


@pytest.mark.slow
def test_it_learns_where_the_front_is() -> None:
    many = {**PLAN["factors"], "width": [1, 2, 3, 4, 5], "depth": [1, 2, 3, 4, 5]}
    found = searched(planned(trials=60, factors=many), 60)
    bf16 = [dict(s.values)["precision"] == "bf16" for s in found[40:]]
    assert sum(bf16) >= 14  # by chance half of them


@pytest.mark.slow
def test_an_interrupted_search_goes_on_as_it_would_have() -> None:
    whole = searched(planned(), 14)
    assert searched(planned(), 14, whole[:9]) == whole


@pytest.mark.slow
def test_when_all_were_tried_there_is_nothing_left_to_propose() -> None:
    assert len(searched(planned(trials=100), 100)) == 5 * 2 * 2
    assert [trials(planned(trials=asked)) for asked in (12, 100)] == [12, 5 * 2 * 2]


def test_one_that_failed_is_learnt_from_without_a_value() -> None:
    plan = planned()
    tried = [(s, joules_and_s(s) if i % 2 else [{}, {}]) for i, s in enumerate(searched(plan, 9))]
    assert proposed(plan, tried) is not None


def test_what_was_tried_is_read_back_and_no_other_plan_may_go_on_with_it(tmp_path: Path) -> None:
    plan = planned()
    opened(tmp_path, plan)
    tried = dataclasses.replace(plan, tried=tuple(searched(plan, 3)[1:]))
    remember(tmp_path, tried)
    assert read_study(tmp_path).tried == tried.tried
    assert [cell.name[:6] for cell in cells(read_study(tmp_path)) if cell.block == 0] == [
        "b0-000",
        "b0-001",
        "b0-002",
    ]
    with pytest.raises(UsageError, match="of a plan with another trials"):
        opened(tmp_path, planned(trials=13))
    data = json.loads((tmp_path / TRIED).read_text())
    data["tried"][0]["batch_size"] = 7
    (tmp_path / TRIED).write_text(json.dumps(data))
    with pytest.raises(FileError, match="not of this plan"):
        read_study(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trials": 0}, "trials 0"),
        ({"objectives": ["joules"]}, "list some of energy, time, score"),
        ({"objectives": ["time", "time"]}, "one is there twice"),
        ({"design": "grid"}, 'trials: only with design = "search"'),
    ],
)
def test_what_a_search_cannot_be_asked_is_said(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        planned(**changes)


def measured(
    truth: list[tuple[float, float]], blocks: int, noise: float = 0.01
) -> list[list[dict[int, float]]]:
    rng = random.Random(0)
    return [
        [{b: x * (1 + 0.03 * b) * rng.gauss(1, noise) for b in range(blocks)} for x in pair] for pair in truth
    ]


def test_after_one_block_what_is_far_behind_is_left() -> None:
    known = measured([(1.0, 1.0), (0.9, 1.2), (1.05, 1.05), (1.3, 1.3)], 1)
    assert undecided(known, 1) == [0, 1, 2]


def test_front_points_are_measured_until_each_is_certain() -> None:
    truth = [(1.0, 1.0), (0.9, 1.2), (1.3, 1.3)]
    assert undecided(measured(truth, 6), 6) == []
    alike = [(1.0, 1.0), (1.001, 0.999), (1.5, 1.5)]
    assert undecided(measured(alike, 6), 6) == [0, 1]
