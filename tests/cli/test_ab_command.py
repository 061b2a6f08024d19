"""``energyprof ab`` and ``aa`` with real scripts in real repositories, on a meter that shows exact joules."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Command

import energyprof
from energyprof.report.file import read
from energyprof.report.record import Report
from fakes.spent import SPENDER, SpentJoules

pytestmark = pytest.mark.slow  # programs that take their time in real seconds

# Each seed costs something else: only runs of the same seed tell two versions apart.
TRAIN = (
    SPENDER
    + """
import sys
j_per_sample = {j_per_sample} * float(sys.argv[1] if len(sys.argv) > 1 else 1)
j_per_sample *= 1 + 0.3 * (energyprof.seed() % 4)
print("trains in", os.getcwd())
{more}
energyprof.mark("train")
rest()
for _ in range(10):
    use(0.4 * j_per_sample)
    time.sleep(0.01)
rest()
energyprof.progress(samples=40)
energyprof.mark("eval")
energyprof.progress(samples=40, score=0.9)
"""
)
SPEND = (
    SPENDER
    + """
import sys
rest()
for _ in range(10):
    use(float(sys.argv[1]))
    time.sleep(0.01)
rest()
"""
)
QUICK = ("--idle", "0", "--interval", "0.15", "--cooldown", "0", "-o")


def git(folder: Path, *words: str) -> str:
    names = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    command = ["git", "-C", str(folder), *names, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def commit(folder: Path, j_per_sample: float, more: str = "") -> None:
    (folder / "train.py").write_text(TRAIN.format(j_per_sample=j_per_sample, more=more))
    git(folder, "add", "train.py")
    git(folder, "commit", "-m", f"{j_per_sample:g} J")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A machine whose only meter shows what scripts spend."""
    root = tmp_path_factory.mktemp("machine")
    counter = SpentJoules(root)
    yield root
    counter.close()


