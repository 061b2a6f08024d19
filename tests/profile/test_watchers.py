"""Those who follow a run cannot stop, spoil or delay it, whatever they do."""

from __future__ import annotations

import threading

import pytest

from energyprof.profile.live import Snapshot
from energyprof.profile.watchers import Watcher, Watchers


def snapshot(run: int = 0) -> Snapshot:
    return Snapshot(run, 9, None, "train", 1.0, 1.0, None, None, None, None, "measured")


def test_everyone_sees_the_last_snapshot() -> None:
    seen: dict[str, list[Snapshot]] = {"a": [], "b": []}
    watchers = Watchers([Watcher("a", seen["a"].append), Watcher("b", seen["b"].append)])
    for run in range(5):
        watchers.show(snapshot(run))
    assert watchers.close() == {}
    assert [seen["a"][-1].run, seen["b"][-1].run] == [4, 4]


def test_one_that_raises_is_lost_and_the_others_go_on() -> None:
    failed, seen = threading.Event(), list[int]()

    def fail(now: Snapshot) -> None:
        failed.set()
        raise BrokenPipeError(32, "Broken pipe")

    bad, good = Watcher("the exporter", fail), Watcher("the screen", lambda now: seen.append(now.run))
    watchers = Watchers([bad, good])
    watchers.show(snapshot(0))
    failed.wait()
    watchers.show(snapshot(1))
    assert watchers.close() == {bad: "BrokenPipeError: [Errno 32] Broken pipe"}
    assert seen[-1] == 1


def test_one_that_is_busy_delays_nobody_and_then_sees_the_newest_only() -> None:
    busy, free, seen = threading.Event(), threading.Event(), list[int]()

    def slow(now: Snapshot) -> None:
        seen.append(now.run)
        busy.set()
        free.wait()

    watchers = Watchers([Watcher("slow", slow)])
    watchers.show(snapshot(0))
    busy.wait()
    for run in range(1, 5):  # would never come back if it were waited for
        watchers.show(snapshot(run))
    free.set()
    assert watchers.close() == {}
    assert seen == [0, 4]


@pytest.mark.slow
def test_one_that_is_busy_for_good_is_left_behind_and_sees_nothing_more() -> None:
    busy, for_good, seen = threading.Event(), threading.Event(), list[int]()

    def hang(now: Snapshot) -> None:
        seen.append(now.run)
        busy.set()
        for_good.wait()

    stuck = Watcher("a dead terminal", hang)
    threads = set(threading.enumerate())
    watchers = Watchers([stuck])
    watchers.show(snapshot(0))
    busy.wait()
    watchers.show(snapshot(1))
    (thread,) = set(threading.enumerate()) - threads
    assert watchers.close() == {stuck: "it did not come back from what it was doing"}
    for_good.set()
    thread.join()
    assert seen == [0]


def test_without_any_there_is_no_thread() -> None:
    before = threading.active_count()
    watchers = Watchers([])
    assert not watchers
    watchers.show(snapshot())
    assert threading.active_count() == before
    assert watchers.close() == {}
