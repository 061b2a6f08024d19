"""Data in parts: what each update trains on, when it is over, and what it says of old and new data."""

import pytest

from energyprof.settings import Settings
from energyprof.workload import Mark, Progress, Round, WorkloadError
from energyprof.workloads import unet
from energyprof.workloads.paradigms import continual
from energyprof.workloads.training import loop
from fakes.divisible import Line

torch = pytest.importorskip("torch")
CONFIG = {
    "name": "continual",
    "split": "iid",
    "split_seed": 152,
    "parts": 4,
    "update": "finetune",
    "held_out": 8,
}


def events(program, seed=3):
    found = continual.build(program, lambda event: None)
    found.prepare()
    return list(found.train(seed))


def trained(seed=3, line=None, **config):
    return events(Line({**CONFIG, **config}, **(line or {})), seed)


def rounds_of(found):
    return [event for event in found if isinstance(event, Round)]


@pytest.mark.parametrize(
    ("share", "sizes"),
    [(0.0, [3, 2, 4]), (1.0, [3, 5, 9]), (0.5, [3, 2 + 2, 4 + 3]), (0.01, [3, 2 + 1, 4 + 1])],
)
def test_what_an_update_trains_on(share, sizes):
    parts = [[0, 1, 2], [3, 4], [5, 6, 7, 8]]
    found = continual.pools(parts, share, 1)
    assert [len(pool) for pool in found] == sizes
    for number, pool in enumerate(found):
        assert len(set(pool)) == len(pool)
        assert set(parts[number]) <= set(pool) <= set(range(parts[number][-1] + 1))
    assert continual.pools(parts, share, 1) == found


def test_other_seeds_replay_other_items():
    parts = [list(range(50)), list(range(50, 60))]
    assert continual.pools(parts, 0.2, 1) != continual.pools(parts, 0.2, 2)


@pytest.mark.parametrize(
    ("items", "held_out"),
    [(range(2), [1]), (range(7), [6]), (range(8), [7]), (range(20), [7, 15]), ([3, 9, 27], [27])],
)
def test_an_eighth_of_a_part_is_held_out(items, held_out):
    part = continual.divided(list(items), 1)
    assert part.held_out == held_out
    assert sorted(part.trained + part.held_out) == list(items)


def test_a_part_of_one_item_is_one_line():
    with pytest.raises(
        WorkloadError, match=r"^part 3 has one training item, none to score it on: use fewer --parts"
    ):
        continual.divided([5], 3)


@pytest.mark.parametrize(
    ("update", "share"), [("finetune", 0), ("joint", 1), ("replay:0.25", 0.25), ("replay:1", 1)]
)
def test_the_updates_by_their_names(update, share):
    assert continual.replayed(update) == share


@pytest.mark.parametrize(
    "update", ["", "replay", "replay:", "replay:0", "replay:2", "replay:nan", "all", "joint:1"]
)
def test_what_is_no_update_is_one_line(update):
    with pytest.raises(WorkloadError, match=r"^unknown update .*: use finetune, joint or replay:F"):
        unet.plan(Settings(paradigm="continual", update=update))


def test_each_part_is_a_round_and_only_the_last_can_reach_the_target():
    found = trained()
    assert [round.number for round in rounds_of(found)] == [1, 2, 3, 4]
    assert [round.score is None for round in rounds_of(found)] == [False, False, False, True]
    assert [sorted(round.scores) for round in rounds_of(found)] == [["new"], *[["new", "old"]] * 3]
    third = found.index(rounds_of(found)[2])
    assert not any(isinstance(event, Progress) and event.score is not None for event in found[:third])
    assert isinstance(found[-1], Progress) and found[-1].score is not None
    assert isinstance(found[-2], Round)


def test_an_update_that_does_not_reach_the_target_ends_with_its_part_of_the_samples():
    found = trained(line={"max_samples": 512, "target": 2.0})
    ends = [i for i, event in enumerate(found) if isinstance(event, Round)]
    samples = [next(e.samples for e in reversed(found[:end]) if isinstance(e, Progress)) for end in ends]
    assert samples == [128, 256, 384, 512]


def test_an_update_that_reaches_the_target_is_over_after_one_evaluation_at_least():
    found = trained(line={"target": 0.01})
    assert [e.samples for e in found if isinstance(e, Mark) and e.name == "eval"] == [32, 64, 96, 128]
    assert found[-1].samples == 128


def test_the_first_update_trains_as_central_training_on_its_part_does():
    line = {"averaging": 0.9, "optimiser": "AdamW", "max_samples": 128}
    program = Line(CONFIG, **line)
    made = continual.build(program, print)
    made.prepare()
    first = next(event.score for event in made.train(3) if isinstance(event, Round))
    part = Line(CONFIG, **line).part(made._parts[0].trained)
    alone = loop.Loop(part.plan, part.device, part.task(part.network(3), 3), 3)
    assert first == next(e.score for e in alone.train() if isinstance(e, Progress) and e.score is not None)


@pytest.mark.slow
def test_fine_tuning_forgets_what_joint_training_keeps():
    """By label: below 0 first, then above; a line that was fitted to one half only is off in the other."""
    line = {"max_samples": 4000, "optimiser": "AdamW"}
    scores = {}
    for update in ("finetune", "joint"):
        program = Line({**CONFIG, "parts": 2, "update": update}, **line)
        x, y = program.training
        y = torch.where(y > 0, y, 3 * y)  # no line fits both halves
        order = y.flatten().argsort()
        program.training = program.validation = (x[order], y[order])
        program.groups = lambda: [0] * 32 + [1] * 32
        program.config["paradigm"]["split"] = "natural"
        scores[update] = rounds_of(events(program))[-1].scores
    assert scores["joint"]["old"] > scores["finetune"]["old"] + 0.05
    assert scores["finetune"]["new"] > scores["joint"]["new"]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits_twice():
    for update in ("finetune", "replay:0.3", "joint"):
        assert trained(update=update) == trained(update=update)
        assert trained(update=update) != trained(seed=4, update=update)
