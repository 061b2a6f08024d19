"""A node 0 that ends before the others came: who comes later learns of it, and a new run trains."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from energyprof.errors import TrainingError, UsageError
from energyprof.profile.company import Company, company
from energyprof.profile.nodes import farewell, tombstone
from energyprof.profile.nodes.awaiting import seeds_of
from energyprof.profile.nodes.joining import Address, Asked, shared_for
from energyprof.profile.nodes.local import Local
from energyprof.profile.nodes.party import Party
from energyprof.profile.nodes.store import FolderStore
from energyprof.wire.launchers import Task
from fakes.http_meters import closed_port

TOKEN = "a-token-of-this-test"
By = Callable[[int], Company]


@pytest.fixture
def by_launcher(tmp_path: Path) -> By:
    """Node ``number`` of two that srun started, in a folder that both see."""

    def node(number: int, launch: str = "SLURM_PROCID:4711:0") -> Company:
        task = Task(number, 2, 0, 1, launch)
        local = Local(task, True, tmp_path / f"local-{number}")
        local.folder.mkdir(exist_ok=True)
        return company(local, Asked(), tmp_path / "reports", 1)

    return node


@pytest.fixture
def asked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Asked]:
    """What node ``number`` of two is asked that are started by hand, with one token."""
    monkeypatch.setenv("ENERGYPROF_TOKEN", TOKEN)
    host, port = closed_port().split(":")
    (tmp_path / "reports").mkdir()
    return lambda number: Asked(2, number, Address(host, int(port)), within_s=60.0)


@pytest.fixture
def by_address(asked_at: Callable[[int], Asked], tmp_path: Path) -> By:
    return lambda number: company(None, asked_at(number), tmp_path / "reports", 1)


def ends(node_0: Company, why: BaseException) -> None:
    with pytest.raises(type(why)), node_0.told():
        raise why


def party(node: Company) -> Party:
    assert node.party is not None
    return node.party


def stones(folder: Path) -> list[Path]:
    return sorted((folder / "reports").glob(".energyprof-*.over"))


def test_who_is_launched_late_hears_at_once_why_node_0_ended(by_launcher: By, tmp_path: Path) -> None:
    ends(by_launcher(0), KeyboardInterrupt())
    late = by_launcher(1)
    with pytest.raises(TrainingError, match=r"node 0 has ended: .*: ended by KeyboardInterrupt"):
        party(late).seeds([0])
    late.close()
    assert len(stones(tmp_path)) == 1
    assert len(stones(tmp_path)) == 1


def test_an_error_of_node_0_is_told_once_it_has_waited_for_who_comes(
    by_launcher: By, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(farewell, "HEARD_S", 0.1)
    ends(by_launcher(0), UsageError("r.json: already exists"))
    with pytest.raises(TrainingError, match=r"node 0 has ended: .*: r.json: already exists"):
        party(by_launcher(1)).seeds([0])


def test_a_process_that_came_first_after_node_0_had_ended_does_not_take_its_place(tmp_path: Path) -> None:
    def node(rank: int) -> Company:
        local = Local(Task(rank, 2, None, None, "PMIX_RANK:job-1"), True, tmp_path / str(rank))
        local.folder.mkdir(exist_ok=True)
        return company(local, Asked(), tmp_path / "reports", 1)

    ends(node(0), KeyboardInterrupt())
    with pytest.raises(TrainingError, match="node 0 has ended"):
        node(1)


def test_another_launch_in_the_same_folder_hears_nothing_of_it(by_launcher: Any) -> None:
    ends(by_launcher(0), KeyboardInterrupt())
    zero, other = (by_launcher(number, "SLURM_PROCID:4711:1") for number in (0, 1))
    assert party(zero).seeds([3, 4]) == party(other).seeds([0]) == [3, 4]


def test_where_all_came_nothing_is_left(by_launcher: By, tmp_path: Path) -> None:
    zero, other = by_launcher(0), by_launcher(1)
    store = party(zero).store
    while "node-1" not in store.names():
        time.sleep(0.01)
    ends(zero, KeyboardInterrupt())
    other.close()
    assert list((tmp_path / "reports").iterdir()) == []


@pytest.mark.slow
def test_at_an_address_who_waits_for_the_next_try_is_told_and_gives_up(
    by_address: By, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(tombstone, "AGAIN_S", 0.5)
    ends(by_address(0), KeyboardInterrupt())
    with pytest.raises(TrainingError, match=r"node 0 has ended: .*: ended by KeyboardInterrupt"):
        party(by_address(1)).seeds([0])
    said = capsys.readouterr().err
    assert said.count("ended by KeyboardInterrupt; in case it begins again it is waited for") == 1


def test_at_an_address_the_next_try_with_the_same_token_trains(by_address: By, tmp_path: Path) -> None:
    ends(by_address(0), KeyboardInterrupt())
    other = party(by_address(1))
    found: list[Any] = []
    waits = threading.Thread(target=lambda: found.append(other.seeds([0])))
    waits.start()
    again = by_address(0)
    assert stones(tmp_path) == []
    party(again).seeds([5])
    waits.join()
    assert found == [[5]]
    again.close()


def test_who_was_there_before_node_0_ended_waits_no_longer(
    by_address: By, asked_at: Callable[[int], Asked], tmp_path: Path
) -> None:
    """Node 0 came and went, and this one was not heard meanwhile."""
    unheard = shared_for(None, asked_at(1), tmp_path / "reports", print, node_0=False)
    unheard.tombstone.check()
    ends(by_address(0), KeyboardInterrupt())
    with pytest.raises(TrainingError, match="node 0 has ended"):
        unheard.tombstone.check()


def test_what_is_old_is_of_a_run_of_the_past_and_removed_by_the_next(by_launcher: By, tmp_path: Path) -> None:
    ends(by_launcher(0), KeyboardInterrupt())
    (stone,) = stones(tmp_path)
    long_ago_s = time.time() - tombstone.EXPIRES_S - 1
    os.utime(stone, (long_ago_s, long_ago_s))
    store = FolderStore(tmp_path / "reports" / ".store")
    store.put("seeds", b"[1]")
    late = tombstone.Tombstone(tmp_path / "reports", "SLURM_PROCID:4711:0", once=True)
    assert seeds_of(store, "there", check=late.check) == [1]
    tombstone.Tombstone(tmp_path / "reports", "another", once=True).clear()
    assert stones(tmp_path) == []


def test_a_node_whose_clock_is_an_hour_off_knows_how_old_it_is(
    by_launcher: By, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends(by_launcher(0), KeyboardInterrupt())
    now = time.time
    for off_s in (3600, -3600):
        monkeypatch.setattr(time, "time", lambda off_s=off_s: now() + off_s)
        with pytest.raises(TrainingError, match="node 0 has ended"):
            party(by_launcher(1)).seeds([0])


def test_a_folder_that_cannot_be_written_costs_node_0_nothing(tmp_path: Path) -> None:
    nowhere = tombstone.Tombstone(tmp_path / "gone", "run", once=True)
    nowhere.leave("why")
    nowhere.clear()
    nowhere.check()


def test_one_that_node_0_removes_while_it_is_read_is_told_as_it_was(tmp_path: Path, capsys: Any) -> None:
    """It lies in a pipe, whose reader waits for what is written once the pipe is gone."""
    (tmp_path / "reports").mkdir()
    tombstone.Tombstone(tmp_path / "reports", "key", once=False).leave("ended by a signal")
    found = tombstone.Tombstone(tmp_path / "reports", "key", once=False)
    (path,) = stones(tmp_path)
    path.unlink()
    os.mkfifo(path)

    def remove() -> None:
        with path.open("w") as pipe:
            path.unlink()
            pipe.write("ended by a signal")

    node_0 = threading.Thread(target=remove)
    node_0.start()
    found.check()
    node_0.join()
    assert "ago: ended by a signal; in case it begins again" in capsys.readouterr().err
