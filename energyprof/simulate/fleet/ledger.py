"""What a fleet's training took so far, by what it was spent on."""

from __future__ import annotations

from typing import Any

from energyprof.simulate.fleet.course import FleetCourse, Moment
from energyprof.simulate.fleet.turns import Turns
from energyprof.simulate.numerics import load

PARTS = ("training", "link", "start", "waiting", "late", "broken off", "standby", "server", "overhead")


class Ledger:
    """Sums over rounds: none of them is kept."""

    def __init__(self, used: Any) -> None:
        self.joules = dict.fromkeys(PARTS, 0.0)
        self.turns = {"used": 0, "late": 0, "broken off": 0}
        self.used = used  # turns of each client that entered a model; (n,)
        self.bytes_down = self.bytes_up = 0.0
        self.rounds = self.rounds_of_theory = 0
        self.time_s = 0.0
        self.progress = 0.0  # 1: the target
        self.staleness = 0.0  # summed over the updates used
        self.course = FleetCourse()

    def now(self) -> Moment:
        """How far the training is."""
        return Moment(self.rounds, self.time_s, min(1.0, self.progress), self.turns["used"])

    def enter(self, turns: Turns, used: Any, broken: Any) -> None:
        """Charge turns; ``used`` and ``broken`` say of each what became of it, neither: it was late."""
        numpy, whole = load("numpy"), turns.joules
        # Late and broken-off turns are few: what they took is taken from the sums of all.
        others = numpy.flatnonzero(~used)
        away = broken[others]
        self.turns["used"] += len(used) - len(others)
        self.turns["late"] += int((~away).sum())
        self.turns["broken off"] += int(away.sum())
        self.joules["late"] += float(whole[others[~away]].sum())
        self.joules["broken off"] += float(whole[others[away]].sum())
        for name, joules in (("training", turns.train_j), ("link", turns.link_j), ("start", turns.start_j)):
            self.joules[name] += float(joules.sum() - joules[others].sum())
        if len(used) == len(self.used):
            self.used += used
        else:
            self.used[turns.asked] += used