@pytest.fixture(scope="module")
def repository(machine: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A repository whose second commit takes 20 % more energy for each sample."""
    folder = tmp_path_factory.mktemp("repository")
    git(folder, "init", "--quiet")
    (folder / ".gitignore").write_text("r*.json\n*.gz\n")
    git(folder, "add", ".gitignore")
    commit(folder, 1.0)
    commit(folder, 1.2)
    return Command(folder, machine)


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where checkouts of before are made, so that it can be seen whether they are gone."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def hungrier(repository: Command, temporary: Path) -> subprocess.CompletedProcess[str]:
    """The regression, judged."""
    words = ("ab", "--before", "HEAD~1", *QUICK, "r", "run", "./train.py", "--target", "0.8")
    return repository(*words, environment={"TMPDIR": str(temporary)})


def sides(repository: Command, name: str) -> tuple[Report, Report]:
    return read(repository.folder / f"{name}-A.json"), read(repository.folder / f"{name}-B.json")


def assert_nothing_stays_behind(repository: Command, temporary: Path) -> None:
    assert git(repository.folder, "worktree", "list").count("\n") == 1
    assert list(temporary.iterdir()) == []


def test_a_commit_that_takes_a_fifth_more_is_caught(hungrier: Any, repository: Command) -> None:
    assert hungrier.returncode == 1, hungrier.stderr
    assert "FAIL" in hungrier.stdout
    change = re.search(r"energy per sample \+([0-9.]+) %", hungrier.stdout)
    assert change is not None, hungrier.stdout
    assert float(change[1]) == pytest.approx(20, abs=1)


def test_both_sides_train_in_turn_from_the_same_seeds(hungrier: Any, repository: Command) -> None:
    a, b = sides(repository, "r")
    assert [run.seed for run in a.runs] == [run.seed for run in b.runs] == [0, 1, 2]
    assert a.series is not None and b.series is not None
    assert a.series.id == b.series.id
    assert (a.series.side, b.series.side) == ("A", "B")
    assert (a.series.positions, b.series.positions) == ((0, 3, 4), (1, 2, 5))
    assert a.series.looks == (3, 5, 7, 10)
    began = [(run.clock.monotonic_s, "A") for run in a.runs] + [
        (run.clock.monotonic_s, "B") for run in b.runs
    ]
    assert "".join(side for _, side in sorted(began)) == "ABBAAB"


def test_before_is_the_other_revisions_script_and_after_the_working_tree(
    hungrier: Any, repository: Command
) -> None:
    a, b = sides(repository, "r")
    assert a.workload.work != b.workload.work
    assert a.workload.target == b.workload.target
    assert "HEAD~1, commit" in "".join(a.notes)
    assert "the working tree, commit" in "".join(b.notes)
    lines = hungrier.stdout.splitlines()
    assert lines[-4].startswith("A  HEAD~1, commit ")
    assert lines[-2].startswith("B  the working tree, commit ")
    assert (lines[-3], lines[-1]) == ("   r-A.json", "   r-B.json")


def test_the_checkout_of_before_is_gone_afterwards(
    hungrier: Any, repository: Command, temporary: Path
) -> None:
    assert_nothing_stays_behind(repository, temporary)


def test_the_reports_alone_give_the_same_verdict(hungrier: Any, repository: Command) -> None:
    done = repository("check", "r-B.json", "--baseline", "r-A.json")
    assert done.returncode == 1
    assert done.stdout in hungrier.stdout
    assert "digit for digit" in repository("recompute", "r-A.json").stdout


def test_a_commit_that_changes_nothing_does_not_fail(repository: Command, temporary: Path) -> None:
    words = ("ab", "--before", "HEAD", *QUICK, "r-same", "-q", "--json", "run", "./train.py")
    done = repository(*words, environment={"TMPDIR": str(temporary)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["outcome"] in ("PASS", "INCONCLUSIVE")
    assert done.stderr == ""
    assert_nothing_stays_behind(repository, temporary)


def test_two_settings_are_two_commands_and_less_is_an_improvement(repository: Command) -> None:
    done = repository(
        "ab", *QUICK, "r-settings", "--pairs", "2", "run train.py -- 1.0", "run train.py -- 0.7"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS" in done.stdout
    assert "IMPROVED" in done.stdout
    a, b = sides(repository, "r-settings")
    assert (a.workload.config["arguments"], b.workload.config["arguments"]) == (["1.0"], ["0.7"])
    assert b.series is not None and b.series.looks == (2,)


def test_programs_are_compared_by_their_whole_energy(repository: Command) -> None:
    (repository.folder / "spend.py").write_text(SPEND)
    spend = f"exec -- {sys.executable} spend.py"
    done = repository("ab", *QUICK, "r-programs", "--pairs", "2", f"{spend} 0.4", f"{spend} 0.5")
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"FAIL +energy \+2[45]", done.stdout), done.stdout
    assert [run.seed for run in sides(repository, "r-programs")[0].runs] == [0, 1]


def test_a_version_that_fails_ends_it_with_its_last_lines(repository: Command, temporary: Path) -> None:
    commit(repository.folder, 1.2, more="raise RuntimeError('as asked')")
    words = ("ab", "--before", "HEAD~1", *QUICK, "r-failing", "run", "./train.py")
    done = repository(*words, environment={"TMPDIR": str(temporary)})
    git(repository.folder, "reset", "--hard", "--quiet", "HEAD~1")
    assert done.returncode == 2
    assert "  RuntimeError: as asked" in done.stderr.splitlines()
    a, b = sides(repository, "r-failing")
    assert ([run.status for run in a.runs], [run.status for run in b.runs]) == (["done"], ["failed"])
    assert_nothing_stays_behind(repository, temporary)


def test_ctrl_c_keeps_what_was_measured_and_leaves_no_checkout(repository: Command, temporary: Path) -> None:
    words = ("ab", "--before", "HEAD~1", *QUICK, "r-stopped", "-q", "run", "./train.py")
    child = subprocess.Popen(
        repository.arguments(*words),
        cwd=repository.folder,
        env=repository.environment(TMPDIR=str(temporary)),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )

    def second_run_of_b() -> bool:
        so_far = repository.folder / "r-stopped-B.json"
        return so_far.exists() and len(json.loads(so_far.read_text())["runs"]) == 2

    until(second_run_of_b)
    under_way = read(repository.folder / "r-stopped-B.json")  # what would be left of it after a kill -9
    assert under_way.series is not None and under_way.series.positions == (1, 2)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode == -signal.SIGINT
    a, b = sides(repository, "r-stopped")
    assert [run.status for run in a.runs] == ["done"]
    assert [run.status for run in b.runs] == ["done", "interrupted"]
    assert b.series is not None and b.series.positions == (1, 2)
    assert_nothing_stays_behind(repository, temporary)


def test_one_machines_own_noise_lies_beside_the_baseline(repository: Command) -> None:
    words = ("aa", "--pairs", "2", "--idle", "0", "--interval", "0.15", "--cooldown", "0", "-o", "base.json")
    done = repository(*words, "run", "./train.py")
    assert done.returncode == 0, done.stdout + done.stderr
    noise = repository.report("base.noise.json")
    a, again = read(repository.folder / "base.json"), read(repository.folder / "base-again.json")
    assert (noise["work"], noise["machine"]) == (a.workload.work, a.nodes[0].machine["id"])
    spread = noise["figures"]["energy_per_sample"]
    # Seeds 0 and 1 cost 1 and 1.3, twice each: the sample sd of their logarithms is ln(1.3) / √3.
    assert spread["n"] == 4
    assert spread["sd"] == pytest.approx(0.1515, abs=0.01)
    assert re.search(r"energy per sample +15\.. % +4 +\+30\.. %", done.stdout), done.stdout
    assert a.workload.work == again.workload.work
    verdict = repository("check", "base-again.json", "--baseline", "base.json")
    assert verdict.returncode == 0, verdict.stdout


# In the place of energyprof.workloads.__main__: as much as the wire expects of it, without torch.
WORKLOAD = (
    SPENDER
    + """
from energyprof.wire import connect
wire = connect()
wire.send("phase", name="train", samples=0)
rest()
for _ in range(10):
    use({joules})
    time.sleep(0.01)
rest()
wire.send("phase", name="eval", samples=40)
wire.send("progress", samples=40, score=0.99)
wire.send("end", status="done", message="")
"""
)


def test_a_commit_to_energyprof_itself_is_judged_by_its_own_workloads(
    machine: Path, tmp_path: Path, temporary: Path
) -> None:
    package = tmp_path / "energyprof"
    source = Path(energyprof.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "workloads" / "__main__.py").write_text(WORKLOAD.format(joules=0.4))
    loop = package / "workloads" / "training" / "loop.py"
    own = loop.read_text()
    loop.write_text(own + "\nWASTE = 0\n")  # other work than the bank's, which a stand-in could only beat
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--force", ".")
    git(tmp_path, "commit", "--quiet", "-m", "energyprof")
    loop.write_text(own + "\nWASTE = 1\n")
    (package / "workloads" / "__main__.py").write_text(WORKLOAD.format(joules=0.48))
    here = Command(tmp_path, machine)
    words = ("ab", "--before", "HEAD", "--pairs", "2", *QUICK, "r", "-q", "run", "unet", "--device", "cpu")
    done = here.anew(*words, environment={"TMPDIR": str(temporary)})  # this folder's energyprof, not ours
    assert done.returncode == 1, done.stderr
    a, b = sides(here, "r")
    assert a.workload.work != b.workload.work
    assert a.workload.config == b.workload.config
    assert [run.status for run in (*a.runs, *b.runs)] == ["reached"] * 4
    assert b.runs[0].energy_j == pytest.approx(1.2 * (a.runs[0].energy_j or 0), rel=0.01)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("run train.py",), 2, "give two commands, A and B, each in quotes, or one with --before REVISION"),
        (("run train.py", "train.py"), 2, "train.py: is not a command that trains; write run … or exec …"),
        (("run train.py", "run 'train.py"), 2, "No closing quotation"),
        (("--before", "nowhere", "run", "train.py"), 2, "nowhere: no such revision in "),
        (("--before", "-x", "run", "train.py"), 2, "-x: no such revision in "),
        (("--before", "HEAD", "run", "/elsewhere/train.py"), 2, "lies outside the repository"),
        (("--before", "HEAD", "run", "unet"), 2, "is not energyprof's repository"),
        (("--before", "HEAD", "run", "new.py"), 2, "new.py: cannot be read"),
        (("run train.py --repeats 3", "run train.py"), 2, "--repeats: is the same for both sides"),
        (("run train.py --target 0.8", "run train.py --target 0.9"), 3, "A and B train to different targets"),
        (("run unet", "run unet --target 0.5"), 3, "A and B train to different targets"),
        (("--cooldown", "-1", "run train.py", "run train.py"), 2, "--cooldown -1: give seconds"),
        (("--limit", "energy", "run train.py", "run train.py"), 2, "limit 'energy': write FIGURE:PERCENT%"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    repository: Command, temporary: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    (repository.folder / "new.py").write_text("")
    before = {path.name for path in repository.folder.iterdir()}
    done = repository("ab", "-o", "other", *words, environment={"TMPDIR": str(temporary)})
    assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
    assert says in done.stderr
    assert {path.name for path in repository.folder.iterdir()} == before
    assert_nothing_stays_behind(repository, temporary)


def test_outside_a_repository_there_is_no_before(command: Any, one_error_line: Any) -> None:
    (command.folder / "train.py").write_text("")
    done = command("ab", "--before", "HEAD", "run", "train.py")
    assert "not a git repository" in one_error_line(done)


def until(what: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_a_report_that_is_there_is_not_overwritten(repository: Command) -> None:
    (repository.folder / "there-B.json").write_text("{}")
    done = repository("ab", "-o", "there", "run train.py", "run train.py")
    assert done.returncode == 2
    assert "there-B.json: already exists" in done.stderr
    os.unlink(repository.folder / "there-B.json")
