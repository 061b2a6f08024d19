"""Node 0 shows all nodes while they train: what they do, what they draw, and which of them is silent."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from energyprof.cli.node_lines import in_a_line, nodes_table
from energyprof.profile.live import Snapshot
from energyprof.profile.nodes.party import Party, Shared
from energyprof.profile.nodes.standing import SILENT_S, NodeStanding, Said, Standings, heard, said
from energyprof.profile.nodes.store import FolderStore, StoreError
from energyprof.profile.nodes.tombstone import Tombstone
from fakes.http_meters import closed_port

NOW = Snapshot(0, 1, 0, "train", 12.0, 10.0, 4096, 0.71, 230.5, 2305.0, "measured")


def text_of(nodes: list[NodeStanding]) -> list[str]:
    console = Console(file=io.StringIO(), width=80, highlight=False, markup=False)
    console.print(nodes_table(nodes))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("count", [1, 8, 64])
def test_a_silent_node_is_seen_at_80_columns_however_many_there_are(count: int) -> None:
    nodes = [NodeStanding(f"gros-{i}", NOW, 1.0) for i in range(count)]
    nodes[-1] = NodeStanding(f"gros-{count - 1}", NOW, 34.0)
    lines = text_of(nodes)
    assert max(map(len, lines)) <= 80 and len(lines) <= 13
    (silent,) = (line for line in lines if "silent" in line)
    assert silent.split()[:2] == [f"gros-{count - 1}", "train"] and "34.0 s" in silent
    assert "4,096" in silent and "0.710" in silent and "230 W" in silent and "2.31 kJ" in silent
    if count == 64:
        assert lines[-1].startswith("53 more")
    line = in_a_line(nodes)
    assert f"gros-{count - 1} silent for 34.0 s" in line and "230 W" in line


def test_a_node_that_has_said_nothing_yet_is_no_zero() -> None:
    (_, line) = text_of([NodeStanding("a", None, 0.0)])
    assert line.split() == ["a", "not", "heard", "of", "yet", "–", "–", "–", "–"]
    assert in_a_line([NodeStanding("a", None, 0.0)]) == "1 other node (a)"
    assert in_a_line([]) == ""


@pytest.mark.parametrize("value", [b"", b"7\n", b"7\n{", b"7\n[]", b'7\n{"run": -1}', b"\xff\n\xff"])
def test_what_is_no_snapshot_is_none(value: bytes) -> None:
    assert heard(value) is None


def test_a_snapshot_comes_through_and_a_score_that_is_no_number_is_none() -> None:
    assert heard(b"3\n" + said("a", NOW)) == Said("a", NOW)
    odd = Snapshot(0, 1, None, "train", 1.0, None, None, float("nan"), None, None, "modelled")
    back = heard(b"3\n" + said("a", odd))
    assert back is not None and back.now.score is None and back.now.origin == "modelled"


@pytest.fixture
def parties(tmp_path: Path) -> Iterator[list[Party]]:
    """Node 0 and another one, which share a folder."""
    made = []
    for first in (0, 1):
        store = FolderStore(tmp_path / "store")
        made.append(
            Party(
                Shared(store, store, None, "here", Tombstone(tmp_path, "this run", once=True)),
                first=first,
                count=lambda: 1,
                size=2,
                part=None,
                address="127.0.0.1",
            )
        )
    yield made
    for party in made:
        party.left()


@pytest.mark.slow
def test_the_other_node_is_told_of_by_its_signs_of_life(parties: list[Party]) -> None:
    zero, other = parties
    for party in parties:
        party.announce()
    other.tell(NOW)
    standings = Standings(zero.store, 0)
    deadline_s = time.monotonic() + 60
    while not any(node.now == NOW for node in standings.look()):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    (node,) = standings.look()
    assert not node.silent and node.name == other.name


def test_a_store_that_fails_stops_nothing_and_the_last_that_was_seen_stays(
    parties: list[Party], monkeypatch: pytest.MonkeyPatch
) -> None:
    zero, other = parties
    other.announce()
    standings = Standings(zero.store, 0)
    deadline_s = time.monotonic() + 60
    while not standings.look():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    other.left()
    store = zero.store
    assert isinstance(store, FolderStore)
    for path in store.folder.iterdir():
        path.unlink()
    store.folder.rmdir()
    with pytest.raises(StoreError):
        store.names()
    standings._looked_s = -1e9
    standings._heard = {n: (value, at_s - SILENT_S) for n, (value, at_s) in standings._heard.items()}
    (node,) = standings.look()
    assert node.silent


SCRIPT = """
import os, time, energyprof
energyprof.mark("train")
step = 0
while not os.path.exists("enough"):
    time.sleep(0.1)
    step += 1
    energyprof.progress(samples=step)
energyprof.progress(samples=step, score=1.0)
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("torch") is None, reason="only its launcher is needed")
def test_a_node_that_falls_silent_is_shown_so_and_nothing_stops(command: Any) -> None:
    """Its profiler is stopped for a while, as of a machine that hangs; both trainings end well."""
    address = closed_port()
    processes = []
    for number in (0, 1):
        folder = command.folder / str(number)
        folder.mkdir()
        (folder / "train.py").write_text(SCRIPT)
        words = ("run", "train.py", "--target", "accuracy>=1", "--idle", "0", "-o", "r.json")
        words += ("--nnodes", "2", "--node-rank", str(number), "--rdzv", address, "--machine", f"m{number}")
        processes.append(
            subprocess.Popen(
                command.arguments(*words),
                cwd=folder,
                env=command.environment(ENERGYPROF_TOKEN="a-token-of-this-test"),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    zero, other = processes
    lines: list[str] = []
    assert zero.stderr is not None

    def read() -> None:
        assert zero.stderr is not None
        lines.extend(iter(zero.stderr.readline, ""))

    reader = threading.Thread(target=read)
    reader.start()

    def until(*words: str) -> None:
        """A line with all of these has been printed."""
        deadline_s = time.monotonic() + 200
        while not any(all(word in line for word in words) for line in lines):
            assert time.monotonic() < deadline_s and zero.poll() is None, lines
            time.sleep(0.1)

    try:
        until("1 other node", " W")
        os.kill(other.pid, signal.SIGSTOP)
        until("silent for")
        os.kill(other.pid, signal.SIGCONT)
    finally:
        os.kill(other.pid, signal.SIGCONT)
        for number in (0, 1):
            (command.folder / str(number) / "enough").write_text("")
        _, error = other.communicate(timeout=200)
        zero.wait(200)
        reader.join()
        zero.stderr.close()
    # 4: what a profiler that is stopped does not read is missing, and said.
    assert {zero.returncode, other.returncode} <= {0, 4}, (lines, error)
    report = command.report("0/r.json")
    assert [part["status"] for part in report["runs"][0]["nodes"]] == ["reached", "reached"]
