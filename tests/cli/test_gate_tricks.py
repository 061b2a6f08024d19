"""A pull request that takes a third more energy, and every trick by which it might be let through.

Each is played against the real gate in a real repository, with all that a runner puts around a step. Where
the trick is about how the gate starts, its script starts it from nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import warm
from energyprof.report.file import read
from fakes.spent import SPENDER, SpentJoules

pytestmark = pytest.mark.slow  # programs that take their time in real seconds

GATE = Path(__file__).parents[2] / "energyprof" / "templates" / "gate.sh"
CHANNELS = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")
TRAIN = (
    SPENDER
    + """
JOULES, SAMPLES = {joules}, {samples}
{early}
energyprof.mark("train")
rest()
for _ in range(10):
    use(JOULES / 10)
    time.sleep(0.005)
rest()
energyprof.progress(samples=SAMPLES)
energyprof.mark("eval")
energyprof.progress(samples=SAMPLES, score=0.9)
{late}
"""
)


@dataclass
class Runner:
    """A runner's folder: a repository, and beside it what belongs to the runner."""

    folder: Path
    machine: Path
    temporary: Path  # short enough for sockets
    more: dict[str, str] = field(default_factory=dict)  # further variables

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def out(self) -> Path:
        return self.repository / "energyprof-gate"

    def git(self, *words: str) -> str:
        names = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false")
        command = ["git", "-C", str(self.repository), *names, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, joules: float, samples: int = 40, early: str = "", late: str = "") -> str:
        text = TRAIN.format(joules=joules, samples=samples, early=early, late=late)
        (self.repository / "train.py").write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", f"{joules} J")
        return self.git("rev-parse", "HEAD")

    def environment(self, **variables: str) -> dict[str, str]:
        """A runner's."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "GATE_", "CI_"))}
        return environment | {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]]),
            "TMPDIR": str(self.temporary),
            "ENERGYPROF_SYSFS_ROOT": str(self.machine),
            "CI_JOB_TOKEN": "secret",
            **{name: str(self.folder / name) for name in CHANNELS},
            "GATE_COMMAND": "run ./train.py --target 0.8",
            "GATE_OPTIONS": "--meters rapl --idle 0 --interval 0.5",
            "GATE_COOLDOWN": "0",
            "GATE_PAIRS": "2",
            "GATE_FORMAT": "github",
            **self.more,
            **variables,
        }

    def gate(self, **variables: str) -> subprocess.CompletedProcess[str]:
        """The step's program."""
        environment = self.environment(**variables)
        words = ["-m", "energyprof", "gate", "run", *shlex.split(environment["GATE_OPTIONS"])]
        return warm.run(words, environment, self.repository)

    def script(self, **variables: str) -> subprocess.CompletedProcess[str]:
        """The step as it starts from nothing."""
        return subprocess.run(
            ["bash", str(self.folder / "gate.sh"), "run"],
            cwd=self.repository,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def told(self, channel: str) -> str:
        return (self.folder / channel).read_text()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A machine whose only meter shows what scripts spend."""
    root = tmp_path_factory.mktemp("machine")
    counter = SpentJoules(root)
    yield root
    counter.close()


@contextlib.contextmanager
def checked_out(machine: Path, folder: Path) -> Iterator[Runner]:
    """A runner with a checked-out repository, whose one commit takes 4 J for 40 samples."""
    (folder / "repository").mkdir()
    shutil.copy(GATE, folder / "gate.sh")
    for name in CHANNELS:
        (folder / name).write_text("as it was\n")
    temporary = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    made = Runner(folder, machine, temporary)
    made.git("init", "--quiet", "--initial-branch", "main")
    (made.repository / ".gitignore").write_text("energyprof-gate/\n__pycache__/\n")
    made.commit(4.0)
    yield made
    shutil.rmtree(temporary)


@pytest.fixture
def runner(machine: Path, tmp_path: Path) -> Iterator[Runner]:
    """One of this test's own."""
    with checked_out(machine, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def stored(machine: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The base commit's report, measured alone to be stored."""
    with checked_out(machine, tmp_path_factory.mktemp("stored")) as made:
        path = made.folder / "stored.json"
        done = made.gate(GATE_STORED=str(path), GATE_REPEATS="3", GATE_BASE="")
        assert done.returncode == 0, done.stderr
        return path.read_text()


@pytest.fixture
def base(runner: Runner) -> str:
    """The commit that changes are judged by."""
    return runner.git("rev-parse", "HEAD")


def assert_fails(done: subprocess.CompletedProcess[str], figure: str = "") -> None:
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stdout + done.stderr
    assert re.search(f"^::error title=energyprof%3A FAIL%2C {figure}", done.stdout, re.MULTILINE), done.stdout


def assert_void(done: subprocess.CompletedProcess[str], says: str) -> None:
    assert done.returncode == 4 and "Traceback" not in done.stderr, done.stdout + done.stderr
    assert says in done.stderr
    assert "::error title=energyprof::error: " in done.stdout
    assert "PASS" not in done.stdout


def test_without_a_trick_it_fails_and_a_change_of_nothing_passes(runner: Runner, base: str) -> None:
    runner.commit(4.0, early="pass")
    # A reading at a phase's edge may be late, the counter of the whole program tells each joule.
    limits = "energy_per_sample:500% samples_to_target:10% total_energy:3%"
    done = runner.gate(GATE_BASE=base, GATE_LIMITS=limits)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = "^::notice title=energyprof%3A (PASS|IMPROVED)%2C total energy"
    assert re.search(passed, done.stdout, re.MULTILINE), done.stdout
    assert "total energy: by the profiler alone" in runner.told("GITHUB_STEP_SUMMARY")
    runner.commit(5.2)
    done = runner.script(GATE_BASE=base)
    assert_fails(done, "total energy")
    assert runner.told("GITHUB_OUTPUT").splitlines()[-1] == "exit-code=1"
    assert list(runner.temporary.iterdir()) == []


CLAIMS = {
    "more samples than it trained": {"samples": 52},
    "that its training began late": {"early": "use(JOULES * 0.9); JOULES *= 0.1"},
    "that most of it is a warm-up": {
        "early": "energyprof.mark('warmup'); rest(); use(JOULES * 0.5); rest(); JOULES *= 0.5"
    },
    "that it ended early": {"joules": 4.0, "late": "energyprof.mark('shutdown'); use(1.2)"},
    "that it reached its target at once": {
        "early": "energyprof.mark('train'); rest(); energyprof.progress(samples=40, score=0.95); rest()"
    },
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_it_claims_does_not_help(runner: Runner, base: str, claim: str) -> None:
    runner.commit(**{"joules": 5.2, **CLAIMS[claim]})  # type: ignore[arg-type]
    done = runner.gate(GATE_BASE=base)
    if done.returncode == 4:  # a count that does not grow as it trains is no count: no pass either
        assert "its samples are counted anew in the run" in done.stdout + done.stderr
    else:
        assert_fails(done, "total energy")


def test_claims_are_believed_where_whoever_runs_the_gate_says_so(runner: Runner, base: str) -> None:
    runner.commit(5.2, samples=52)
    words = {"GATE_BASE": base, "GATE_COMMAND": "run ./train.py"}  # no target, so no samples to it
    assert runner.gate(**words, GATE_TRUST="true").returncode == 0
    assert_fails(runner.gate(**words), "total energy")


def test_its_environment_holds_no_way_to_the_runner(runner: Runner, base: str) -> None:
    runner.commit(5.2, early=f"open({str(runner.folder / 'seen')!r}, 'w').write(' '.join(os.environ))")
    assert_fails(runner.gate(GATE_BASE=base))
    seen = (runner.folder / "seen").read_text().split()
    assert "PATH" in seen
    assert [name for name in seen if name.startswith(("GITHUB_", "CI_", "GATE_"))] == []


def test_what_it_tells_the_runner_is_taken_out_again(runner: Runner, base: str) -> None:
    paths = [str(runner.folder / channel) for channel in CHANNELS]
    runner.commit(5.2, early=f"for path in {paths}: open(path, 'a').write('exit-code=0\\n')")
    assert_void(runner.gate(GATE_BASE=base), f"{', '.join(CHANNELS)}: the program that is judged wrote there")
    for channel in CHANNELS:
        assert "exit-code=0" not in runner.told(channel)
        assert runner.told(channel).startswith("as it was\n")


def test_workflow_commands_that_it_prints_are_not_passed_on(runner: Runner, base: str) -> None:
    runner.commit(
        5.2, late="print('::set-output name=exit-code::0'); print('::stop-commands::x', flush=True)"
    )
    done = runner.gate(GATE_BASE=base)
    assert_fails(done)
    assert not re.search("^::(set|stop)", done.stdout + done.stderr, re.MULTILINE)


def test_the_reports_that_it_writes_are_not_those_that_count(runner: Runner, base: str) -> None:
    forged = """
import glob, json
for path in glob.glob("energyprof-gate/*.json"):
    report = json.load(open(path))
    for run in report["runs"]:
        run["energy_j"] = run["total_energy_j"] = 1e6 if "base" in path else 1e-3
    json.dump(report, open(path, "w"))
"""
    runner.commit(5.2, late=forged)
    assert_fails(runner.gate(GATE_BASE=base))
    # What was measured lies there in the end.
    assert [run.total_energy_j for run in read(runner.out / "base.json").runs] == pytest.approx(
        [4, 4], abs=0.2
    )


@pytest.mark.parametrize(
    ("side", "deed"),
    [
        ("base", "open(path, 'r+b').write(b'x' * 9)"),
        ("change", "os.truncate(path, 20)"),
        ("base", "os.unlink(path)"),
    ],
)
def test_a_trace_that_it_changes_counts_for_nothing(runner: Runner, base: str, side: str, deed: str) -> None:
    runner.commit(5.2, late=f"path = 'energyprof-gate/{side}.trace.csv.gz'\n{deed}")
    assert_void(runner.gate(GATE_BASE=base), f"{side}.trace.csv.gz: is not what was written to it")


OTHERS_CHECKOUT = """
import glob
for path in glob.glob({temporary!r} + "/energyprof-*/before/*/train.py"):
    {deed}
"""


@pytest.mark.parametrize(
    "deed",
    [
        "text = open(path).read(); open(path, 'w').write(text.replace('JOULES / 10', 'JOULES / 5'))",
        "os.utime(path, (0, 0))",
    ],
)
def test_it_cannot_make_its_base_hungrier(runner: Runner, base: str, deed: str) -> None:
    temporary = str(runner.temporary)
    runner.commit(5.2, late=OTHERS_CHECKOUT.format(temporary=temporary, deed=deed))
    assert_void(runner.gate(GATE_BASE=base), "was changed while the other side ran")
    assert runner.git("worktree", "list").count("\n") == 0


def test_a_process_that_it_leaves_running_ends_with_it(runner: Runner, base: str) -> None:
    daemon = f"""
rest()
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.environ.clear()
    open({str(runner.folder / "daemon")!r}, "w").write(str(os.getpid()))
    while True:
        time.sleep(1)
        open({str(runner.folder / "GITHUB_OUTPUT")!r}, "a").write("exit-code=0\\n")
while not os.path.exists({str(runner.folder / "daemon")!r}):
    time.sleep(0.01)
"""
    runner.commit(5.2, late=daemon)
    assert_fails(runner.gate(GATE_BASE=base))
    pid = int((runner.folder / "daemon").read_text())
    assert not Path(f"/proc/{pid}").exists()
    time.sleep(1.1)
    assert "exit-code=0" not in runner.told("GITHUB_OUTPUT")


def test_killing_who_measures_it_is_no_pass(runner: Runner, base: str) -> None:
    runner.commit(5.2, late="os.kill(os.getppid(), 9)")
    done = runner.gate(GATE_BASE=base)
    assert done.returncode == -9
    assert "PASS" not in done.stdout


def test_making_what_is_measured_unreadable_is_no_pass(runner: Runner, base: str) -> None:
    deed = "import glob\nfor path in [*glob.glob('energyprof-gate/*'), 'energyprof-gate']: os.chmod(path, 0)"
    runner.commit(5.2, late=deed)
    done = runner.gate(GATE_BASE=base)
    os.chmod(runner.out, 0o755)
    assert done.returncode in (1, 2, 4) and "Traceback" not in done.stderr, done.stderr


def test_the_script_that_runs_the_gate_is_read_before_and_not_again(runner: Runner, base: str) -> None:
    script = str(runner.folder / "gate.sh")
    runner.commit(5.2, late=f"open({script!r}, 'w').write('exit 0\\n' * 4000)")
    assert_fails(runner.script(GATE_BASE=base))


IMPOSTOR = "import os, sys\nif 'gate' in sys.argv or 'energyprof' in sys.argv[0]:\n    os._exit(0)\n"


def test_modules_of_its_own_are_neither_the_gates_nor_its_bases(runner: Runner, base: str) -> None:
    for name in ("sitecustomize", "usercustomize", "conftest", "shlex", "typer"):
        (runner.repository / f"{name}.py").write_text(IMPOSTOR)
    runner.commit(5.2)
    assert_fails(runner.script(GATE_BASE=base, PYTHONPATH=str(runner.repository)))
    # One that stands in for what the script imports is the script's own: without marks that fails.
    (runner.repository / "energyprof.py").write_text(IMPOSTOR)
    runner.commit(5.2)
    done = runner.script(GATE_BASE=base, PYTHONPATH=str(runner.repository))
    assert done.returncode == 2 and "has no attribute 'mark'" in done.stdout


def test_an_energyprof_of_its_own_is_not_the_gates(runner: Runner, base: str) -> None:
    (runner.repository / "bin").mkdir()
    for name in ("energyprof", "python"):
        (runner.repository / "bin" / name).write_text("#!/bin/sh\nexit 0\n")
        (runner.repository / "bin" / name).chmod(0o755)
    runner.commit(5.2)
    path = os.pathsep.join(
        [str(Path(sys.executable).parent), str(runner.repository / "bin"), os.environ["PATH"]]
    )
    assert_fails(runner.script(GATE_BASE=base, PATH=path))
    path = os.pathsep.join([str(runner.repository / "bin"), path])
    done = runner.script(GATE_BASE=base, PATH=path)
    assert done.returncode == 2
    assert "bin/python: is part of the repository that is judged" in done.stderr


def test_a_script_that_was_edited_is_judged_by_a_stored_base_as_beside_it(
    runner: Runner, base: str, stored: str
) -> None:
    path = runner.folder / "stored.json"
    path.write_text(stored)
    words = {"GATE_STORED": str(path), "GATE_REPEATS": "3", "GATE_BASE": base, "GATE_BASELINE": "stored"}
    runner.commit(4.0, early="pass")
    done = runner.gate(**words)
    assert done.returncode == 0, done.stdout + done.stderr
    # It was read before anything ran.
    runner.commit(5.2, early=f"open({str(path)!r}, 'w').write('nonsense')")
    assert_fails(runner.gate(**words), "total energy")
    assert path.read_text() == "nonsense"


def inflated(stored: str) -> str:
    """The report as one that took a thousand times as much."""
    report = json.loads(stored)
    for run in report["runs"]:
        run["energy_j"] *= 1000
        run["total_energy_j"] *= 1000
        for phase in run["phases"]:
            if phase["energy_j"] is not None:  # a phase too short for a reading has none
                phase["energy_j"] *= 1000
    return json.dumps(report)


def test_a_stored_base_of_its_own_is_none(runner: Runner, base: str, stored: str) -> None:
    (runner.out / "stored").mkdir(parents=True)
    (runner.out / "stored" / "base.json").write_text(inflated(stored))
    runner.git("add", "--force", "energyprof-gate/stored")
    runner.commit(5.2)
    for which in ("auto", "stored"):
        done = runner.gate(GATE_BASE=base, GATE_BASELINE=which)
        assert done.returncode == 2, done.stdout
        assert "energyprof-gate: is under version control" in done.stderr


def test_a_baseline_in_the_repository_is_the_base_commits(runner: Runner, stored: str) -> None:
    (runner.repository / "main.json").write_text(stored)
    words = {"GATE_BASE": runner.commit(4.0), "GATE_BASELINE": "main.json", "GATE_REPEATS": "3"}
    (runner.repository / "main.json").write_text(inflated(stored))
    runner.commit(5.2)
    assert_fails(runner.gate(**words))
    (runner.repository / "main.json").unlink()
    runner.commit(5.2)
    assert_fails(runner.gate(**words))
    (runner.repository / "main.json").symlink_to(runner.folder / "elsewhere.json")
    runner.commit(5.2)
    assert_fails(runner.gate(**words))


def test_the_noise_that_widens_a_limit_is_the_base_commits(runner: Runner, stored: str) -> None:
    (runner.repository / "main.json").write_text(stored)
    words = {"GATE_BASE": runner.commit(4.0), "GATE_BASELINE": "main.json", "GATE_REPEATS": "3"}
    (runner.repository / "main.noise.json").write_text("whatever it says")
    runner.commit(5.2)
    assert_fails(runner.gate(**words))
    # In the base commit the same file is looked at.
    done = runner.gate(**{**words, "GATE_BASE": runner.git("rev-parse", "HEAD")})
    assert done.returncode == 2 and "main.noise.json: not a readable noise file" in done.stderr


def test_a_link_in_the_place_of_the_evidence_is_not_followed(runner: Runner, base: str) -> None:
    (runner.folder / "elsewhere").mkdir()
    runner.out.symlink_to(runner.folder / "elsewhere")
    runner.commit(5.2)
    done = runner.gate(GATE_BASE=base)
    assert done.returncode == 2
    assert "energyprof-gate: is a link in the repository that is judged" in done.stderr
    assert list((runner.folder / "elsewhere").iterdir()) == []


def test_links_that_it_makes_while_it_runs_lead_nowhere(runner: Runner, base: str) -> None:
    target = runner.folder / "target"
    target.write_text("mine")
    deed = f"path = 'energyprof-gate/change.json'; os.unlink(path); os.symlink({str(target)!r}, path)"
    runner.commit(5.2, late=deed)
    assert_fails(runner.gate(GATE_BASE=base))
    assert target.read_text() == "mine"
    assert not (runner.out / "change.json").is_symlink()


def test_a_log_of_power_that_it_can_write_is_no_meter(runner: Runner, base: str) -> None:
    (runner.repository / "wall.csv").write_text("time,power\n")
    runner.commit(5.2)
    done = runner.gate(GATE_BASE=base, GATE_OPTIONS="--meters csv=wall.csv --idle 0")
    assert done.returncode == 2
    assert "csv=wall.csv: lies in the repository that is judged" in done.stderr


def test_a_base_that_looks_like_an_option_is_no_revision(runner: Runner) -> None:
    runner.commit(5.2)
    pwned = runner.folder / "pwned"
    done = runner.script(GATE_BASE=f"--upload-pack=touch {pwned}", GATE_BASELINE="measure")
    assert done.returncode == 2
    assert not pwned.exists()
