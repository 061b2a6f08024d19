"""Scripts as workloads: what makes them the same work, what they are trained to, and the README's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import energyprof
from energyprof.errors import UsageError
from energyprof.profile.program import called, work_of
from energyprof.profile.script import Script, is_script, target_of
from energyprof.workload import Target

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "my_training.py"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        (None, None),
        ("0.97", Target("score", 0.97, "max")),
        ("-3e-2", Target("score", -0.03, "max")),
        ("accuracy>=0.97", Target("accuracy", 0.97, "max")),
        (" val loss <= .2 ", Target("val loss", 0.2, "min")),
        ("top-5/acc@k>=1", Target("top-5/acc@k", 1.0, "max")),
    ],
)
def test_a_target_is_a_number_or_a_metric_with_its_bound(text: str | None, target: Target | None) -> None:
    assert target_of(text) == target


@pytest.mark.parametrize(
    "text", ["", "high", "accuracy", "accuracy=0.9", "accuracy>0.9", ">=0.9", "a>=b", "a>=nan", "inf", "1>=2"]
)
def test_anything_else_is_no_target(text: str) -> None:
    with pytest.raises(UsageError, match=r"give a number, 'accuracy>=0\.97' or 'loss<=0\.2'"):
        target_of(text)


@pytest.mark.parametrize(
    ("name", "script"), [("unet", False), ("train.py", True), ("./train", True), ("a/b.py", True)]
)
def test_what_ends_in_py_or_is_a_path_is_a_script(name: str, script: bool) -> None:
    assert is_script(name) == script


@pytest.mark.parametrize(
    ("text", "reaches", "falls_short"),
    [("accuracy>=0.97", 0.97, 0.9699999), ("loss<=0.2", 0.2, 0.2000001), ("-1", -1.0, -1.1)],
)
def test_a_script_is_told_its_seed_and_when_a_score_will_do(
    monkeypatch: pytest.MonkeyPatch, text: str, reaches: float, falls_short: float
) -> None:
    for name, value in Script(EXAMPLE, (), target_of(text)).environment(7).items():
        monkeypatch.setenv(name, value)
    assert energyprof.seed() == 7
    assert energyprof.reached(reaches)
    assert not energyprof.reached(falls_short)
    assert not energyprof.reached(float("nan"))


def test_without_a_target_no_score_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in Script(EXAMPLE, (), None).environment(3).items():
        monkeypatch.setenv(name, value)
    assert energyprof.seed() == 3
    assert not energyprof.reached(1e9)


def test_outside_a_profile_the_seed_is_0_and_no_score_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENERGYPROF_SEED", raising=False)
    monkeypatch.delenv("ENERGYPROF_TARGET", raising=False)
    assert energyprof.seed() == 0
    assert not energyprof.reached(1.0)


CODE = "import energyprof\nprint(energyprof.seed())\n"


def work_id(folder: Path, code: str = CODE, name: str = "t.py", **changes: Any) -> str:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(code)
    fields: dict[str, Any] = {"arguments": ("--lr", "1"), "target": target_of("a>=1"), **changes}
    return Script(path, **fields).work().work


def test_comments_imports_and_the_file_are_no_part_of_the_work(tmp_path: Path) -> None:
    commented = '"""Better words."""\n' + CODE.replace("\n", "  # a comment\n", 1)
    assert work_id(tmp_path, commented) == work_id(tmp_path)
    assert work_id(tmp_path / "elsewhere", name="u.py") == work_id(tmp_path)
    assert work_id(tmp_path, "import os, " + CODE.removeprefix("import ")) == work_id(tmp_path)


def test_versions_of_a_script_have_one_task_and_other_targets_or_scripts_have_not(tmp_path: Path) -> None:
    def task(name: str, target: str | None, content: str = CODE) -> str:
        (tmp_path / name).write_text(content)
        return Script(tmp_path / name, ("--lr", "1"), target_of(target)).work().task

    assert task("t.py", "a>=1") == task("t.py", "a>=1", CODE + "print(2)\n")
    assert len({task("t.py", "a>=1"), task("t.py", "a>=2"), task("t.py", None), task("u.py", "a>=1")}) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"code": CODE + "print(2)\n"},
        {"arguments": ("--lr", "2")},
        {"arguments": ("--lr 1",)},
        {"target": target_of("a<=1")},
        {"target": target_of("b>=1")},
        {"target": None},
    ],
    ids=str,
)
def test_code_arguments_and_target_are_the_work(tmp_path: Path, change: dict[str, Any]) -> None:
    assert work_id(tmp_path, **change) != work_id(tmp_path)


def test_programs_have_one_task_only_if_the_user_gave_them_one_name() -> None:
    slow, fast = ("./train", "--slow"), ("./train", "--fast")
    assert work_of(slow, None).task == ""
    assert work_of(slow, "mnist").task == work_of(fast, "mnist").task != work_of(fast, "cifar").task
    assert work_of(slow, "mnist").work == work_of(slow, None).work != work_of(fast, "mnist").work


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"x = (", "is not a Python script; `energyprof exec -- "),
        (b"\xff\xfe\x00", "is not a Python script"),
        (None, "cannot be read: No such file"),
    ],
)
def test_what_cannot_be_a_script_is_one_line(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "t.py"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as error:
        Script(path, (), None).work()
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def example() -> str:
    """The docs' training script."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/own-code.md").read_text(), re.DOTALL)
    (code,) = (block for block in blocks if "energyprof.reached(" in block)
    return str(code)


