"""The action's own shell, as a runner runs it: in a git repository, with the environment that it gives."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from energyprof.report.file import read, write
from reports import at

pytestmark = pytest.mark.slow  # programs that take their time in real seconds

ROOT = Path(__file__).parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"] if "name" in step}

# What a sample costs stands in a module of its own: most trainings become hungrier by what they import.
SCRIPT = """
import time
import energyprof
from cost import SECONDS

energyprof.mark("train")
until = time.process_time() + SECONDS
while time.process_time() < until:
    pass
energyprof.progress(samples=1000)
energyprof.mark("eval")
energyprof.progress(samples=1000, score=1.0)
"""
COMMAND = "run ./train.py --target 1"
FAST = {"options": "--meters none --idle 0", "cooldown": "0"}


@dataclass
class Runner:
    """A repository checked out on a runner, with what GitHub puts around a step."""

    folder: Path
    repository: Path

    def step(self, name: str, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run the shell of a step; ``inputs`` stand below `with:`, ``base`` is the pull request's."""
        step = STEPS[name]
        base = inputs.pop("base", "")
        given = {name: str(spec.get("default", "")) for name, spec in ACTION["inputs"].items()}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}

        def filled(text: str) -> str:
            text = re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: given[match[1]], text)
            text = text.replace("${{ runner.temp }}", str(self.folder / "temp"))
            text = re.sub(r"\$\{\{ github\.event\.pull_request[^}]*\}\}", base, text)
            assert "${{" not in text
            return text

        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "GATE_"))
        }
        environment |= {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]]),
            "ENERGYPROF_SYSFS_ROOT": str(self.folder / "machine"),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            **{name: filled(str(value)) for name, value in step.get("env", {}).items()},
        }
        assert step["shell"] == "bash"
        # How a runner starts a bash step (GitHub's documentation of `shell`).
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", filled(step["run"])],
            cwd=self.repository / filled(step.get("working-directory", ".")),
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def judge(self, **inputs: str) -> subprocess.CompletedProcess[str]:
        return self.step("Measure and judge", **{**FAST, "command": COMMAND, **inputs})

    @property
    def out(self) -> Path:
        return self.repository / "energyprof-gate"

    @property
    def outputs(self) -> dict[str, str]:
        lines = (self.folder / "output").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    @property
    def summary(self) -> str:
        return (self.folder / "summary.md").read_text()

    def git(self, *words: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", *identity, *words], cwd=self.repository, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, seconds: float) -> str:
        (self.repository / "cost.py").write_text(f"SECONDS = {seconds}\n")
        self.git("add", ".")
        self.git("commit", "--quiet", "--allow-empty", "-m", f"{seconds} s")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A hosted runner: without meters, with a repository that has one commit, of next to no work."""
    repository = tmp_path / "repository"
    repository.mkdir()
    (tmp_path / "machine").mkdir()
    made = Runner(tmp_path, repository)
    made.git("init", "--quiet", "--initial-branch", "main")
    (repository / "train.py").write_text(SCRIPT)
    (repository / ".gitignore").write_text("__pycache__/\nenergyprof-gate/\n")
    made.commit(0.02)
    return made


@pytest.mark.slow
def test_a_hungrier_commit_fails_and_says_so_in_cpu_time(runner: Runner) -> None:
    base = runner.commit(0.1)
    runner.commit(0.25)
    done = runner.judge(base=base)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"^::error title=energyprof%3A FAIL%2C CPU time per sample::", done.stdout, re.MULTILINE)
    assert "CPU time, not energy" in done.stdout
    assert "FAIL: change against base" in runner.summary and "CPU time, not energy" in runner.summary
    assert runner.outputs["exit-code"] == "1"
    assert read(runner.out / "change.json").runs[0].energy_j is None
    suite = ElementTree.parse(runner.out / "junit.xml").getroot().find("testsuite")
    assert suite is not None and suite.get("failures") == "2"  # by sample, and of the whole program
    assert runner.git("status", "--porcelain") == ""
    assert len(runner.git("worktree", "list").splitlines()) == 1


@pytest.mark.slow
def test_a_commit_that_changes_nothing_passes_or_is_told_to_be_unclear(runner: Runner) -> None:
    base = runner.commit(0.2)
    (runner.repository / "README").write_text("words\n")
    runner.commit(0.2)
    done = runner.judge(base=base, limits="cpu_time_per_sample:50%")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^::(notice|warning) title=energyprof%3A ", done.stdout, re.MULTILINE)
    assert "::error" not in done.stdout


def test_on_the_base_branch_the_report_is_made_to_be_stored_and_nothing_is_judged(runner: Runner) -> None:
    done = runner.judge(repeats="2")
    assert done.returncode == 0, done.stderr
    assert runner.outputs["store"] == "true"
    assert len(read(runner.folder / "temp/energyprof-stored/energyprof/base.json").runs) == 2
    assert "CPU time" in runner.summary
    assert "::error" not in done.stdout


@pytest.mark.slow
def test_a_stored_report_of_the_base_is_judged_by_and_the_base_not_measured_again(runner: Runner) -> None:
    runner.commit(0.2)
    assert runner.judge(repeats="3").returncode == 0
    (runner.folder / "output").unlink()
    # A commit that is nowhere: nobody asks for it.
    done = runner.judge(repeats="3", base="0" * 40, limits="cpu_time_per_sample:50%")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "store" not in runner.outputs
    assert not (runner.out / "base.json").exists()


def test_a_report_in_the_repository_may_be_the_baseline(runner: Runner) -> None:
    write(at(1.0, 1.1), runner.repository / "main.json")
    done = runner.judge(baseline="main.json", repeats="1", base="0" * 40)
    assert done.returncode == 3
    assert "::error title=energyprof::error: change cannot be judged against main" in done.stdout
    assert "%0A  work: " in done.stdout
    assert "energyprof could not judge" in runner.summary


def test_a_missing_baseline_fails_only_where_it_is_asked_to(runner: Runner) -> None:
    words = {"baseline": "stored", "repeats": "1", "base": "0" * 40}
    lenient = runner.judge(**words)
    assert lenient.returncode == 0, lenient.stderr
    assert "::warning title=energyprof%3A NO BASELINE" in lenient.stdout
    strict = runner.judge(require_baseline="true", **words)
    assert strict.returncode == 2
    assert "::error title=energyprof::" in strict.stdout


def test_a_training_that_fails_is_no_pass(runner: Runner) -> None:
    (runner.repository / "train.py").write_text("raise SystemExit(3)\n")
    alone = runner.judge(repeats="1")
    assert alone.returncode == 2
    assert "store" not in runner.outputs
    judged = runner.judge(repeats="1", baseline="stored", base="0" * 40)
    assert judged.returncode == 2


def test_a_command_that_makes_no_sense_is_an_annotation_and_not_a_regression(runner: Runner) -> None:
    for command, said in (("run nothing", "nothing"), ("", "GATE_COMMAND"), ("run 'x", "GATE_COMMAND")):
        done = runner.judge(command=command, repeats="1")
        assert done.returncode == 2
        assert said in done.stdout + done.stderr


def test_nothing_in_an_input_is_carried_out(runner: Runner) -> None:
    runner.judge(command="run './$(touch pwned).py' `touch pwned`", limits="$(touch pwned)", repeats="1")
    assert not (runner.repository / "pwned").exists()


def test_the_key_tells_machines_and_commands_apart(runner: Runner) -> None:
    keys = []
    for command in ("run ./train.py", "run ./other.py"):
        (runner.folder / "output").unlink(missing_ok=True)
        done = runner.step("Name machine and command", command=command)
        assert done.returncode == 0, done.stderr
        keys.append(runner.outputs["key"])
    assert all(re.fullmatch(r"energyprof-[0-9a-f]{16}-[0-9a-f]{16}", key) for key in keys)
    (machine, command), (same, other) = (key.split("-")[1:] for key in keys)
    assert machine == same and command != other


def test_every_input_is_used_and_every_value_reaches_the_shell_as_a_variable() -> None:
    text = (ROOT / "action.yml").read_text()
    used = set(re.findall(r"inputs\.([\w-]+)", text))
    assert used == set(ACTION["inputs"])
    for step in ACTION["runs"]["steps"]:
        # An expression in a script is pasted into it: a branch name could be a command.
        assert "${{" not in step.get("run", "")


def test_energyprof_gates_itself_with_this_action() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "energy.yml").read_text())
    steps = workflow["jobs"]["gate"]["steps"]
    (gate,) = [step for step in steps if step["uses"] == "./.gate"]
    assert set(gate["with"]) <= set(ACTION["inputs"])
    # A hosted runner has no meters.
    assert "--meters none" in gate["with"]["options"] and gate["with"]["limits"].startswith("cpu_time")


def test_gitlab_runs_the_same_script_with_the_same_variables() -> None:
    job = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text())["energyprof"]
    script = (ROOT / "energyprof" / "templates" / "gate.sh").read_text()
    known = set(re.findall(r"^# (GATE_\w+)", script, re.MULTILINE)) | set(re.findall(r"· (GATE_\w+)", script))
    assert {name for name in job["variables"] if name.startswith("GATE_")} <= known
    steps: list[dict[str, Any]] = ACTION["runs"]["steps"]
    given = {name for step in steps for name in step.get("env", {}) if name.startswith("GATE_")}
    assert given <= known
    assert set(re.findall(r"\bGATE_\w+", script)) - {"GATE_PYTHON"} <= known
    assert job["artifacts"]["reports"]["junit"] == "energyprof-gate/junit.xml"


@pytest.mark.slow
def test_gitlabs_commands_judge_as_the_action_does(runner: Runner) -> None:
    job = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text())["energyprof"]
    base = runner.commit(0.1)
    runner.commit(0.25)
    variables = {**job["variables"], "GATE_BASE": base, "GATE_COMMAND": COMMAND}
    variables |= {"GATE_OPTIONS": FAST["options"], "GATE_COOLDOWN": FAST["cooldown"]}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
    environment |= {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]]),
        "ENERGYPROF_SYSFS_ROOT": str(runner.folder / "machine"),
        **variables,
    }
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(job["script"][2:])],  # the first two install
        cwd=runner.repository,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stdout + done.stderr
    assert "FAIL" in done.stdout and "CPU time, not energy" in done.stdout
    assert ElementTree.parse(runner.out / "junit.xml").find(".//failure") is not None


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_the_script_is_clean() -> None:
    subprocess.run(["shellcheck", str(ROOT / "energyprof" / "templates" / "gate.sh")], check=True)
