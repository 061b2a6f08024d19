"""Claim: federated training in one process adds at most 40 ms to a round of four clients; a round of 100
clients and 100,000 parameters takes at most 1.5 s; memory does not grow with the rounds; a client trains as
fast as the central training, to 5 %; and Flower's own simulation comes to the same model.

    .venv/bin/python benchmarks/federated.py [--skip-ray] -o federated.md

Times are of this process's own processor, which other programs cannot lengthen; one thread computes.
``energyprof run`` has them as well, by the phases that its clients mark. Needs the extra ``federated``, and
``ray`` for Flower's simulation.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import torch
from federations.net import Net, plan_of
from federations.simulation import flowers_own

from energyprof.settings import Settings
from energyprof.workload import Event, Exchange, Mark, Progress
from energyprof.workloads import paradigms
from energyprof.workloads.paradigms.cohort import Cohort
from energyprof.workloads.training import loop

torch.set_num_threads(1)
ADDED_MS, HUNDRED_S, GROWTH_BYTES, SLOWER, APART, UP = 40.0, 1.5, 2_000_000, 0.05, 1e-6, 0.26
TRAINING = ("train", "warmup")

Row = tuple[str, str, str, bool]  # what, found, claimed, whether it holds


def main() -> None:
    """Print the table; exit 1 where the claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--skip-ray", action="store_true", help="leave Flower's own simulation out")
    parser.add_argument("-o", "--output", type=Path)
    asked = parser.parse_args()
    rows = [added(), hundred(), growth(), speed(), *transfers()]
    rows += [] if asked.skip_ray else [same_model()]
    lines = ["| what | found | claim | |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {what} | {found} | {claim} | {'yes' if holds else '**no**'} |"
        for what, found, claim, holds in rows
    ]
    print("\n".join(lines))
    if asked.output is not None:
        asked.output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.exit(0 if all(row[3] for row in rows) else 1)


class Clock:
    """Seconds of the processor by phase: takes every mark as it is told."""

    def __init__(self) -> None:
        self.spent_s: dict[str, float] = {}
        self._phase, self._since_s = "", time.process_time()

    def take(self, event: Event) -> None:
        """Note a mark."""
        if isinstance(event, Mark):
            now_s = time.process_time()
            self.spent_s[self._phase] = self.spent_s.get(self._phase, 0.0) + now_s - self._since_s
            self._phase, self._since_s = event.name, now_s


def told(clock: Clock, **settings: Any) -> Iterator[Event]:
    """The events of a federated training of the net."""
    rounds = settings.pop("rounds")
    plan = plan_of(Settings(paradigm="federated", **settings), rounds)
    workload = paradigms.workload(plan, Net(plan), clock.take)
    workload.prepare()
    for event in workload.train(0):
        clock.take(event)
        yield event


def added() -> Row:
    """What a round of four clients costs beside training and evaluation."""
    clock, rounds = Clock(), 40
    list(told(clock, clients=4, rounds=rounds))
    beside_s = sum(s for name, s in clock.spent_s.items() if name and name not in (*TRAINING, "eval"))
    ms = 1000 * beside_s / rounds
    return "added to a round of 4 clients", f"{ms:.1f} ms", f"≤ {ADDED_MS:g} ms", ms <= ADDED_MS


def hundred() -> Row:
    """One round of a hundred clients, from the first message to the score."""
    events = told(Clock(), clients=100, rounds=1)
    next(events), next(events)  # the model is made, its operations are counted
    start_s = time.process_time()
    list(events)
    spent_s = time.process_time() - start_s
    return "100 clients × 1 round, 100 k", f"{spent_s:.2f} s", f"≤ {HUNDRED_S:g} s", spent_s <= HUNDRED_S


def growth() -> Row:
    """Memory in use after 20 rounds and after 120."""
    at: list[int] = []
    scored = (
        e for e in told(Clock(), clients=4, rounds=120) if isinstance(e, Progress) and e.score is not None
    )
    for number, _ in enumerate(scored, 1):
        if number in (20, 120):
            at.append(in_use())
    grown = at[1] - at[0]
    return (
        "memory from round 20 to 120",
        f"{grown / 1e6:+.2f} MB",
        f"≤ {GROWTH_BYTES / 1e6:g} MB",
        grown <= GROWTH_BYTES,
    )


def in_use() -> int:
    """Resident bytes now."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def speed() -> Row:
    """Samples a second of a client against the central training's, in turn."""
    plan = plan_of(Settings(paradigm="federated", clients=1), 1)
    ratios = []
    central, client = Net(plan), Net(plan)
    for program in (central, client):
        program.prepare()
    model = central.network(0)
    plain = loop.Loop(plan, central.device, central.task(model, 0), 0)
    cohort = Cohort(client, [list(range(client.items))], 0)
    turns = {"central": lambda: plain.stretch(40), "client": lambda: cohort.train(0, 40)}
    for turn in turns.values():
        turn()
    for _ in range(15):
        spent_s = {}
        for name, turn in turns.items():
            start_s = time.process_time()
            turn()
            spent_s[name] = time.process_time() - start_s
        ratios.append(spent_s["central"] / spent_s["client"])
    slower = 1 - statistics.median(ratios)
    return "samples a second of a client", f"{-slower:+.1%}", f"within {SLOWER:.0%}", abs(slower) <= SLOWER


def transfers() -> list[Row]:
    """Bytes up and the error after the same rounds, for each codec."""
    rows: list[Row] = []
    plain_bytes, plain_score = 0, 0.0
    for transfer in ("fp32", "fp16", "int8", "int4", "topk:0.05"):
        events = list(told(Clock(), clients=4, rounds=20, transfer=transfer, error_feedback=True))
        up = sum(event.bytes_up for event in events if isinstance(event, Exchange))
        score = [e.score for e in events if isinstance(e, Progress) and e.score is not None][-1]
        if transfer == "fp32":
            plain_bytes, plain_score = up, score
        share, lost = up / plain_bytes, score / plain_score - 1
        claim = f"≤ {UP:g} of fp32" if transfer == "int8" else "reported"
        found = f"{share:.3f} of the bytes up, error {lost:+.1%}"
        rows.append((f"{transfer}, 20 rounds", found, claim, transfer != "int8" or share <= UP))
    return rows


def same_model() -> Row:
    """How far our weights lie from those of Flower's own simulation after three rounds of the same seed."""
    settings = Settings(paradigm="federated", clients=4)
    plan = plan_of(settings, 3)
    program = Net(plan)
    workload = paradigms.workload(plan, program, lambda event: None)
    workload.prepare()
    list(workload.train(0))
    ours = [weight.detach() for weight in program.model.parameters()]
    theirs = flowers_own(settings, rounds=3)
    apart = max(float((a - torch.from_numpy(b)).abs().max()) for a, b in zip(ours, theirs, strict=True))
    return "from Flower's own simulation, 3 rounds", f"{apart:.1e}", f"≤ {APART:g}", apart <= APART


if __name__ == "__main__":
    main()
