"""Node 0 gathers: what came is joined, what never came is named, and nothing of a node's own is lost."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from energyprof.profile.inbox import Inbox
from energyprof.profile.nodes.gather import Gathered, gather
from energyprof.profile.nodes.party import Party, Shared
from energyprof.profile.nodes.remote import RemoteStore
from energyprof.profile.nodes.serving import Server
from energyprof.profile.nodes.store import FolderStore, Store
from energyprof.profile.nodes.tombstone import Tombstone
from energyprof.report.file import read, trace_path
from energyprof.report.recompute import recompute
from fakes.nodes import Node, record

TOKEN = "a-token-of-this-test"


class Three:
    """Three nodes of 100, 200 and 300 W, each with a folder of its own; node 0 serves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        served = FolderStore(folder / "0" / ".store")
        self.server = Server(served, "127.0.0.1", 0, TOKEN)
        self.reports, self.parties = [], []
        for number in range(3):
            home = folder / str(number)
            home.mkdir(exist_ok=True)
            name = "one" if number == 0 else "other"  # two have one name
            file = f"r.node-{number}"
            self.reports.append(record(Node(name, 100.0 * (number + 1), machine=file), home, file))
            own = served if number == 0 else None
            store: Store = served if own else RemoteStore("127.0.0.1", self.server.port, TOKEN)
            shared = Shared(
                store, own, self.server if own else None, "here", Tombstone(home, "this run", once=True)
            )
            party = Party(shared, first=number, count=lambda: 1, size=3, part=None, address="127.0.0.1")
            party.name = name
            party.announce()
            self.parties.append(party)

    def done(self, number: int) -> str:
        said = self.parties[number].done(self.reports[number], trace_path(self.reports[number]))
        self.parties[number].left()
        return said

    def gathered(self, silent_s: float = 1.0) -> Gathered:
        inbox: Inbox = queue.SimpleQueue()
        said: list[str] = []
        to = self.folder / "0" / "r.json"
        return gather(self.parties[0], self.reports[0], to, "refused", inbox, said.append, silent_s)


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Three]:
    found = Three(tmp_path)
    yield found
    for party in found.parties:
        party.close()


@pytest.mark.slow
def test_all_that_came_is_one_report_that_its_trace_gives_again(three: Three) -> None:
    senders = [threading.Thread(target=three.done, args=(number,)) for number in (1, 2)]
    for sender in senders:
        sender.start()
    found = three.gathered(silent_s=60)
    assert (found.missing, found.lines) == ([], [])
    assert found.report is not None
    (run,) = found.report.runs
    # 20 s at 100, 200 and 300 W.
    assert run.energy_j == pytest.approx(12_000, rel=0.01)
    assert [node.name for node in found.report.nodes] == ["one", "other", "other#2"]
    assert any(note.startswith("other#2 is the node of") for note in found.report.notes)
    assert all(node.ahead_u_s is not None for node in found.report.joined)
    assert recompute(three.folder / "0" / "r.json").runs == found.report.runs
    for number in (1, 2):
        sent = three.folder / "0" / f"r.node-{number}.json"
        assert sent.read_bytes() == three.reports[number].read_bytes()
        assert trace_path(sent).read_bytes() == trace_path(three.reports[number]).read_bytes()


@pytest.mark.slow
def test_a_node_that_falls_silent_is_named_and_its_joules_are_not_left_out_in_silence(three: Three) -> None:
    three.done(1)
    three.parties[2].left()  # it died
    found = three.gathered()
    assert found.missing == ["other"]
    assert found.lines == ["other never delivered its report"]
    assert found.report is not None
    (run,) = found.report.runs
    assert run.energy_j is None
    assert [part.node for part in run.nodes] == ["one", "other"]
    assert {flag.kind: flag.detail for flag in run.flags}["node_missing"] == "other#2"
    assert "other#2 has no such run" in {flag.kind: flag.detail for flag in run.flags}["not_added"]
    assert "other#2 never delivered its report" in found.report.notes
    assert recompute(three.folder / "0" / "r.json").runs == found.report.runs
    assert read(three.reports[2]).runs[0].energy_j == pytest.approx(6000, rel=0.01)


def test_a_node_whose_node_0_is_gone_says_where_its_report_is(
    three: Three, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("energyprof.profile.nodes.party.TRIES", 1)
    three.parties[0].close()
    said = three.done(1)
    assert str(three.reports[1]) in said
    assert "energyprof join" in said
    assert read(three.reports[1]).runs[0].energy_j == pytest.approx(4000, rel=0.01)


def test_a_report_that_is_none_costs_the_others_nothing(three: Three) -> None:
    three.done(1)
    three.reports[2].write_text(json.dumps({"schema": "energyprof.report/2"}))
    three.done(2)
    found = three.gathered()
    assert [line for line in found.lines if "not a valid report" in line]
    assert found.report is not None
    assert [part.node for part in found.report.runs[0].nodes][:2] == ["one", "other"]
    assert found.report.runs[0].energy_j is None
