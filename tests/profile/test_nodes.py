"""What nodes tell each other: the store in a folder and at an address, and what node 0 gathers."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
import typer

from energyprof.cli.application import application
from energyprof.errors import TrainingError, UsageError
from energyprof.profile.inbox import Inbox
from energyprof.profile.nodes import awaiting
from energyprof.profile.nodes.awaiting import meet, seeds_of
from energyprof.profile.nodes.gather import gather
from energyprof.profile.nodes.heartbeat import middle
from energyprof.profile.nodes.joining import address_in, checked
from energyprof.profile.nodes.party import Party, Shared
from energyprof.profile.nodes.remote import ClockOffset, Refused, RemoteStore
from energyprof.profile.nodes.serving import Server
from energyprof.profile.nodes.store import FolderStore, Gone, Store, StoreError
from energyprof.profile.nodes.tombstone import Tombstone
from fakes.http_meters import closed_port
from fakes.nodes import Node, record

TOKEN = "a-token-of-this-test"


@pytest.fixture(params=["folder", "address"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    folder = FolderStore(tmp_path / "store")
    if request.param == "folder":
        return folder
    server = Server(folder, "127.0.0.1", 0, TOKEN)
    request.addfinalizer(server.close)
    return RemoteStore("127.0.0.1", server.port, TOKEN)


def test_what_is_put_is_there_whole_under_its_name(store: Store, tmp_path: Path) -> None:
    assert store.get("node-0") is None
    store.put("node-0", b"\0\n{")
    store.put("node-0", b"\n\0}")
    store.put("go-1", b"")
    (tmp_path / "trace").write_bytes(bytes(range(256)) * 10_000)
    store.send("trace-1", tmp_path / "trace")
    assert (store.get("node-0"), store.get("go-1")) == (b"\n\0}", b"")
    assert store.names() == {"node-0", "go-1", "trace-1"}
    assert (tmp_path / "store" / "trace-1").read_bytes() == (tmp_path / "trace").read_bytes()


@pytest.mark.parametrize("name", ["../r.json", "/etc/passwd", ".hidden", "", "a" * 200, "a/b", "A\n"])
def test_a_name_leads_nowhere_else(store: Store, name: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        store.put(name, b"x")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["store"]


def test_who_does_not_hold_the_token_is_told_nothing(tmp_path: Path) -> None:
    folder = FolderStore(tmp_path / "store")
    folder.put("secret", b"seen")
    server = Server(folder, "127.0.0.1", 0, TOKEN)
    try:
        with pytest.raises(StoreError) as refused:
            RemoteStore("127.0.0.1", server.port, "another-token").get("secret")
        assert isinstance(refused.value, Refused)
        with socket.create_connection(("127.0.0.1", server.port)) as stranger:
            stranger.recv(100)
            stranger.sendall(b'0123 4567\n{"ask": "get", "name": "secret"}\n')
            assert b"seen" not in stranger.makefile("rb").read()
        assert RemoteStore("127.0.0.1", server.port, TOKEN).get("secret") == b"seen"
    finally:
        server.close()


def test_who_listens_without_the_token_is_not_believed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as impostor:
        import threading

        def answer() -> None:
            connection, _ = impostor.accept()
            with connection:
                connection.sendall(b"00\n")
                connection.recv(1000)
                connection.sendall(b"11\n")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(Refused):
            RemoteStore("127.0.0.1", impostor.getsockname()[1], TOKEN).put("report-1", b"mine")


def test_a_server_binds_where_it_was_asked_to_alone(tmp_path: Path) -> None:
    server = Server(FolderStore(tmp_path / "store"), "127.0.0.1", 0, TOKEN)
    try:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", server.port))
    finally:
        server.close()
    with pytest.raises(UsageError, match="node 0 cannot listen there"):
        Server(FolderStore(tmp_path / "store"), "192.0.2.77", 29400, TOKEN)


def test_a_store_that_was_there_and_is_no_more_is_gone(tmp_path: Path) -> None:
    """A process that comes to look after node 0 has ended waits no longer, whatever it asks."""
    folder = FolderStore(tmp_path / "store")
    server = Server(folder, "127.0.0.1", 0, TOKEN)
    remote = RemoteStore("127.0.0.1", server.port, TOKEN)
    assert remote.get("over") is None
    server.close()
    folder.close()
    stores: tuple[Store, ...] = (folder, remote)
    for store in stores:
        for ask in (
            store.names,
            lambda store=store: store.get("over"),
            lambda store=store: store.put("a", b""),
        ):
            with pytest.raises(Gone):
                ask()
    never = RemoteStore("127.0.0.1", server.port, TOKEN)
    with pytest.raises(StoreError) as refused:
        never.names()
    assert not isinstance(refused.value, Gone)  # it may not have begun yet


@pytest.mark.slow
def test_who_comes_too_late_to_hear_why_trains_no_more(tmp_path: Path, capsys: Any) -> None:
    folder = FolderStore(tmp_path / "store")
    node_0 = FolderStore(folder.folder)
    node_0.put("ready-1-0", b"")
    ended = threading.Timer(0.5, node_0.close)
    ended.start()
    assert meet(folder, "there", 1, 1, Inbox(), 2, opened=lambda number: None) is None
    ended.join()
    assert capsys.readouterr().err == "no further training: node 0 has ended\n"
    assert seeds_of(folder, "there") is None


@pytest.mark.slow
def test_a_node_0_that_falls_silent_is_waited_for_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awaiting, "LOST_S", 0.5)
    folder = FolderStore(tmp_path / "store")
    folder.put("alive-0", b"0\n")
    with pytest.raises(TrainingError, match="node 0 has not been heard of"):
        meet(folder, "there", 0, 1, Inbox(), 2, opened=lambda number: None)
    with pytest.raises(TrainingError, match="node 0 has not been heard of"):
        seeds_of(folder, "there")
    # It was there for the first training; before the second one its machine is off the network.
    off = RemoteStore(*closed_port().split(":"), TOKEN)  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match="node 0 has not been heard of"):
        meet(off, "there", 1, 1, Inbox(), 2, opened=lambda number: None)


def test_who_waits_for_a_node_0_that_never_comes_says_so_again_and_again_and_gives_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    now_s = [0.0]
    monkeypatch.setattr(awaiting.time, "monotonic", lambda: now_s[0])

    def later(wait_s: float) -> bool:
        now_s[0] += 1.0
        return False

    store = RemoteStore(*closed_port().split(":"), TOKEN)  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match=r"there: after 180 s .*: start all nodes within that time"):
        seeds_of(store, "there", later, within_s=180.0)
    lines = capsys.readouterr().err.splitlines()
    told_s = [line.rpartition("(")[2] for line in lines]
    assert told_s == [f"{at} s of 180 s)" for at in (10, 20, 30, 40, 50, 60, 120)]
    assert all(line.startswith("waiting for node 0 at there: node 0 at 127.0.0.1:") for line in lines)


def test_who_says_something_while_a_store_is_removed_keeps_nothing_of_it(tmp_path: Path) -> None:
    folder = FolderStore(tmp_path / "store")
    speaking = threading.Event()

    def speak() -> None:
        with contextlib.suppress(Gone):
            while True:
                folder.put("alive-1", b"")
                speaking.set()

    thread = threading.Thread(target=speak)
    thread.start()
    assert speaking.wait(60)
    folder.close()
    thread.join()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_node_that_falls_silent_is_named_and_not_waited_for(tmp_path: Path) -> None:
    folder = FolderStore(tmp_path / "store")
    folder.put("node-1", b'{"name": "other", "processes": 1}')
    own = record(Node("zero", 100.0), tmp_path)
    shared = Shared(folder, folder, None, "", Tombstone(tmp_path, "this run", once=True))
    zero = Party(shared, first=0, count=lambda: 1, size=2, part=None, address="")
    said: list[str] = []
    found = gather(zero, own, tmp_path / "r.json", "refused", Inbox(), said.append, 0.5)
    assert (found.paths, found.missing) == ([own], ["other"])
    assert found.lines == ["other never delivered its report"]
    assert found.report is not None and found.report.runs[0].energy_j is None


def test_one_of_several_claims_a_name(tmp_path: Path) -> None:
    folder = FolderStore(tmp_path / "store")
    assert [folder.claim("first", b""), folder.claim("first", b"")] == [True, False]


def test_an_offset_is_as_uncertain_as_its_best_look_and_as_far_as_it_moved() -> None:
    assert middle([]) is None
    one = middle([ClockOffset(0.010, 0.001)])
    assert one == ClockOffset(0.010, 0.001)
    # A clock that drifted by 12 ms: a rectangle of that width has 12 / sqrt(12) ms.
    drifted = middle([ClockOffset(0.000, 0.001), ClockOffset(0.006, 0.002), ClockOffset(0.012, 0.005)])
    assert drifted is not None
    assert drifted.ahead_s == 0.006
    assert drifted.u_s == pytest.approx((0.001**2 + 0.012**2 / 12) ** 0.5)


def test_a_clock_on_the_same_machine_is_ahead_by_nothing(tmp_path: Path) -> None:
    server = Server(FolderStore(tmp_path / "store"), "127.0.0.1", 0, TOKEN)
    try:
        found = RemoteStore("127.0.0.1", server.port, TOKEN).clock()
    finally:
        server.close()
    # The truth, 0, lies in the rectangle of sqrt(3) u (and the resolution of the clocks).
    assert abs(found.ahead_s) <= 3**0.5 * found.u_s + 1e-6


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((2, None, "10.0.0.1:29400"), "give --node-rank, from 0 to 1"),
        ((2, 2, "10.0.0.1:29400"), "with --nnodes 2 it is from 0 to 1"),
        ((2, 0, None), "give --rdzv HOST:PORT"),
        ((1, 1, None), "Give --nnodes, too"),
        ((1, None, "10.0.0.1:29400"), "Give --nnodes and --node-rank, too"),
        ((2, 0, "10.0.0.1"), "HOST:PORT"),
        ((2, 0, "10.0.0.1:99999"), "HOST:PORT"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(
    words: tuple[int, int | None, str | None], problem: str
) -> None:
    with pytest.raises(UsageError, match=problem) as refused:
        checked(*words, {})
    assert "\n" not in str(refused.value)


def test_an_address_may_be_of_either_kind() -> None:
    assert (address_in("[fe80::1]:29400").host, address_in("node-0:1").port) == ("fe80::1", 1)


def test_the_docs_commands_have_the_options_that_they_are_shown_with() -> None:
    page = (Path(__file__).parents[2] / "docs/nodes.md").read_text()
    shown = [
        (words[1], word)
        for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
        for line in block.splitlines()
        if "energyprof " in line
        for words in [line[line.index("energyprof ") :].partition(" -- ")[0].split()]
        for word in words
        if word.startswith("-")
    ]
    known = {
        name: {option for parameter in command.params for option in parameter.opts}
        for name in ("run", "exec")
        for command in [typer.main.get_command(application([name])).commands[name]]  # type: ignore[attr-defined]
    }
    assert {name for name, _ in shown} == {"run", "exec"}
    assert [(name, option) for name, option in shown if option not in known[name]] == []
