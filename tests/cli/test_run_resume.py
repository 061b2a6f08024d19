"""``energyprof run … --resume REPORT``: the seeds that are missing, added to what is there."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import os, time, energyprof
energyprof.mark("train")
time.sleep(0.1)
if energyprof.seed() == int(os.environ.get("BREAKS", -1)):
    raise RuntimeError("as asked")
energyprof.progress(samples=32, score=0.75)
"""
RUN = ("run", "train.py", "--target", "0.5", "--idle", "0")


@pytest.fixture
def report(command: Any) -> Any:
    """A report of seeds 0 and 1, of which 1 failed."""
    (command.folder / "train.py").write_text(SCRIPT)
    done = command(*RUN, "--repeats", "3", "-o", "r.json", environment={"BREAKS": "1"})
    assert done.returncode == 2, done.stderr
    return command.report


def ends(report: dict[str, Any]) -> list[tuple[int, str]]:
    return [(run["seed"], run["status"]) for run in report["runs"]]


def test_the_missing_seeds_are_added_and_only_a_seeds_last_run_decides(command: Any, report: Any) -> None:
    done = command(*RUN, "--repeats", "4", "--resume", "r.json")
    assert done.returncode == 0, done.stderr
    assert ends(report()) == [
        (0, "reached"),
        (1, "failed"),
        (1, "reached"),
        (2, "reached"),
        (3, "reached"),
    ]
    again = command("recompute", "r.json")
    assert "The trace gives the same report, digit for digit." in again.stdout
    # All there: nothing is trained, and the report is told as before.
    done = command(*RUN, "--repeats", "4", "--resume", "r.json", "--json", "--quiet")
    assert done.returncode == 0, done.stderr
    assert len(report()["runs"]) == 5


@pytest.mark.parametrize(
    ("words", "says", "code"),
    [
        (("--resume", "r.json", "-o", "s.json"), "--resume r.json: adds to that report; leave out", 2),
        (("--resume", "r.json", "--force"), "--resume r.json: adds to that report; leave out", 2),
        (("--resume", "none.json"), "none.json: cannot be read: No such file", 2),
        (("--resume", "r.json", "--meters", "none"), "r.json: cannot be resumed: boundary is", 3),
        (("--resume", "r.json", "--interval", "0.2"), "interval_s is 0.097 in it, 0.2 here", 3),
        (("--resume", "r.json", "--target", "0.4"), "workload.target.value is 0.5 in it, 0.4 here", 3),
        (("--resume", "r.json", "--", "more"), "workload.config.arguments is [] in it, [", 3),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    command: Any, report: Any, words: tuple[str, ...], says: str, code: int
) -> None:
    before = report()
    done = command(*RUN, *words, "--quiet")
    (line,) = done.stderr.strip().splitlines()
    assert (done.returncode, says in line) == (code, True), line
    assert report() == before