def test_the_readmes_script_is_the_example_and_short() -> None:
    if "energyprof.reached(" not in (ROOT / "docs/own-code.md").read_text():
        pytest.skip("the README does not show the script yet")
    assert example() == EXAMPLE.read_text()
    assert len(example().splitlines()) <= 30


@pytest.mark.slow
def test_the_readmes_script_reaches_its_target_from_every_seed(command: Any) -> None:
    pytest.importorskip("torch")
    (command.folder / "my_training.py").write_bytes(EXAMPLE.read_bytes())
    words = ("--target", "accuracy>=0.97", "--seeds", "0,1", "--idle", "0", "-o", "r.json")
    done = command("run", "my_training.py", *words, environment={"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    report = command.report()
    assert report["workload"]["target"] == {"metric": "accuracy", "value": 0.97, "direction": "max"}
    runs = report["runs"]
    assert [run["status"] for run in runs] == ["reached", "reached"]
    assert runs[0]["history"] != runs[1]["history"]
    assert {phase["name"] for phase in runs[0]["phases"]} == {"idle", "startup", "train", "eval", "shutdown"}


@pytest.mark.slow
def test_the_readmes_script_runs_outside_a_profile_as_well(tmp_path: Path) -> None:
    """Without a target it trains to its last step; here only its first ones are needed."""
    torch = pytest.importorskip("torch")
    code = EXAMPLE.read_text().replace("2001", "51")
    state = torch.random.get_rng_state()
    scope: dict[str, Any] = {}
    exec(compile(code, str(EXAMPLE), "exec"), scope)
    torch.random.set_rng_state(state)
    assert scope["step"] == 50
    assert 0.5 < scope["accuracy"] <= 1


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("./train --config conf.py", "train"),
        ("python", "python"),
        ("/usr/bin/python3.12 -u code/train.py --lr 0.1 other.py", "train.py"),
        ("python -m package.fit train.py", "package.fit"),
        ("python -c print() x.py", "python"),
        ("python -m", "python"),
        ("bash -e run.sh", "run.sh"),
        ("torchrun --nproc_per_node=2 train.py", "train.py"),
        ("srun -c 4 -m block python -m package.fit", "package.fit"),
        ("mpirun -np 2 ./train", "mpirun"),
    ],
)
def test_a_program_is_called_what_people_call_it(command: str, name: str) -> None:
    assert called(command.split()) == name
    assert work_of(command.split(), None).name == name
    assert work_of(command.split(), "own").name == "own"
