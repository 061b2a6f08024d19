from __future__ import annotations

import math
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from energyprof.storable.events import Room
from energyprof.storable.values import MAX_ITEMS, MAX_NAME, MAX_NAMES
from energyprof.wire import MAX_LINE_BYTES, launchers
from energyprof.wire.launchers import ambient
from energyprof.wire.listener import Listener, Message, parse


class Heard:
    """A listener and what it heard."""

    def __init__(self, path: Path) -> None:
        self.messages: list[Message] = []
        self._news = threading.Condition()
        self.listener = Listener(str(path), self._on_message)

    def _on_message(self, message: Message) -> None:
        with self._news:
            self.messages.append(message)
            self._news.notify()

    def wait_for(self, count: int) -> None:
        with self._news:
            assert self._news.wait_for(lambda: len(self.messages) >= count, timeout=20)


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[Heard]:
    result = Heard(tmp_path / "wire")
    yield result
    if Path(result.listener.path).exists():
        result.listener.close()


def child(code: str, path: str, **environment: str) -> None:
    env = {**os.environ, "ENERGYPROF_WIRE": path, **environment}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0


def test_a_program_says_where_it_is(heard: Heard) -> None:
    before_s = time.monotonic()
    child(
        "import energyprof; energyprof.mark('epoch 3'); energyprof.progress(samples=8, score=0.5)",
        heard.listener.path,
    )
    heard.listener.close()
    mark, score = heard.messages
    assert (mark.event, mark.fields) == ("phase", {"name": "epoch 3", "samples": None})
    assert (score.event, score.fields) == ("progress", {"samples": 8, "score": 0.5})
    # The clock of the two processes is one: the stamps lie between ours.
    assert before_s <= mark.time_s <= score.time_s <= time.monotonic()


