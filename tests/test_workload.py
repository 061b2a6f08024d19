from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Literal

import pytest

from energyprof.workload import Plan, Settings, Target, WorkloadError, code_digest
from energyprof.workloads import workload_module

CODE = '''"""A module."""

import os  # for the name


def name() -> str:
    """The name."""
    return f"{os.name}"  # not the nickname
'''


def digest(folder: Path, text: str) -> str:
    (folder / "code.py").write_text(text)
    return code_digest(folder / "code.py")


def test_better_words_are_the_same_work(tmp_path: Path) -> None:
    reworded = (
        CODE.replace("A module.", "A finer\nmodule.").replace("# not the nickname", "").replace("\n\n", "\n")
    )
    assert digest(tmp_path, reworded) == digest(tmp_path, CODE)


@pytest.mark.parametrize(("old", "new"), [("os.name", "os.sep"), ('f"{', 'f" {'), ("-> str", "-> 'str'")])
def test_other_code_is_other_work(tmp_path: Path, old: str, new: str) -> None:
    assert digest(tmp_path, CODE.replace(old, new)) != digest(tmp_path, CODE)


PLAN = Plan("toy", "tiny", {"batch_size": 8}, Target("dice", 0.8, "max"), 1000)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"settings": Settings(device="cuda", nproc=2, data="elsewhere")}, True),
        ({"max_samples": 5}, True),
        ({"name": "other"}, False),
        ({"size": "base"}, False),
        ({"config": {"batch_size": 4}}, False),
        ({"target": Target("dice", 0.81, "max")}, False),
        ({"sources": (__file__,)}, False),
    ],
)
def test_the_id_is_equal_exactly_where_the_work_is(change: dict[str, object], same: bool) -> None:
    assert (dataclasses.replace(PLAN, **change).id() == PLAN.id()) is same  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("direction", "score", "reached"),
    [
        ("max", 0.8, True),
        ("max", 0.79, False),
        ("min", 0.8, True),
        ("min", 0.81, False),
        ("max", math.nan, False),
        ("min", math.nan, False),
        ("max", None, False),
    ],
)
def test_a_target_is_reached_at_its_value(
    direction: Literal["max", "min"], score: float | None, reached: bool
) -> None:
    assert Target("dice", 0.8, direction).reached(score) is reached


def test_an_unknown_workload_is_one_line_with_the_known_ones() -> None:
    with pytest.raises(WorkloadError, match="'gpt': choose one of diffusion, transformer, unet"):
        workload_module("gpt")
