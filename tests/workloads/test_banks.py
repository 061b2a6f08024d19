"""Every reference bank: of today's definition, with a target that needs a network and is reached."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from energyprof.compare.bank import bank_in, packaged
from energyprof.workload import Plan, Settings
from energyprof.workloads import WORKLOADS, workload_module

FILES = sorted((Path(workload_module.__code__.co_filename).parent / "banks").glob("*.json"))
BANKS = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in FILES}
each = pytest.mark.parametrize("name", BANKS)


def plan_of(name: str) -> Plan:
    workload, _, size = name.partition("-")
    plan: Plan = workload_module(workload).plan(Settings(size=size))
    return plan


def beyond(bank: dict[str, Any], score: float, than: float) -> bool:
    return score >= than if bank["workload"]["target"]["direction"] == "max" else score <= than


def test_there_is_a_bank_for_every_workloads_smallest_size() -> None:
    assert {f"{name}-tiny" for name in WORKLOADS} <= set(BANKS)


@each
def test_the_bank_is_of_todays_definition(name: str) -> None:
    bank, plan = BANKS[name], plan_of(name)
    remedy = f"the definition has changed: run benchmarks/calibrate.py {plan.name} --size {plan.size}"
    assert bank["workload"]["config"] == json.loads(json.dumps(plan.config)), remedy
    assert bank["workload"]["target"]["value"] == plan.target.value, remedy
    assert (bank["workload"]["task"], bank["workload"]["work"]) == (plan.task(), plan.work()), remedy
    assert packaged(plan.name, plan.size, plan.work()) == bank


@each
def test_the_target_is_out_of_reach_of_every_trivial_method(name: str) -> None:
    bank = BANKS[name]
    target, scores, margin = bank["workload"]["target"], bank["baselines"].values(), bank["margin"]
    assert len(scores) >= 2
    assert margin >= 0.02
    if target["direction"] == "max":
        assert target["value"] >= max(scores) + margin
    else:
        assert target["value"] <= min(scores) * (1 - margin)


@each
def test_nineteen_of_twenty_seeds_reach_the_target_well_before_giving_up(name: str) -> None:
    bank = BANKS[name]
    assert len(bank["runs"]) >= 20
    assert [run["seed"] for run in bank["runs"]] == list(range(len(bank["runs"])))
    reached = [run for run in bank["runs"] if run["status"] == "reached"]
    assert len(reached) >= 0.95 * len(bank["runs"])
    assert all(run["samples"] <= bank["workload"]["max_samples"] * 0.75 for run in reached)


@each
def test_a_run_of_the_bank_ends_at_the_first_score_at_the_target(name: str) -> None:
    bank = BANKS[name]
    value = bank["workload"]["target"]["value"]
    for run in bank["runs"]:
        *before, last = run["history"]
        assert not any(beyond(bank, score, value) for _, score in before)
        assert last == [run["samples"], run["score"]]
        assert beyond(bank, last[1], value) == (run["status"] == "reached")


@each
def test_no_run_of_the_bank_is_too_fast_for_it(name: str) -> None:
    found = bank_in(BANKS[name])
    assert found is not None
    reached = [run["samples"] for run in BANKS[name]["runs"] if run["status"] == "reached"]
    assert not any(found.too_fast([samples]) for samples in reached)
    assert not found.too_fast(reached)
