"""``energyprof run ./script.py``: seeds, targets, phases and failures of scripts that need no torch."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from fakes.powercap import LAG_J

UNMARKED = {"kind": "unmarked", "meter": "", "detail": ""}

SCRIPT = """
import sys, time, energyprof
print("started with", sys.argv[1:])
if "mark" in sys.argv:
    energyprof.mark("train")
for step in range(1, 5):
    time.sleep(0.1)
    score = step / 4
    if "mute" not in sys.argv:
        energyprof.progress(samples=32 * step, score=score)
    if energyprof.reached(score):
        break
print("seed", energyprof.seed())
if "break" in sys.argv:
    raise RuntimeError("as asked")
"""


@pytest.fixture
def script(command: Any) -> Any:
    (command.folder / "train.py").write_text(SCRIPT)

    def run(*words: str, path: str = "train.py") -> Any:
        return command("run", path, "--idle", "0", "-o", "r.json", "--force", *words)

    return run


def names(run: dict[str, Any]) -> list[str]:
    return [phase["name"] for phase in run["phases"]]


@pytest.mark.slow
def test_a_script_is_trained_to_its_target_from_each_seed(command: Any, script: Any) -> None:
    done = script("--target", "accuracy>=0.5", "--seeds", "3,5", "--", "mark")
    assert done.returncode == 0, done.stderr
    report = command.report()
    assert [(r["seed"], r["status"], r["samples"], r["score"]) for r in report["runs"]] == [
        (3, "reached", 64, 0.5),
        (5, "reached", 64, 0.5),
    ]
    run = report["runs"][0]
    assert names(run) == ["idle", "startup", "train", "shutdown"]
    assert run["phases"][2]["samples"] == 64
    assert run["energy_j"] == pytest.approx(50 * run["time_s"], abs=LAG_J)
    assert UNMARKED not in run["flags"]
    work = report["workload"]
    assert (work["name"], work["size"], work["config"]) == ("train.py", None, {"arguments": ["mark"]})
    assert work["target"] == {"metric": "accuracy", "value": 0.5, "direction": "max"}


@pytest.mark.slow
def test_a_script_that_does_not_get_there_missed_its_target(command: Any, script: Any) -> None:
    assert script("--target", "score>=2", "--", "mark").returncode == 4
    run = command.report()["runs"][0]
    assert (run["status"], run["samples"], run["score"]) == ("missed", 128, 1.0)


@pytest.mark.slow
def test_a_loss_is_to_fall_to_its_target(command: Any, script: Any) -> None:
    assert script("--target", "loss<=0.25", "--", "mark").returncode == 0
    assert command.report()["runs"][0]["samples"] == 32


@pytest.mark.slow
def test_a_script_without_a_target_is_done(command: Any, script: Any) -> None:
    assert script("--", "mark").returncode == 0
    run = command.report()["runs"][0]
    assert (run["status"], run["samples"], run["exit_code"]) == ("done", 128, 0)


@pytest.mark.slow
def test_of_a_script_that_marks_no_phases_all_counts_and_the_report_says_so(
    command: Any, script: Any
) -> None:
    done = script()
    assert done.returncode == 0
    run = command.report()["runs"][0]
    assert (names(run), run["status"], run["samples"]) == (["idle", "run", "shutdown"], "done", 128)
    assert UNMARKED in run["flags"]
    assert run["time_s"] > 0.4
    assert "marked no phases" in done.stdout


@pytest.mark.slow
def test_a_script_that_says_nothing_is_metered_as_a_whole(command: Any, script: Any) -> None:
    assert script("--", "mute").returncode == 0
    run = command.report()["runs"][0]
    assert (names(run), run["status"], run["samples"]) == (["idle", "run"], "done", None)
    assert UNMARKED in run["flags"]
    assert run["energy_j"] == pytest.approx(run["total_energy_j"], abs=LAG_J / 10)
    assert "digit for digit" in command("recompute", "r.json").stdout


@pytest.mark.slow
def test_a_script_that_breaks_keeps_the_seeds_before_and_its_last_lines(command: Any, script: Any) -> None:
    breaking = SCRIPT.replace('"break" in sys.argv', "energyprof.seed() == 1")
    (command.folder / "train.py").write_text(breaking)
    done = script("--repeats", "3", "-q", "--", "mark", "two words")
    assert done.returncode == 2
    assert [run["status"] for run in command.report()["runs"]] == ["done", "failed"]
    lines = done.stderr.splitlines()
    assert lines[0] == "the training's last lines:"
    assert "  started with ['mark', 'two words']" in lines
    assert lines[-1] == "  RuntimeError: as asked"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("train.py", "--size", "base"),
            "--size: only for standard workloads; pass train.py its own options after --",
        ),
        (("./train.py", "--lora", "4", "--ema"), "--lora, --ema: only for standard workloads"),
        (("train.py", "--batch-size", "4"), "--batch-size: "),
        (("train.py", "--device", "cpu"), "--device: "),
        (("train.py", "--breakdown", "1"), "--breakdown: "),
        (("train.py", "--target", "accuracy=1"), "--target accuracy=1: give a number, 'accuracy>=0.97'"),
        (("train.py", "--python", "/no/python"), "/no/python: there is no such program"),
        (("other.py",), "other.py: cannot be read: No such file"),
        (("unet", "--target", "dice>=0.8"), "--target dice>=0.8: give unet a plain number"),
        (("unet", "--", "fast"), "fast: only a script takes arguments"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    command: Any, script: Any, one_error_line: Any, words: tuple[str, ...], says: str
) -> None:
    assert says in one_error_line(command("run", *words))
    assert [path.name for path in command.folder.glob("*")] == ["train.py"]


@pytest.mark.slow
def test_the_report_names_the_commit_of_the_script_and_the_job_it_ran_in(command: Any, script: Any) -> None:
    for words in (
        ("init", "-q"),
        ("add", "train.py"),
        ("-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", "first"),
    ):
        subprocess.run(["git", *words], cwd=command.folder, check=True)
    words = ("run", "train.py", "--idle", "0", "-o", "r.json")
    done = command(
        *words, environment={"SLURM_JOB_ID": "4711", "SLURMD_NODENAME": "n3", "SLURM_JOB_ACCOUNT": "lab"}
    )
    assert done.returncode == 0, done.stderr
    head = ["git", "rev-parse", "HEAD"]
    revision = subprocess.run(head, cwd=command.folder, capture_output=True, text=True, check=True).stdout
    report = command.report()
    assert report["commit"] == {"revision": revision.strip(), "modified": False}
    said = {"manager": "slurm", "id": "4711", "node": "n3", "step": "", "array": "", "account": "lab"}
    assert report["job"] == said


@pytest.mark.slow
def test_show_says_what_each_of_several_targets_took(command: Any, script: Any) -> None:
    assert script("--target", "accuracy>=0.75", "--", "mark").returncode == 0
    words = ("show", "r.json", "--targets", "0.75,0.25,0.5,1")
    out = command(*words, environment={"COLUMNS": "80"}).stdout
    lines = [line.split() for line in out.partition("to each target")[2].splitlines()]
    rows = {line[0]: line for line in lines if line and line[0] in ("0.25", "0.5", "0.75", "1")}
    assert list(rows) == ["0.25", "0.5", "0.75", "1"]  # the easiest first
    history = {point["score"]: point for point in command.report()["runs"][0]["history"]}
    for target in ("0.25", "0.5", "0.75"):
        assert str(history[float(target)]["samples"]) in rows[target]
        assert "of" in rows[target]
    assert "0 of 1" in " ".join(rows["1"])
    assert all(len(line) <= 80 for line in out.splitlines())


@pytest.mark.slow
def test_reports_are_compared_as_if_trained_to_another_target(command: Any, script: Any) -> None:
    assert script("--target", "accuracy>=0.75", "--", "mark").returncode == 0
    done = command("compare", "r.json", "--target", "0.5", "--json")
    (samples,) = (
        e["mean"]
        for e in json.loads(done.stdout)["entries"][0]["estimates"]
        if e["figure"] == "samples_to_target"
    )
    assert samples == 64
    assert "as if trained to 0.5" in command("compare", "r.json", "--target", "0.5").stdout


def test_several_targets_are_a_workloads(command: Any, script: Any) -> None:
    done = script("--targets", "0.5,0.75")
    assert done.returncode == 2
    assert "train.py trains to one --target" in done.stderr


def test_one_target_beside_several_is_refused(command: Any) -> None:
    done = command("run", "unet", "--target", "0.7", "--targets", "0.5,0.75")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "name all in --targets" in done.stderr
