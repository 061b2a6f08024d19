"""Continual training: the data arrive in parts, and with each of them the model is brought up to date.

An update trains on the new part alone (``finetune``), on it and a share of the old items (``replay:F``), or
on all that has arrived (``joint``). It goes on from the model before, with an optimiser and a learning rate
of its own, until the target is reached: one evaluation at least, and no longer than its part of
``max_samples``. The target counts once all data are there. Of each part an eighth is never trained on: it
tells what an update has made of old and of new data.
"""

import math
import random
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence

from energyprof.settings import Settings
from energyprof.workload import AWAY, Event, Exchange, Facts, Mark, Progress, Round, WorkloadError
from energyprof.workloads.data import split
from energyprof.workloads.paradigm import Divisible, Say
from energyprof.workloads.paradigms import dealt
from energyprof.workloads.training import loop

SOURCES = (__file__, *dealt.SOURCES)
UPDATES = "finetune, joint or replay:F, F the share of the old items that is trained on again"
HELD_OUT = 8  # one of so many items of a part
LEARNER = "learner"  # the actor that all is done by
STRETCH = 32  # steps between two words on how far it is


def described(settings: Settings) -> Dict[str, Any]:
    """The seed by which the data are dealt, and which share of them is held out.

    Raises:
        WorkloadError: split or update is none.
    """
    split.split_of(settings.split)
    replayed(settings.update)
    return {"split_seed": dealt.SPLIT_SEED, "held_out": HELD_OUT}


def build(program: Divisible, say: Say) -> "Continual":
    """The continual training of ``program``."""
    return Continual(program)


def replayed(update: str) -> float:
    """The share of the old items that an ``update`` trains on: 0 to 1.

    Raises:
        WorkloadError: there is no such update.
    """
    if update in ("finetune", "joint"):
        return float(update == "joint")
    kind, _, text = update.partition(":")
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if kind != "replay" or not 0 < share <= 1:
        raise WorkloadError(f"unknown update {update!r}: use {UPDATES}")
    return share


class Part(NamedTuple):
    """The items that arrive together, by their indices."""

    trained: List[int]
    held_out: List[int]


def divided(items: Sequence[int], number: int) -> Part:
    """Part ``number``, from 1: every eighth item is held out, one at least.

    Raises:
        WorkloadError: it has one item.
    """
    if len(items) < 2:
        raise WorkloadError(
            f"part {number} has one training item, none to score it on: use fewer --parts or another --split"
        )
    held_out = items[min(HELD_OUT, len(items)) - 1 :: HELD_OUT]
    return Part([item for item in items if item not in set(held_out)], list(held_out))


def pools(parts: Sequence[Sequence[int]], share: float, seed: int) -> List[List[int]]:
    """What each update trains on: the new items, and that ``share`` of all old ones, drawn anew."""
    found = []
    for number, new in enumerate(parts):
        old = [item for part in parts[:number] for item in part]
        again = random.Random(f"{seed} replay {number}").sample(old, math.ceil(share * len(old)))
        found.append(sorted([*new, *again]))
    return found


class Continual:
    """One plan's training, update by update."""

    def __init__(self, program: Divisible) -> None:
        self._program, self._config = program, program.config["paradigm"]
        self._parts: List[Part] = []
        # For each update the program as it is scored on old and on new data.
        self._aspects: List[Dict[str, Divisible]] = []

    def prepare(self) -> None:
        """Deal the training items to the parts, and prepare those that are held out.

        Raises:
            WorkloadError: they cannot be dealt so, or a part is too small to hold anything out.
        """
        dealt_items = dealt.parts(self._program, self._config["parts"])
        self._parts = [divided(items, number) for number, items in enumerate(dealt_items, 1)]
        old: List[int] = []
        for part in self._parts:
            aspects = {"old": old, "new": part.held_out}
            self._aspects.append(
                {name: self._program.judged_by(items) for name, items in aspects.items() if items}
            )
            old = old + part.held_out

    def facts(self) -> Dict[str, Any]:
        """How many items of each part are trained on, and how many are held out."""
        return {
            "part_items": [len(part.trained) for part in self._parts],
            "part_items_held_out": [len(part.held_out) for part in self._parts],
        }

    def train(self, seed: int) -> Iterator[Event]:
        """The phases of each update, and at its end the scores of the model.

        Raises:
            Diverged: a loss or a score is not a number.
            WorkloadError: a device ran out of memory.
        """
        program = self._program
        share = replayed(self._config["update"])
        model = program.network(seed)
        whole, samples = None, 0
        for number, pool in enumerate(pools([part.trained for part in self._parts], share, seed)):
            task = program.part(pool).task(model, seed + number)
            if whole is None:
                whole = program.loop = loop.Loop(program.plan, program.device, task, seed)
                yield Facts(whole.facts)
                yield Mark(AWAY, 0)  # what is computed from here on is the learner's
                yield Progress(0)
            judges = {
                name: aspect.task(model, seed).evaluate for name, aspect in self._aspects[number].items()
            }
            for event in self._update(whole, whole.beside(task, task.averaging), judges, number, samples):
                samples = event.samples if isinstance(event, Progress) else samples
                yield event

    def _update(
        self, whole: loop.Loop, own: loop.Loop, judges: Dict[str, Any], number: int, samples: int
    ) -> Iterator[Event]:
        """Update ``number``, from 0, after so many ``samples``."""
        plan, last = self._program.plan, number + 1 == self._config["parts"]
        ends = plan.max_samples * (number + 1) // self._config["parts"]
        began = samples
        left = 0  # steps of warm-up still to come: the very first ones choose kernels and fill allocators
        if not samples:
            left = loop.WARMUP_STEPS
        while True:
            next_eval = samples + plan.config["eval_every_samples"]
            while samples < next_eval:
                yield Mark("warmup" if left else "train", samples, LEARNER)
                due = math.ceil((next_eval - samples) / plan.config["batch_size"])
                samples += own.stretch(min(left or STRETCH, due))[0]
                left = 0
                yield Progress(samples)
            yield Mark("eval", samples, LEARNER)
            score = whole.score()
            over = plan.target.reached(score) or samples >= ends
            if over:
                found = {name: whole.score(judge) for name, judge in judges.items()}
                known = {name: value for name, value in found.items() if not math.isnan(value)}
                yield Exchange(LEARNER, samples - began, 0, 0)
                yield Round(number + 1, known, None if last else score)
            if last:
                yield Progress(samples, score)
            if over:
                return
