"""The rules that every workload's settings keep."""

from __future__ import annotations

import math

import pytest

from energyprof.workload import Settings, WorkloadError
from energyprof.workloads import planning

RECIPES = {"tiny": {"batch_size": 16, "learning_rate": 0.1, "target": 0.8, "max_samples": 100}}


def planned(settings, name="toy"):
    """The plan of the settings for the workload called so, which the table knows or does not."""
    recipe = planning.recipe_of(name, settings, RECIPES)
    return planning.plan_of(name, settings, recipe, ("dice", "max"), ())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(size="huge"), "toy has no size 'huge': choose one of tiny"),
        (Settings(precision="int8"), "unknown precision 'int8': choose one of fp32, tf32, bf16, fp16"),
        (Settings(batch_size=0), "batch size 0 is too small"),
        (Settings(grad_accum=0), "grad accum 0: use 1 or more"),
        (Settings(grad_accum=3), "batch size 16 cannot be split .*: use a multiple of 3"),
        (Settings(nproc=0), "nproc 0: use 1 or more"),
        (Settings(nproc=4, grad_accum=8), "batch size 16 cannot be split .*: use a multiple of 32"),
        (Settings(data_fraction=0.0), "data fraction 0.0"),
        (Settings(data_fraction=1.5), "data fraction 1.5"),
        (Settings(data_fraction=math.nan), "data fraction nan"),
        (Settings(workers=-1), "workers -1: use 0 or more"),
        (Settings(breakdown_s=-1.0), "breakdown -1.0: give seconds"),
        (Settings(breakdown_s=math.nan), "breakdown nan: give seconds"),
        (Settings(target=0.0), "target 0.0: use a number above 0"),
        (Settings(target=math.nan), "target nan"),
        (Settings(max_samples=0), "max samples 0 is too small"),
        (Settings(lora=8), "toy has no --lora: leave it out"),
        (Settings(channels_last=True), "toy has no --channels-last: leave it out"),
        (Settings(data="folder"), "toy has no --data: leave it out"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_setting_out_of_its_range_is_one_line(settings, words):
    with pytest.raises(WorkloadError, match=words) as error:
        planned(settings)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 120


@pytest.mark.parametrize(
    "settings",
    [
        Settings(batch_size=8),
        Settings(grad_accum=2),
        Settings(precision="bf16"),
        Settings(compile=True),
        Settings(checkpoint=True),
        Settings(data_fraction=0.5),
        Settings(channels_last=True),
        Settings(ema=True),
        Settings(target=0.7),
    ],
    ids=str,
)
def test_what_changes_the_work_changes_its_id(settings):
    assert planned(settings, "diffusion").work() != planned(Settings(), "diffusion").work()


@pytest.mark.parametrize(
    "settings",
    [
        Settings(device="cuda:1"),
        Settings(nproc=2),
        Settings(workers=3),
        Settings(breakdown_s=2.0),
        Settings(max_samples=99),
    ],
    ids=str,
)
def test_where_and_how_it_runs_is_no_part_of_the_work(settings):
    assert planned(settings).work() == planned(Settings()).work()


def test_an_option_that_a_workload_does_not_offer_is_no_part_of_its_work():
    assert "channels_last" not in planned(Settings()).config
    assert planned(Settings(), "unet").config["channels_last"] is False


def test_a_recipe_keeps_its_own_values_where_nothing_is_asked():
    plan = planned(Settings())
    assert (plan.config["batch_size"], plan.max_samples, plan.target.value) == (16, 100, 0.8)
    assert not {"target", "max_samples"} & set(plan.config)


@pytest.mark.parametrize(
    ("asked", "most"),
    [
        ({}, 100),
        ({"paradigm": "continual"}, 100),
        ({"paradigm": "federated"}, 400),
        ({"paradigm": "consensus"}, 400),
        ({"paradigm": "consensus", "max_samples": 64}, 64),
    ],
)
def test_clients_are_given_more_samples_unless_somebody_says_how_many(asked, most):
    plan = planned(Settings(**asked))
    assert plan.max_samples == most
    assert plan.work() == planned(Settings(**{**asked, "max_samples": 7})).work()
