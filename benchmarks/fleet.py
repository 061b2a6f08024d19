"""How fast a fleet is simulated, and in how much memory.

Claims: 100,000 clients over 1,000 rounds, every one of them asked in each, with jitter, drop-outs and
backup workers, take no more than 10 s and 1 GB; a million clients over 1,000 rounds of 1,000, on batteries
under the sun and budgets, take no more memory than over 10 rounds but for 5 %; FedZero's programme for 100
clients and 60 steps takes no more than 5 s. Beside them stands vessim's step (``steps.py``), where vessim is
installed.

``python benchmarks/fleet.py`` (``python benchmarks/fleet.py large`` for the million, some minutes)
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import numpy
import steps

from energyprof.simulate.fleet.device import Device, Measured, Training
from energyprof.simulate.fleet.domains import Excess, allot, in_turn
from energyprof.simulate.fleet.fleet import Scenario, simulate

MOST_S, MOST_BYTES, MOST_PROGRAMME_S = 10.0, 1e9, 5.0
SAME = 1.05


def everyone(clients: int, rounds: int) -> Scenario:
    """A fleet of which each round asks all."""
    backup = clients // 100
    devices = tuple(
        Device(f"kind {i}", 10.0 * (i + 1), 5.0 * (i + 1), spread=0.3, jitter=0.2, idle_w=1.0)
        for i in range(4)
    )
    training = Training("everyone", clients, clients - backup, 100, 1e6, backup=backup, dropout=0.005)
    return Scenario(training, devices, (Measured(1, rounds),), 0.0)


def outdoors(clients: int, rounds: int) -> Scenario:
    """A fleet on batteries, asleep for half of the day, with budgets; each round asks a thousand."""
    device = Device(
        "outdoors",
        10.0,
        2.0,
        spread=0.3,
        jitter=0.2,
        standby_w=0.01,
        awake=0.5,
        budget_j=5e3,
        battery_wh=5.0,
        panel_w=2.0,
        latitude=45.0,
        clear=0.7,
    )
    training = Training("outdoors", clients, 1000, 1000, 1e6, backup=100, dropout=0.05)
    return Scenario(training, (device,), (Measured(1, rounds),), 1.78e9)


def excess(clients: int = 100, steps: int = 60, domains: int = 10) -> Excess:
    """Clients in domains whose spare power comes and goes."""
    rng = numpy.random.default_rng(0)
    return Excess(
        10,
        200.0,
        2000.0,
        rng.uniform(5, 50, clients),
        rng.uniform(0.5, 5, clients),
        rng.integers(domains, size=clients),
        rng.uniform(0, 60, (domains, steps)) * (rng.random((domains, steps)) < 0.6),
    )


def timed(scenario: Scenario) -> tuple[float, float]:
    """Seconds that it takes, and the most bytes that this process held."""
    begun_s = time.perf_counter()
    found = simulate(scenario)
    took_s = time.perf_counter() - begun_s
    assert not found.why, found.why
    return took_s, 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def apart(scenario: str, clients: int, rounds: int) -> tuple[float, float]:
    """Seconds and bytes of a scenario in a process of its own."""
    code = f"import fleet; print(*fleet.timed(fleet.{scenario}({clients}, {rounds})))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=sys.path[0], capture_output=True, text=True, check=True
    )
    took_s, held = map(float, done.stdout.split())
    print(f"{scenario}: {clients:,} clients, {rounds:,} rounds: {took_s:.1f} s, {held / 1e6:,.0f} MB")
    return took_s, held


def main() -> int:
    """Time them; 1 if one takes too long or too much."""
    took_s, held = apart("everyone", 100_000, 1000)
    failed = took_s > MOST_S or held > MOST_BYTES
    made = excess()
    begun_s = time.perf_counter()
    found = allot(made)
    took_s = time.perf_counter() - begun_s
    failed |= took_s > MOST_PROGRAMME_S
    print(
        f"FedZero's programme, 100 clients, 60 steps: {took_s:.2f} s, {found.samples.sum():,.0f} samples "
        f"(the thriftiest first: {in_turn(made).sum():,.0f})"
    )
    failed |= bool(steps.main())
    if "large" in sys.argv[1:]:
        _, few = apart("outdoors", 1_000_000, 10)
        _, many = apart("outdoors", 1_000_000, 1000)
        failed |= many > SAME * few
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
