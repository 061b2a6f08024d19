"""The reference bank of unet tiny: today's definition, a target that needs a network and is reached."""

import json
from pathlib import Path

from energyprof.workload import Settings
from energyprof.workloads import unet

BANK = json.loads((Path(unet.__file__).parent / "banks" / "unet-tiny.json").read_text(encoding="utf-8"))


def test_the_bank_is_of_todays_definition():
    remedy = "the definition has changed: run benchmarks/calibrate.py unet --size tiny --seeds 20"
    assert BANK["workload"]["id"] == unet.plan(Settings()).id(), remedy
    assert BANK["workload"]["config"] == json.loads(json.dumps(unet.plan(Settings()).config)), remedy


def test_the_target_is_out_of_reach_of_every_trivial_method():
    assert len(BANK["baselines"]) >= 4
    assert unet.plan(Settings()).target.value >= max(BANK["baselines"].values()) + 0.05


def test_nineteen_of_twenty_seeds_reach_the_target_well_before_giving_up():
    plan = unet.plan(Settings())
    assert sorted(run["seed"] for run in BANK["runs"]) == list(range(20))
    reached = [run for run in BANK["runs"] if run["status"] == "reached"]
    assert len(reached) >= 19
    for run in reached:
        assert run["score"] >= plan.target.value
        assert run["samples"] <= plan.max_samples * 0.75


def test_a_run_of_the_bank_ends_at_the_first_score_at_the_target():
    for run in BANK["runs"]:
        *before, last = run["history"]
        assert all(score < BANK["workload"]["target"]["value"] for _, score in before)
        assert last == [run["samples"], run["score"]]
