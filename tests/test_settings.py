"""The table of training settings: a row is all that an option needs besides its use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from energyprof.cli.setting_options import with_settings
from energyprof.settings import SETTINGS, WHAT, Range, Settings, row
from energyprof.workload import Plan, WorkloadError
from energyprof.workloads import planning
from energyprof.workloads.parsing import settings_of

RECIPES = {"tiny": {"batch_size": 16, "target": 0.8, "max_samples": 100}}
DEPTH = Range(": use 1 to 9", at_least=1, at_most=9)


@dataclass(frozen=True)
class More(Settings):
    """The table with a row more."""

    depth: int | None = row(
        None, "N", "How deep the network is.", WHAT, "work", DEPTH, workloads=("transformer",)
    )


def plan_of(workload: str, settings: Settings) -> Plan:
    recipe = planning.recipe_of(workload, settings, RECIPES)
    return planning.plan_of(workload, settings, recipe, ("dice", "max"), ())


@pytest.mark.slow
def test_a_row_more_is_an_option_more_with_its_help_in_its_panel() -> None:
    seen: list[dict[str, Any]] = []

    @with_settings({"size": "workload"}, More)
    def train(workload: str = "transformer", **settings: Any) -> None:
        seen.append(settings)

    app = typer.Typer()
    app.command()(train)
    text = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "120"}).output
    assert "How deep the network is." in text.partition(WHAT)[2].partition("Where and how")[0]
    assert "--depth" in text
    assert CliRunner().invoke(app, ["--depth", "4"]).exit_code == 0
    assert (seen[0]["depth"], seen[0]["size"], seen[0]["breakdown_s"]) == (4, "tiny", 0.0)
    assert settings_of("transformer", seen[0], More) == More(depth=4)


def test_a_row_more_is_read_from_words_and_json_and_refused_where_it_makes_no_sense() -> None:
    assert settings_of("transformer", {"depth": "4"}, More) == More(depth=4)
    assert settings_of("transformer", {"depth": 4}, More) == More(depth=4)
    for workload, values, says in (
        ("transformer", {"depth": 10}, "depth 10: use 1 to 9"),
        ("transformer", {"depth": "deep"}, "--depth deep: give transformer a whole number"),
        ("unet", {"depth": 4}, "unet has no --depth: leave it out, or train transformer, which has"),
    ):
        with pytest.raises(WorkloadError, match=says):
            settings_of(workload, values, More)
    with pytest.raises(WorkloadError, match="unknown setting 'depth'"):
        settings_of("transformer", {"depth": 4})


def test_a_row_more_makes_other_work_only_where_it_is_given() -> None:
    plain = plan_of("transformer", Settings())
    assert plan_of("transformer", More()).work() == plain.work()
    deep = plan_of("transformer", More(depth=4))
    assert deep.config["depth"] == 4
    assert deep.work() != plain.work()


# Another value of each kind that a row may have, but for the rules that say otherwise.
OTHERS: dict[str, Any] = {
    "precision": "bf16",
    "prediction": "epsilon",
    "data_fraction": 0.5,
    "device": "cpu",
    "paradigm": "federated",
    "split": "dirichlet:0.5",
    "clients": 3,
    "backup": 1,
    "strategy": "fedadam",
    "engine": "ray",
    "transfer": "int8",
    "compress": "zstd",
    "topology": "full",
    "parts": 3,
    "update": "joint",
    "prune_kind": "mask",
    "optimiser": "sgd",
    "quantise": "int8",
    "qat": "int8",
    "sparsity": "2:4",
    "data_cache": "zstd",
}
# What a row says more about.
BESIDE: dict[str, dict[str, Any]] = {
    "prune_kind": {"prune": 0.3},
    "data_cache": {"data": "/"},
    "cache_features": {"freeze": 0.5},
    "grow": {"grow": 0.5, "grow_samples": 64},
    "grow_samples": {"grow": 0.5, "grow_samples": 64},
    "quantise": {"inference_s": 1.0},
    "client": {"engine": "deploy", "address": "10.0.0.5:9092"},
    "answer_s": {"engine": "deploy", "address": "10.0.0.5:9092"},
}


# What lies under a path, and what a size is, the workload's own plan describes.
BY_VALUE = [setting for setting in SETTINGS if not setting.path and setting.name != "size"]


@pytest.mark.parametrize("setting", BY_VALUE, ids=lambda setting: setting.name)
def test_a_setting_makes_other_work_exactly_where_its_row_says_so(setting: Any) -> None:
    workload = setting.workloads[0] if setting.workloads else "unet"
    if setting.name == "cache_features":
        workload = "transformer"  # the U-Net's images are new each time
    other = OTHERS.get(setting.name, {bool: True, int: 2, float: 0.7}.get(setting.kind))
    # Of eight clients four are needed: there is room for backup.
    by: dict[str, Any] = {"paradigm": setting.paradigms[0]} if setting.paradigms else {}
    by.update(BESIDE.get(setting.name, {}))
    base = (
        Settings(**by, clients=8, participation=0.5) if by.get("paradigm") == "federated" else Settings(**by)
    )
    plain, turned = (plan_of(workload, s) for s in (base, replace(base, **{setting.name: other})))
    assert (turned.work() != plain.work()) is (setting.part != "how")
    assert (turned.task() != plain.task()) is (setting.part == "task")
