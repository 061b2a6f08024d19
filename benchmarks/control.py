"""Claim: of a machine that has not changed `energyprof control` calls at most 5 % of controls drifted.

    .venv/bin/python benchmarks/control.py [-n MACHINES]

Simulated machines of a GPU and a processor have forty sessions of one to three controls each, whose levels
vary from session to session and less within one, all figures alike or each alone. And: how many controls of a
machine that takes 3, 5 or 10 % more from its 30th session on are called drifted.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from energyprof.compare.gate.control import FALSE_ALARMS, Control, Controls, fitness
from energyprof.compare.gate.control_figures import Kind, Reading
from energyprof.report.record import NodeRecord

NODE = NodeRecord("here", {"id": "sha256:here", "hardware": {"product": "here"}})
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
# What such a machine shows, and how much of each kind varies from session to session: of the logarithm, in K.
SHOWN: tuple[tuple[Kind, str, float], ...] = (
    ("idle", "idle power", 90.0),
    ("joules", "energy of a million rounds, CPU", 2.0),
    ("joules", "energy of a thousand products, GPU", 60.0),
    ("seconds", "time of a million rounds, CPU package 0", 0.02),
    ("seconds", "time of a thousand products, GPU 0", 0.25),
    ("clock", "CPU clock", 3400.0),
    ("clock", "nvml:0 clock", 1700.0),
    ("heat", "CPU temperature", 70.0),
    ("heat", "nvml:0 temperature", 65.0),
)


def controls(
    rng: random.Random,
    sessions: int,
    sd: float,
    rho: float,
    shared: float,
    worse: float = 0.0,
    since: int = 0,
) -> Iterator[tuple[int, Control]]:
    """The controls of one machine and their sessions; ``shared`` of the variance is all figures' together.

    ``rho``: how much of a session's level the next one keeps. ``worse`` is what joules, seconds and idle
    power are more, relative, from session ``since`` on.
    """
    fresh = (1 - rho * rho) ** 0.5
    common, own = rng.gauss(0, 1), [rng.gauss(0, 1) for _ in SHOWN]
    for session in range(sessions):
        common = rho * common + fresh * rng.gauss(0, 1)
        own = [rho * level + fresh * rng.gauss(0, 1) for level in own]
        for i in range(rng.choice((1, 1, 2, 3))):
            readings = []
            for (kind, name, value), level in zip(SHOWN, own, strict=True):
                off = sd * (shared**0.5 * common + (1 - shared) ** 0.5 * level + 0.3 * rng.gauss(0, 1))
                more = worse if session >= since and kind in ("idle", "joules", "seconds") else 0.0
                # 1 % of a figure are about as usual from day to day as 2 K.
                shown = value + 200 * off if kind == "heat" else value * (1 + off) * (1 + more)
                readings.append(Reading(kind, name, shown))
            created = START + timedelta(days=session, minutes=5 * i)
            yield (
                session,
                Control(f"{session}-{i}", created.isoformat(), (NODE,), ("work",), tuple(readings), ()),
            )


def false_alarms(seed: int, machines: int, sd: float, rho: float, shared: float) -> float:
    """The share of controls called drifted, of those that are judged."""
    judged = drifted = 0
    rng = random.Random(seed)
    for _ in range(machines):
        before: list[Control] = []
        for _, one in controls(rng, 40, sd, rho, shared):
            found = fitness(one, Controls(tuple(before)))
            judged += found.standing != "unknown"
            drifted += found.standing == "drifted"
            before.append(one)
    return drifted / judged


def found_drift(seed: int, machines: int, sd: float, worse: float) -> tuple[float, float]:
    """The share of controls after a change that are called drifted, and of machines with such a one."""
    rng, judged, drifted, seen = random.Random(seed), 0, 0, 0
    for _ in range(machines):
        before: list[Control] = []
        here = []
        for session, one in controls(rng, 35, sd, 0.0, 0.5, worse, since=30):
            if session >= 30:
                here.append(fitness(one, Controls(tuple(before))).standing == "drifted")
            before.append(one)
        judged, drifted, seen = judged + len(here), drifted + sum(here), seen + any(here)
    return drifted / judged, seen / machines


def main() -> int:
    """Prints both tables; exits with 1 if the claim does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-n", "--machines", type=int, default=60)
    machines = parser.parse_args().machines
    broken = False
    print("| sessions vary by | the next keeps | in all figures alike | called drifted |")
    print("| --- | --- | --- | --- |")
    for sd in (0.002, 0.01, 0.03):
        for rho in (0.0, 0.5):
            for shared in (0.0, 0.8):
                share = false_alarms(1, machines, sd, rho, shared)
                broken |= share > FALSE_ALARMS
                print(
                    f"| {100 * sd:g} % | {rho:g} | {100 * shared:.0f} % | {100 * share:.1f} % |", flush=True
                )
    print("\n| sessions vary by | worse by | controls called drifted | machines seen within five sessions |")
    print("| --- | --- | --- | --- |")
    for sd in (0.002, 0.01):
        for worse in (0.03, 0.05, 0.1):
            each, within = found_drift(2, machines, sd, worse)
            print(
                f"| {100 * sd:g} % | {100 * worse:g} % | {100 * each:.0f} % | {100 * within:.0f} % |",
                flush=True,
            )
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
