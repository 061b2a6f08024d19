from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Literal

import pytest

from energyprof.workload import Plan, Settings, Target, WorkloadError, code_digest
from energyprof.workloads import WORKLOADS, workload_module

CODE = '''"""A module."""

import os  # for the name


def name() -> str:
    """The name."""
    return f"{os.name}"  # not the nickname
'''


def digest(folder: Path, text: str) -> str:
    (folder / "code.py").write_text(text)
    return code_digest(folder / "code.py")


MOVED = """import b, a; x = 1
from one import (  # the best
    f,
    g as h,
)
if x: import c
def make():
    from two import d; import e
    return d(e, f"{h}", "import q")
class Made:
    import z
    x: "int" = 2
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("import b, a;", "import a, b;"),
        ("import b, a; x", "import a\nimport b\nx"),
        ("    f,\n    g as h,\n", "    g as h, f\n"),
        ("from one import (", "from other.place import ("),
        ("import c", "import ccc"),
        ("from two import d; import e", "import e\n    from moved.two import d"),
        ("    import z\n", ""),
        ("return d(e,", "return d(\n  e,"),
    ],
)
def test_where_names_come_from_and_how_it_is_laid_out_is_no_part_of_the_work(
    tmp_path: Path, old: str, new: str
) -> None:
    assert old in MOVED
    assert digest(tmp_path, MOVED.replace(old, new)) == digest(tmp_path, MOVED)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x = 1", "x = 2"),
        ('"import q"', '"import r"'),
        ('f"{h}"', 'f"{g}"'),
        ("    return", "return"),
        ("if x:", "if y:"),
        ('"int"', '"str"'),
    ],
)
def test_what_is_not_an_import_is(tmp_path: Path, old: str, new: str) -> None:
    assert old in MOVED
    assert digest(tmp_path, MOVED.replace(old, new)) != digest(tmp_path, MOVED)


ODD = '''import os; x = 1
class A:
    """Doc."""
    é: "int" = f"é{x!r:>{x}} 漢 {'a' + f'{x}'} }}" f'{x}'  # ä
    def f(self):
        yield from (lambda: x)(); import late
        return """two
        lines""" + rf"ß{self.é}\\d", x[1:2], {1: 2}
'''


def test_the_digest_is_the_same_on_every_python_and_release(tmp_path: Path) -> None:
    """If it is not, every stored baseline and bank is of other work."""
    assert digest(tmp_path, ODD) == "57b9df38adea17b53a445d0f7603b45ec2d48e16579ca8cb01a969e54d856ccd"


def test_better_words_are_the_same_work(tmp_path: Path) -> None:
    reworded = (
        CODE.replace("A module.", "A finer\nmodule.").replace("# not the nickname", "").replace("\n\n", "\n")
    )
    assert digest(tmp_path, reworded) == digest(tmp_path, CODE)


@pytest.mark.parametrize(
    ("old", "new"), [("os.name", "os.sep"), ('f"{', 'f" {'), ("-> str", "-> 'str'"), ('f"', '"')]
)
def test_other_code_is_other_work(tmp_path: Path, old: str, new: str) -> None:
    assert digest(tmp_path, CODE.replace(old, new)) != digest(tmp_path, CODE)


PLAN = Plan("toy", "tiny", {"batch_size": 8}, Target("dice", 0.8, "max"), 1000)
AIM = dataclasses.replace(
    PLAN,
    config={"batch_size": 8, "data": "1", "model": {"vae": 1, "unet": 1}},
    task_keys=("data", "model.vae"),
)


def test_moving_or_reordering_the_files_changes_no_work(tmp_path: Path) -> None:
    def work(*names: str) -> str:
        for name, text in zip(names, (CODE, MOVED), strict=True):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        paths = tuple(str(tmp_path / name) for name in names)
        assert (
            dataclasses.replace(PLAN, sources=paths[::-1]).work()
            == dataclasses.replace(PLAN, sources=paths).work()
        )
        return dataclasses.replace(PLAN, sources=paths).work()

    assert work("one.py", "two.py") == work("elsewhere/first.py", "second.py")


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"settings": Settings(device="cuda", nproc=2, data="elsewhere")}, True),
        ({"size": "base"}, True),
        ({"sources": (__file__,)}, True),
        ({"config": {**AIM.config, "batch_size": 4}}, True),
        ({"config": {**AIM.config, "model": {"vae": 1, "unet": 2}}}, True),
        ({"config": {**AIM.config, "model": {"vae": 2, "unet": 1}}}, False),
        ({"config": {**AIM.config, "model": "hub:other"}}, False),
        ({"config": {**AIM.config, "data": "2"}}, False),
        ({"target": Target("dice", 0.81, "max")}, False),
        ({"target": Target("dice", 0.8, "min")}, False),
        ({"name": "other"}, False),
    ],
)
def test_the_task_is_what_is_to_be_achieved_and_not_how(change: dict[str, object], same: bool) -> None:
    other = dataclasses.replace(AIM, **change)  # type: ignore[arg-type]
    assert (other.task() == AIM.task()) is same
    assert same or other.work() != AIM.work()  # the same work is the same task


@pytest.mark.parametrize("name", WORKLOADS)
def test_how_the_standard_workloads_are_trained_is_no_part_of_their_task(name: str) -> None:
    plan = workload_module(name).plan
    ways = [Settings(), Settings(precision="bf16"), Settings(batch_size=8), Settings(data_fraction=0.5)]
    assert len({plan(settings).task() for settings in ways}) == 1
    assert len({plan(settings).work() for settings in ways}) == 4
    assert plan(Settings(target=0.5)).task() != plan(Settings()).task()
    assert {key.partition(".")[0] for key in plan(Settings()).task_keys} <= set(plan(Settings()).config)


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
        ({"task_keys": ("batch_size",)}, False),
    ],
)
def test_the_id_is_equal_exactly_where_the_work_is(change: dict[str, object], same: bool) -> None:
    assert (dataclasses.replace(PLAN, **change).work() == PLAN.work()) is same  # type: ignore[arg-type]


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
    with pytest.raises(WorkloadError, match="'gpt': choose one of diffusion, speech, transformer, unet"):
        workload_module("gpt")
