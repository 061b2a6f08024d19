"""Answers of a deployment's clients: one that never arrives holds up no other."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from energyprof.workloads.paradigms.federated.engines.deployed.apps import SHARES, Answers


class Grid:
    """Flower's: of these messages all are answered, but it waits for one until that has come whole."""

    def __init__(self, unfinished: str = "") -> None:
        self.unfinished, self.whole, self.asked = unfinished, threading.Event(), list[str]()

    def pull_messages(self, ids: Sequence[str]) -> Iterator[Any]:
        self.asked += ids
        for one in ids:
            if one == self.unfinished:
                self.whole.wait(60)
            yield SimpleNamespace(metadata=SimpleNamespace(reply_to_message_id=one))


def numbers(replies: Sequence[Any]) -> list[str]:
    return sorted(reply.metadata.reply_to_message_id for reply in replies)


@pytest.mark.slow
def test_an_answer_that_does_not_arrive_holds_up_those_of_its_share_alone() -> None:
    ids = [str(number) for number in range(4)]
    grid = Grid(unfinished="2")
    answers = Answers(grid)
    assert numbers(answers.come(ids)) == ["0", "1", "3"]
    assert answers.come(["2"]) == []
    assert grid.asked.count("2") == 1  # it is waited for once
    grid.whole.set()
    while not (found := answers.come(["2"])):
        pass
    assert numbers(found) == ["2"]


def test_many_are_fetched_in_few_shares_and_each_once() -> None:
    ids = [f"{number:03}" for number in range(5 * SHARES + 3)]
    grid = Grid()
    assert numbers(Answers(grid).come(ids)) == ids
    assert sorted(grid.asked) == ids


def test_what_flower_raises_ends_the_server_as_before() -> None:
    class Gone:
        def pull_messages(self, ids: Sequence[str]) -> Any:
            raise ConnectionError("the SuperLink is gone")

    with pytest.raises(ConnectionError, match="SuperLink"):
        Answers(Gone()).come(["0"])
