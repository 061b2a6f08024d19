"""What a step of simulated time costs, beside vessim's.

Claim: from a thousand clients on, a round of a fleet, every client of which is asked, with jitter, drop-
outs, backup workers and the carbon of two sites by the hour, takes less time a client than a step of
vessim (0.16, native backend) takes an actor: a microgrid of consumers with a power each, on a grid whose
intensity follows a trace. A round of ours takes about a millisecond however few the clients are, so that
for ten or a hundred of them vessim's step is the cheaper one.

    pip install vessim
    python benchmarks/steps.py

Without vessim its half is left out by name. Ratios are of one run on one machine; what the two compute is
not the same: vessim couples controllers and real systems, step by step, which no fleet does.
"""

from __future__ import annotations

import datetime
import sys
import time

from energyprof.simulate.fleet.device import Device, Measured, Training
from energyprof.simulate.fleet.fleet import Scenario, simulate
from energyprof.simulate.fleet.sites import FleetSite
from energyprof.simulate.traces.trace import IntensityTrace

STEPS, STEP_S = 500, 60
CLIENTS, MANY = (10, 100, 1000, 5000), 1000
HOURS = 24 * 365
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


def intensities() -> list[float]:
    """Of each hour, g/kWh."""
    return [300.0 + 100 * (hour % 24) / 24 for hour in range(HOURS)]


def ours_s(clients: int) -> float:
    """Seconds of a round of so many clients."""
    trace = IntensityTrace(
        tuple(START.timestamp() + 3600.0 * hour for hour in range(HOURS)),
        tuple(intensities()),
        3600.0,
        "made",
    )
    devices = tuple(Device(f"kind {i}", 10.0, 5.0 + i, spread=0.3, jitter=0.2, idle_w=1.0) for i in range(2))
    backup = max(1, clients // 100)
    training = Training("steps", clients, clients - backup, 100, 1e6, backup=backup, dropout=0.005)
    sites = (FleetSite("a", 1.0, 300.0, trace), FleetSite("b", 1.2, 100.0))
    made = Scenario(
        training,
        devices,
        (Measured(1, STEPS),),
        START.timestamp(),
        sites=sites,
        sites_of=(0, 1),
        server_site=1,
    )
    begun_s = time.perf_counter()
    found = simulate(made)
    took_s = time.perf_counter() - begun_s
    assert not found.why and found.co2_kg > 0
    return took_s / found.rounds


def vessim_s(clients: int) -> float | None:
    """Seconds of a step of so many consumers; ``None``: vessim is not here."""
    try:
        import pandas
        import vessim
    except ImportError:
        return None
    index = pandas.date_range(START.replace(tzinfo=None), periods=HOURS, freq="h")
    trace = vessim.Trace(pandas.Series(intensities(), index=index), anchor=index[0])
    environment = vessim.Environment(sim_start=START.strftime("%Y-%m-%d %H:%M:%S"), step_size=STEP_S)
    actors = [vessim.Consumer(f"client {i}", 5.0 + i % 2) for i in range(clients)]
    environment.add_microgrid(
        actors, dispatchables=[vessim.GridConnection("grid")], grid_signals={"carbon": trace}
    )
    begun_s = time.perf_counter()
    environment.run(until=STEPS * STEP_S)
    return (time.perf_counter() - begun_s) / STEPS


def main() -> int:
    """Time both; 1 if one of many clients of ours takes longer than an actor of vessim's."""
    simulate(Scenario(Training("warm", 1, 1, 1, 1.0), (Device("d", 1.0, 1.0),), (Measured(1, 1),), 0.0))
    slower = False
    for clients in CLIENTS:
        own_s, other_s = ours_s(clients), vessim_s(clients)
        line = f"{clients:,} clients: a round {1e6 * own_s / clients:,.2f} µs a client"
        if other_s is None:
            print(f"{line}; vessim is not installed (pip install vessim): left out")
            continue
        ratio = other_s / own_s
        slower |= clients >= MANY and ratio < 1
        print(f"{line}; vessim's step {1e6 * other_s / clients:,.2f} µs an actor: {ratio:,.1f} × as long")
    return int(slower)


if __name__ == "__main__":
    sys.exit(main())