def test_outside_a_profile_nothing_happens() -> None:
    code = "import energyprof; energyprof.mark('x'); energyprof.progress(samples=1); print('done')"
    env = {k: v for k, v in os.environ.items() if k != "ENERGYPROF_WIRE"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_a_profiler_that_is_gone_does_not_disturb_the_program(heard: Heard) -> None:
    path = heard.listener.path
    heard.listener.close()
    child("import energyprof; energyprof.mark('x'); energyprof.progress(samples=1, score=1)", path)
    assert heard.messages == []


def test_a_script_that_spoke_says_that_it_is_over_and_its_forks_do_not(heard: Heard) -> None:
    code = """
import os, sys, energyprof
energyprof.mark("train")
if os.fork() == 0:
    sys.exit()
os.wait()
print(energyprof.seed(), energyprof.reached(0.1), energyprof.reached(0.2))
"""
    child(code, heard.listener.path, ENERGYPROF_SEED="7", ENERGYPROF_TARGET="loss<=0.1")
    heard.listener.close()
    assert [message.fields["name"] for message in heard.messages] == ["train", "shutdown"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variable", "size"),
    [
        ("RANK", "WORLD_SIZE"),
        ("LOCAL_RANK", "WORLD_SIZE"),
        ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
        ("PMI_RANK", "PMI_SIZE"),
        ("JSM_NAMESPACE_RANK", "JSM_NAMESPACE_SIZE"),
        ("SLURM_PROCID", "SLURM_NTASKS"),
    ],
)
def test_only_rank_0_speaks(heard: Heard, variable: str, size: str) -> None:
    for rank in ("1", "0", "2"):
        code = f"import os, energyprof; energyprof.mark(os.environ['{variable}'])"
        child(code, heard.listener.path, **{variable: rank, size: "3"})
    heard.listener.close()
    assert [message.fields["name"] for message in heard.messages] == ["0"]


def test_a_rank_of_an_unknown_number_of_processes_is_said_but_silences_nobody(heard: Heard) -> None:
    child("import energyprof; energyprof.mark('train')", heard.listener.path, PMIX_RANK="2")
    heard.listener.close()
    assert [message.rank for message in heard.messages] == [2]


@pytest.mark.slow
def test_a_rank_that_the_profiler_has_too_is_not_the_programs(heard: Heard) -> None:
    launched = {"RANK": "1", "WORLD_SIZE": "2", "SLURM_PROCID": "3", "SLURM_NTASKS": "4"}
    code = "import energyprof; energyprof.mark('train')"
    child(code, heard.listener.path, **launched, ENERGYPROF_AMBIENT=ambient(launched))
    child(code, heard.listener.path, **{**launched, "RANK": "3"}, ENERGYPROF_AMBIENT=ambient(launched))
    heard.listener.close()
    assert len(heard.messages) == 1


def test_ranks_that_torch_knows_need_no_variable(heard: Heard) -> None:
    code = """
import sys, types, energyprof
for rank in (2, 0, 1):
    sys.modules["torch.distributed"] = types.SimpleNamespace(
        is_available=lambda: True,
        is_initialized=lambda: True,
        get_world_size=lambda: 3,
        get_rank=lambda: rank,
    )
    energyprof.mark(str(rank))
"""
    child(code, heard.listener.path)
    heard.listener.close()
    assert [message.fields["name"] for message in heard.messages] == ["0"]


def test_the_kernel_says_who_speaks(heard: Heard) -> None:
    child("import os, energyprof; energyprof.mark(str(os.getpid()))", heard.listener.path)
    heard.listener.close()
    assert [str(message.sender.pid) for message in heard.messages] == [heard.messages[0].fields["name"]]


def test_a_fork_speaks_on_a_line_of_its_own(heard: Heard) -> None:
    code = """
import os, energyprof
energyprof.mark("parent")
pid = os.fork()
for i in range(200):
    energyprof.mark("child" if pid == 0 else "parent")
if pid == 0:
    os._exit(0)
os.wait()
"""
    child(code, heard.listener.path)
    heard.listener.close()
    names = [message.fields["name"] for message in heard.messages]
    assert (names.count("parent"), names.count("child")) == (201, 200)
    assert heard.listener.garbage == 0


@pytest.mark.slow
def test_progress_at_every_step_sends_few_lines(heard: Heard) -> None:
    child("import energyprof\nfor i in range(100000): energyprof.progress(samples=i)", heard.listener.path)
    heard.listener.close()
    assert 1 <= len(heard.messages) < 1000


HELD_BACK = """
import multiprocessing, sys, time, energyprof
def count(samples):
    for i in range(1, samples + 1):
        energyprof.progress(samples=i)
if __name__ == "__main__":
    if sys.argv[1:] == ["children"]:
        for way in ("fork", "spawn"):
            child = multiprocessing.get_context(way).Process(target=count, args=(500,))
            child.start()
            child.join()
    else:
        energyprof.mark("train")
        count(500)
        energyprof.mark("eval")
        time.sleep(0.01)
        energyprof.progress(samples=500, score=0.5)
        count(900)
"""


@pytest.mark.slow
def test_the_last_count_of_a_phase_and_of_the_program_is_told_and_stamped_when_it_came(heard: Heard) -> None:
    child(HELD_BACK, heard.listener.path)
    heard.listener.close()
    said = [(m.event, m.fields.get("name") or m.fields.get("samples")) for m in heard.messages]
    at = said.index(("phase", "eval"))
    assert said[at - 1] == ("progress", 500)
    assert heard.messages[at - 1].time_s < heard.messages[at].time_s
    assert said[-1] == ("progress", 900)
    times = [message.time_s for message in heard.messages]
    assert times == sorted(times)


@pytest.mark.slow
def test_children_of_multiprocessing_tell_their_last_count_and_not_their_parents(
    heard: Heard, tmp_path: Path
) -> None:
    script = tmp_path / "children.py"
    script.write_text(HELD_BACK)
    environment = {**os.environ, "ENERGYPROF_WIRE": str(heard.listener.path)}
    subprocess.run([sys.executable, str(script), "children"], env=environment, check=True)
    heard.listener.close()
    last = {m.sender: m.fields["samples"] for m in heard.messages if m.event == "progress"}
    assert sorted(last.values()) == [500, 500]


GARBAGE = [
    b"hello\n",
    b"\xff\xfe\x00\n",
    b"[1, 2]\n",
    b'{"event": "phase"}\n',
    b'{"event": "phase", "t": 1}\n',
    b'{"event": "phase", "t": 1, "name": ""}\n',
    b'{"event": "phase", "t": true, "name": "x"}\n',
    b'{"event": "phase", "t": NaN, "name": "x"}\n',
    b'{"event": "phase", "t": 1e300, "name": "from the future"}\n',
    b'{"event": "progress", "t": 1, "samples": -5}\n',
    b'{"event": "progress", "t": 1, "samples": "many"}\n',
    b'{"event": "progress", "t": 1, "samples": 1, "score": "good"}\n',
    b'{"event": "nonsense", "t": 1}\n',
    b'{"event": "end", "t": 1, "status": "great"}\n',
    b"[" * 10000 + b"\n",
    # What could not be stored in a report that is read again.
    b'{"event": "progress", "t": 1, "samples": 1e400}\n',
    b'{"event": "progress", "t": 1, "samples": 12.5}\n',
    b'{"event": "progress", "t": 1, "samples": true}\n',
    b'{"event": "progress", "t": 1, "samples": 9223372036854775808}\n',
    b'{"event": "progress", "t": 1, "samples": 1, "score": ' + b"9" * 401 + b"}\n",
    b'{"event": "progress", "t": 1, "samples": 1, "score": ' + b"9" * 5000 + b"}\n",
    b'{"event": "phase", "t": 1, "name": "\\ud800"}\n',
    b'{"event": "phase", "t": 1, "name": "a\\u0000b"}\n',
    b'{"event": "phase", "t": 1, "name": "' + "é".encode() * 31000 + b'"}\n',
    b'{"event": "facts", "t": 1, "facts": {"a": ' + b"[" * 900 + b"]" * 900 + b"}}\n",
    b'{"event": "facts", "t": 1, "facts": {"a": "' + "é".encode() * 31000 + b'"}}\n',
    b'{"event": "facts", "t": 1, "facts": {"a": ' + b"9" * 20 + b"}}\n",
    b'{"event": "end", "t": 1, "status": "error", "message": "' + b"x" * 3000 + b'"}\n',
    b'{"event": ["phase"], "t": 1, "name": "x"}\n',
]


def test_garbage_is_counted_and_what_follows_is_heard(heard: Heard) -> None:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(heard.listener.path)
        for garbage in GARBAGE:
            line.sendall(garbage)
        line.sendall(b'{"event": "phase", "t": 1, "name": "train"}\n')
        heard.wait_for(1)
    heard.listener.close()
    assert [message.fields["name"] for message in heard.messages] == ["train"]
    assert heard.listener.garbage == len(GARBAGE)


def test_an_endless_line_is_cut_off_and_other_processes_are_still_heard(heard: Heard) -> None:
    with socket.socket(socket.AF_UNIX) as babbler, socket.socket(socket.AF_UNIX) as other:
        babbler.connect(heard.listener.path)
        other.connect(heard.listener.path)
        with pytest.raises(OSError):  # a reset or a broken pipe: the line was cut
            for _ in range(100):
                babbler.sendall(b"x" * MAX_LINE_BYTES)
        other.sendall(b'{"event": "phase", "t": 1, "name": "train"}\n')
        heard.wait_for(1)
    heard.listener.close()
    assert heard.listener.garbage == 1


def test_a_process_that_dies_in_the_middle_of_a_line_leaves_garbage_only(heard: Heard) -> None:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(heard.listener.path)
        line.sendall(b'{"event": "phase", "t": 1, "na')
    heard.listener.close()
    assert (heard.messages, heard.listener.garbage) == ([], 1)


def test_what_was_sent_before_the_end_is_heard_even_if_nobody_listened_yet(heard: Heard) -> None:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(heard.listener.path)
        for i in range(500):
            line.sendall(b'{"event": "phase", "t": 1, "name": "%d"}\n' % i)
        heard.listener.close()
    assert len(heard.messages) == 500


@pytest.mark.parametrize("score", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400"])
def test_a_score_that_is_not_finite_is_news(score: str) -> None:
    message = parse(f'{{"event": "progress", "t": 1, "samples": 3, "score": {score}}}'.encode(), 2.0)
    assert message is not None
    assert math.isnan(message.fields["score"])


def test_a_fact_that_is_not_a_number_is_none_and_what_nobody_knows_is_left_out() -> None:
    line = b'{"event": "facts", "t": 1, "facts": {"loss": NaN, "by": [1, -Infinity]}, "junk": [[[1e999]]]}'
    message = parse(line, 2.0)
    assert message is not None
    assert message.fields == {"facts": {"loss": None, "by": [1, None]}}


@pytest.mark.slow
@pytest.mark.parametrize("score", ["float('-inf')", "float('nan')", "float('inf')"])
def test_a_score_that_is_not_finite_reaches_no_target(heard: Heard, score: str) -> None:
    code = f"import energyprof; energyprof.mark(str(energyprof.reached({score})))"
    for target in ("loss<=0.1", "accuracy>=0.1"):
        child(code, heard.listener.path, ENERGYPROF_TARGET=target)
    heard.listener.close()
    assert [message.fields["name"] for message in heard.messages] == ["False", "False"]


def test_a_program_says_what_may_be_stored_whatever_it_calls_its_phases(heard: Heard) -> None:
    child("import energyprof; energyprof.mark('x' * 9999); energyprof.mark('a\\ud800')", heard.listener.path)
    heard.listener.close()
    long, odd = (message.fields["name"] for message in heard.messages)
    assert (len(long), long[-1], odd) == (MAX_NAME, "…", "a?")
    assert heard.listener.garbage == 0


@pytest.mark.slow
def test_a_run_has_room_for_as_many_phases_and_names_as_a_report_holds() -> None:
    room = Room(reserved=0)
    assert all(room.takes("phase", {"name": "train"}) for _ in range(MAX_ITEMS))
    assert not room.takes("phase", {"name": "train"})
    names = Room(reserved=0)
    assert all(names.takes("facts", {"facts": {str(i): i}}) for i in range(MAX_NAMES))
    assert names.takes("facts", {"facts": {"0": 1}})
    assert not names.takes("facts", {"facts": {"another": 1}})


def test_an_actor_is_named_with_its_phases_and_samples(heard: Heard) -> None:
    child(
        "import energyprof; energyprof.mark('train', actor='client-1'); "
        "energyprof.progress(samples=8, actor='client-1'); energyprof.progress(samples=9, actor='client-2'); "
        "energyprof.mark('eval')",
        heard.listener.path,
    )
    heard.listener.close()
    assert [(m.event, m.fields.get("actor")) for m in heard.messages] == [
        ("phase", "client-1"),
        ("progress", "client-1"),
        ("progress", "client-2"),
        ("phase", None),
    ]


PMI2 = {"PMI_RANK": "5", "PMI_SIZE": "8", "PMI_FD": "21", "PMI_JOBID": "4711.0"}
STEP = {
    "SLURM_JOB_ID": "4711",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NUM_TASKS": "8",
    "SLURM_PROCID": "5",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
    "SLURM_STEP_TASKS_PER_NODE": "4(x2)",
}
HYDRA = {"PMI_RANK": "3", "PMI_SIZE": "4", "PMI_FD": "9", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "2"}
PALS = {
    "PALS_RANKID": "5",
    "PALS_SIZE": "8",
    "PALS_APID": "a",
    "PALS_LOCAL_RANKID": "1",
    "PALS_LOCAL_SIZE": "4",
}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({**STEP, **PMI2}, launchers.Task(5, 8, 1, 4, "SLURM_PROCID:4711:0")),
        ({**PALS, **PMI2}, launchers.Task(5, 8, 1, 4, "PALS_RANKID:a")),
        # An mpiexec whose proxies are a step's tasks; it does not say which of several mpiexecs it is.
        ({**STEP, **HYDRA}, launchers.Task(3, 4, 1, 2, "PMI_RANK:")),
        ({**HYDRA, "I_MPI_HYDRA_UUID": "u"}, launchers.Task(3, 4, 1, 2, "PMI_RANK:u")),
        ({"PMI_RANK": "3", "PMI_SIZE": "4"}, None),
    ],
)
def test_of_several_launchers_the_one_that_started_it_is_believed(said: Any, expected: Any) -> None:
    assert launchers.task(said) == expected
