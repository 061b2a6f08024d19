"""Whose words count, each case small enough to check in the head."""

from __future__ import annotations

import pytest

from energyprof.report.phases import PhaseStart, Step
from energyprof.report.speakers import Heard, heard

PROGRAM_S = (0.0, 100.0)
TRAIN = PhaseStart(10.0, "train", None)


def steps(*counts: int, every_s: float = 1.0, process: int = 1) -> list[Step]:
    return [Step(10 + i * every_s, count, None, process=process) for i, count in enumerate(counts, 1)]


def listen(marks: list[PhaseStart], progress: list[Step], **roles: str) -> Heard:
    said = sorted(progress, key=lambda step: step.time_s)
    numbered = {int(name[1:]): role for name, role in roles.items()} or {1: "program"}
    return heard([PhaseStart(0.0, "run", None), *marks], said, numbered, PROGRAM_S)


def kinds(found: Heard) -> list[str]:
    return [flag.kind for flag in found.flags]


@pytest.mark.parametrize(
    ("counts", "trained"),
    [
        ((100, 200, 300), 300),
        ((10_100, 10_200, 10_300), 300),  # ten thousand were trained before
        ((300, 400, 500), 300),
        ((300, 400), 400),  # twice: not enough to be sure
        ((1000, 1100), 1100),  # a first line later than the next: not far enough to be sure
        ((60_000, 120_000), 120_000),
        ((11_000,), 11_000),  # once: nothing to tell by
        ((1000, 1000), 1000),
    ],
)
def test_what_counts_is_what_was_trained(counts: tuple[int, ...], trained: int) -> None:
    first = Step(20.0 if counts[0] == 1000 else 11.0, counts[0], None)
    later = [Step(first.time_s + i, count, None) for i, count in enumerate(counts[1:], 1)]
    found = listen([TRAIN], [first, *later])
    assert found.progress[-1].samples == trained
    assert kinds(found) == (["resumed"] if trained < counts[-1] else [])


def test_a_count_told_before_any_training_is_where_it_starts() -> None:
    found = listen([TRAIN], [Step(10.01, 5000, None), *steps(5100, 5200)])
    assert [step.samples for step in found.progress] == [0, 100, 200]


def test_a_program_that_says_where_it_starts_is_believed() -> None:
    found = listen([PhaseStart(10.0, "train", 5000)], [Step(50, 5100, 0.9)])
    assert [(score.step.samples, score.trained) for score in found.scores] == [(5100, 100)]
    assert found.flags[0].words.startswith("the training went on from a checkpoint at 5,000 samples")


def test_a_childs_marks_and_counts_are_not_its_parents() -> None:
    marks = [TRAIN, PhaseStart(12, "eval", None, process=2), PhaseStart(13, "shutdown", None, process=2)]
    found = listen(marks, [*steps(100, 200), *steps(7, 8, 9, process=2)], p1="program", p2="child")
    assert [mark.name for mark in found.phases] == ["run", "train"]
    assert [step.samples for step in found.progress] == [100, 200]
    assert kinds(found) == []


def test_the_scores_of_an_evaluator_count_if_the_program_has_none() -> None:
    said = [*steps(5100, 5200), Step(13, 5200, 0.5, process=2)]
    found = listen([TRAIN], said, p1="program", p2="child")
    assert [(score.step.samples, score.trained) for score in found.scores] == [(5200, 200)]
    assert found.progress[-1].samples == 200


def test_what_clients_train_for_a_program_that_waits_is_summed() -> None:
    said = [*steps(100, 200, process=2), *steps(100, 200, process=3), Step(50, 200, 0.7, process=3)]
    found = listen([TRAIN], said, p1="program", p2="child", p3="child")
    assert found.progress[-1].samples == 400
    assert {step.actor for step in found.progress} == {""}
    assert [score.step.score for score in found.scores] == [0.7]
    assert kinds(found) == ["summed"]


def test_of_processes_beside_each_other_one_counts_and_it_is_said() -> None:
    said = [*steps(100, 200), *steps(100, 200, process=2), *steps(100, 200, process=3)]
    marks = [TRAIN, PhaseStart(12, "eval", None, process=2)]
    found = listen(marks, said, p1="program", p2="beside", p3="beside")
    assert found.progress[-1].samples == 200
    assert [mark.name for mark in found.phases] == ["run", "train"]
    assert [flag.detail for flag in found.flags if flag.kind == "beside"] == ["3"]


def test_other_ranks_need_no_word() -> None:
    found = listen([TRAIN], [*steps(100), *steps(900, process=2)], p1="program", p2="rank")
    assert [step.samples for step in found.progress] == [100]
    assert kinds(found) == []


def test_named_actors_keep_their_names_whichever_process_speaks_for_them() -> None:
    marks = [TRAIN, PhaseStart(11, "train", None, "a", 2)]
    found = listen(marks, [Step(20, 300, None, "a", 2)], p1="program", p2="child")
    assert [mark.actor for mark in found.phases] == ["", "", "a"]
    assert [(step.actor, step.samples) for step in found.progress] == [("a", 300)]
    assert kinds(found) == []


@pytest.mark.parametrize(
    ("second", "trained"),
    [((600, 700), 700), ((100, 200), 700), ((500,), 500)],  # goes on, begins anew, only evaluates
)
def test_programs_one_after_the_other_are_one(second: tuple[int, ...], trained: int) -> None:
    later = [Step(50.0 + i, count, None, process=2) for i, count in enumerate(second)]
    found = listen([TRAIN], [*steps(100, 200, 300, 400, 500), *later], p1="program", p2="program")
    assert found.progress[-1].samples == trained
    assert kinds(found) == []


def epochs(*counts: int, score: float | None = 0.5) -> list[Step]:
    return [Step(20.0 + 10 * i, count, score) for i, count in enumerate(counts)]


@pytest.mark.parametrize(
    ("said", "where"),
    [
        (steps(64, 128, 500, 64, 128), "from 500 to 64"),
        (steps(64, 128, 64, 128), "from 128 to 64"),  # epochs of two batches
        (epochs(500, 400), "from 500 to 400"),  # back to a checkpoint
        (epochs(500, 500, 500), "still at 500 in 3 evaluations"),
        (steps(64, 128, 100, 164), ""),  # a last batch that was counted as full is put right
        (epochs(500, 500), ""),  # a validation and a test
        (epochs(0, 0, 0), ""),
        (epochs(500, 1000, 1000, 1000), ""),
    ],
)
def test_a_count_that_begins_anew_is_no_count(said: list[Step], where: str) -> None:
    found = listen([TRAIN], said)
    assert [flag.detail for flag in found.flags] == ([where] if where else [])
    assert [step.samples for step in found.progress] == ([] if where else [step.samples for step in said])
    assert [score.trained for score in found.scores if where] == [None for score in found.scores if where]


def test_an_epochs_count_told_after_each_of_two_marked_epochs_is_no_count() -> None:
    found = listen([TRAIN, PhaseStart(25.0, "train", 500)], epochs(500, 500))
    assert kinds(found) == ["recounted"]
    assert [mark.samples for mark in found.phases] == [None, None, None]


def test_an_actor_that_counts_anew_leaves_the_programs_count() -> None:
    theirs = [Step(20.0 + i, count, None, "a") for i, count in enumerate((64, 128, 64))]
    found = listen([TRAIN], [*steps(100, 200), *theirs])
    assert [(step.actor, step.samples) for step in found.progress] == [("", 100), ("", 200)]
    assert [flag.detail for flag in found.flags] == ["a: from 128 to 64"]
