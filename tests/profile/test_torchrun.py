"""What several processes under torchrun said last, and which of them failed first."""

from __future__ import annotations

import io

import pytest

from energyprof.profile.output import OutputTail
from energyprof.profile.torchrun import cause, command, environment, last_words

# torchrun's table, as torch 2.0 to 2.13 print it after a traceback of their own.
TABLE = """Traceback (most recent call last):
  File "torch/distributed/run.py", line 1, in <module>
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
energyprof.workloads.training.process FAILED
------------------------------------------------------------
Failures:
{0}------------------------------------------------------------
Root Cause (first observed failure):
{1}============================================================"""
FAILED = """[0]:
  time      : 2026-01-01_00:00:00
  host      : node
  rank      : {0} (local_rank: {0})
  exitcode  : {1} (pid: 4711)
  error_file: <N/A>
  traceback : To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html
"""


def table(*codes: tuple[int, int]) -> list[str]:
    """torchrun's own last lines if it takes the first of these for the cause."""
    first, *others = (FAILED.format(rank, code) for rank, code in codes)
    return TABLE.format("".join(others) or "  <NO_OTHER_FAILURES>\n", first).splitlines()


def said(text: str, last_s: float) -> OutputTail:
    one = OutputTail()
    one.hear(io.BytesIO(text.encode()))
    one.last_s = last_s
    return one


QUIET = said("", 0.0)
VICTIM = said("epoch 1\nTraceback …\nRuntimeError: Connection closed by peer\n", 9.2)
CAUSE = said("epoch 1\nTraceback …\nValueError: cannot go on\n", 9.1)


def test_whoever_fell_silent_first_is_the_cause_whatever_torchrun_thinks() -> None:
    launcher = table((0, 1), (1, 1))
    assert cause(launcher, [VICTIM, CAUSE]) == (
        "process 1 of 2 ended with exit code 1: ValueError: cannot go on"
    )
    assert last_words(launcher, [VICTIM, CAUSE]) == [
        "process 0 of 2 ended with exit code 1: RuntimeError: Connection closed by peer",
        "process 1 of 2 ended with exit code 1:",
        "epoch 1",
        "Traceback …",
        "ValueError: cannot go on",
    ]


def test_a_process_that_was_killed_is_the_cause_though_it_spoke_last() -> None:
    late = said("epoch 2\n", 9.9)
    assert cause(table((0, 1), (1, -9)), [VICTIM, late]) == "process 1 of 2 was killed by SIGKILL"


def test_a_process_that_torchrun_stopped_is_not_the_cause() -> None:
    launcher = table((0, -15), (1, 7))
    assert cause(launcher, [QUIET, VICTIM]) == "process 1 of 2 ended with exit code 7"
    assert cause(table((0, -15)), [QUIET, VICTIM]) == "process 0 of 2 was killed by SIGTERM"


def test_where_only_torchrun_failed_its_own_words_are_kept() -> None:
    launcher = ["/usr/bin/python3: No module named torch"]
    assert cause(launcher, [QUIET, QUIET]) == ""
    assert last_words(launcher, [QUIET, QUIET]) == launcher


def test_of_a_bar_that_was_drawn_over_itself_the_last_state_is_kept() -> None:
    one = said("start\n\r 10 %\r 20 %\r100 %\nend\n", 0.0)
    assert one.lines() == ["start", "100 %", "end"]


def test_only_the_last_lines_are_kept() -> None:
    one = OutputTail(2)
    one.hear(io.BytesIO(b"1\n2\n3\n"))
    assert one.lines() == ["2", "3"]
    assert one.last_s > 0


def test_one_process_needs_no_torchrun_and_two_find_a_free_port() -> None:
    assert command("python", 1, ("x.py", "-v")) == ("python", "x.py", "-v")
    several = command("python", 2, ("x.py", "-v"))
    assert several[:5] == ("python", "-m", "torch.distributed.run", "--nproc_per_node", "2")
    assert "localhost:0" in several
    assert several[-4:] == ("-m", "energyprof.workloads.training.process", "x.py", "-v")
    assert several != command("python", 2, ("x.py", "-v"))  # each has a name of its own


@pytest.mark.parametrize("processes", [1, 2, 1000])
def test_processes_share_the_processor_unless_somebody_decided(processes: int) -> None:
    assert environment(processes, {"OMP_NUM_THREADS": "3"}) == {}
    alone = environment(processes, {})
    assert (alone == {}) == (processes == 1)
    assert alone.get("OMP_NUM_THREADS") != "0"
