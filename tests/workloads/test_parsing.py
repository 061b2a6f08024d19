"""From words and JSON to settings, by the table."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from energyprof.settings import SETTINGS, Settings
from energyprof.workload import WorkloadError
from energyprof.workloads import WORKLOADS, latent
from energyprof.workloads.parsing import settings_of


@pytest.mark.parametrize(
    ("values", "settings"),
    [
        ({}, Settings()),
        ({"lora": "8", "target": "0.7", "compile": "true"}, Settings(lora=8, target=0.7, compile=True)),
        ({"lora": 8, "target": 0.7, "compile": True}, Settings(lora=8, target=0.7, compile=True)),
        ({"checkpoint": "False", "lora": None, "precision": "bf16"}, Settings(precision="bf16")),
        ({"breakdown_s": 2, "data_fraction": "1"}, Settings(breakdown_s=2.0)),
    ],
    ids=str,
)
def test_words_and_json_say_the_same(values: dict[str, Any], settings: Settings) -> None:
    found = settings_of("transformer", json.loads(json.dumps(values)))
    assert found == settings
    assert [type(getattr(found, row.name)) for row in SETTINGS] == [
        type(getattr(settings, row.name)) for row in SETTINGS
    ]


@pytest.mark.parametrize(
    ("workload", "values", "says"),
    [
        ("gpt", {"lora": 4}, "unknown workload 'gpt': choose one of "),
        ("unet", {"batch-size": 4}, "unknown setting 'batch-size': did you mean 'batch_size'?"),
        ("unet", {"wurst": 4}, "unknown setting 'wurst': choose one of size, target, "),
        ("unet", {"lora": 4}, "unet has no --lora: leave it out, or train transformer, which has"),
        (
            "unet",
            {"model": "x"},
            "unet has no --model: leave it out, or train transformer or diffusion or speech",
        ),
        ("transformer", {"lora": "four"}, "--lora four: give transformer a whole number"),
        ("transformer", {"lora": 4.0}, "--lora 4.0: give transformer a whole number"),
        ("transformer", {"lora": True}, "--lora True: give transformer a whole number"),
        ("transformer", {"lora": 0}, "lora 0: use a rank of 1 or more"),
        (
            "unet",
            {"target": "dice>=0.8"},
            "--target dice>=0.8: give unet a plain number; its metric is fixed",
        ),
        ("unet", {"target": "0.8\n0.9"}, "--target '0.8\\n0.9': give unet a plain number"),
        ("unet", {"target": math.nan}, "--target nan: give unet a plain number"),
        ("unet", {"target": 10**400}, "give unet a plain number"),
        ("unet", {"target": [0.8]}, "--target [0.8]: give unet a plain number"),
        ("unet", {"breakdown_s": "-1"}, "breakdown -1.0: give seconds, between 0 and 3600"),
        ("unet", {"precision": None}, "--precision None: give unet a name"),
        ("unet", {"precision": 16}, "--precision 16: give unet a name"),
        ("unet", {"precision": "int8"}, "unknown precision 'int8': choose one of fp32, "),
        ("diffusion", {"prediction": "x"}, "unknown prediction 'x': choose one of epsilon, v_prediction"),
        ("unet", {"compile": "maybe"}, "--compile maybe: give unet true or false"),
        ("unet", {"compile": 1}, "--compile 1: give unet true or false"),
    ],
)
def test_what_cannot_be_is_one_line(workload: str, values: dict[str, Any], says: str) -> None:
    with pytest.raises(WorkloadError) as error:
        settings_of(workload, values)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_every_workload_that_the_table_names_exists() -> None:
    assert {workload for row in SETTINGS for workload in row.workloads} <= set(WORKLOADS)


def test_what_the_table_lets_a_model_predict_is_what_a_scheduler_may_say() -> None:
    (row,) = (row for row in SETTINGS if row.name == "prediction")
    assert row.accepts == latent.PREDICTIONS


def test_every_default_keeps_its_own_rule() -> None:
    for workload in WORKLOADS:
        assert settings_of(workload, {row.name: row.default for row in SETTINGS}) == Settings()
