"""Claim: through whatever fault of a meter, a run's energies lie within their U, phase by phase, or are none.

    .venv/bin/python benchmarks/inside.py -n 200

Simulated time and the sampler's own loop (``tests/fakes/simulated.py``): a load that idles, starts, trains,
evaluates, trains again and idles, read through a fault that begins at a random moment. The meters have no
gain error, so nothing assumed helps: what is counted is whether U = 2u of what is known of the readings holds
the truth, for the training as a whole and for every phase.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fakes.meters import counter, gauge
from fakes.simulated import Device, Value, failing, knowing_its_tick, restarted, simulate, stalled
from fakes.simulated import counter as joules_of
from fakes.simulated import power as watts_of
from fakes.traces import integrate
from fakes.waveform import Waveform, burst, constant, ramp, square

INTERVAL_S = 0.1
KEPT = 0.95
SLACK_J = 1e-6


@dataclass(frozen=True)
class Load(Waveform):
    """Waveforms that follow each other, each until its time."""

    parts: tuple[tuple[float, Waveform], ...] = ()

    def power_w(self, at_s: float) -> float:
        """The power at a time, in W."""
        return next(wave for end_s, wave in self.parts if at_s < end_s).power_w(at_s)

    def energy_j(self, start_s: float, end_s: float) -> float:
        """The integral of the power from ``start_s`` to ``end_s``, in J."""
        joules, from_s = 0.0, -math.inf
        for until_s, wave in self.parts:
            first_s, last_s = max(start_s, from_s), min(end_s, until_s)
            if last_s > first_s:
                joules += wave.energy_j(first_s, last_s)
            from_s = until_s
        return joules


def load(rng: random.Random) -> tuple[Load, list[float]]:
    """A run of about 25 s, and the edges of its phases."""
    idle_w, busy_w = rng.uniform(5, 40), rng.uniform(60, 250)
    period_s = math.exp(rng.uniform(math.log(0.05), math.log(5)))
    train = rng.choice(
        [
            constant(busy_w),
            square(busy_w / 3, busy_w, period_s),
            burst(busy_w / 4, busy_w, period_s, period_s / 5),
            ramp(busy_w / 3, busy_w, period_s),
        ]
    )
    waves = [constant(idle_w), constant(busy_w / 2), train, constant(busy_w / 2.5), train, constant(idle_w)]
    edges = [0.0]
    for _ in waves:
        edges.append(edges[-1] + rng.uniform(2, 7))
    ends = [*edges[1:-1], math.inf]
    return Load("constant", 0.0, 0.0, parts=tuple(zip(ends, waves, strict=True))), edges


Fault = Callable[[Value, float, random.Random], Value]


def _as_it_is(value: Value, at_s: float, rng: random.Random) -> Value:
    return value


def _stalled(value: Value, at_s: float, rng: random.Random) -> Value:
    return stalled(value, at_s, at_s + rng.uniform(0.2, 6))


def _lost(value: Value, at_s: float, rng: random.Random) -> Value:
    return failing(value, at_s, at_s + rng.uniform(0.2, 6))


def _reloaded(value: Value, at_s: float, rng: random.Random) -> Value:
    gone_s = rng.uniform(0.1, 2)
    return failing(restarted(value, at_s + gone_s), at_s, at_s + gone_s)


def _odd(odd: Callable[[float, random.Random], float]) -> Fault:
    def fault(value: Value, at_s: float, rng: random.Random) -> Value:
        share = rng.uniform(0.01, 0.2)
        return lambda now_s: odd(value(now_s), rng) if rng.random() < share else value(now_s)

    return fault


def _skipping(value: Value, at_s: float, rng: random.Random) -> Value:
    until_s = at_s + rng.uniform(1.5, 6)
    skipped_j = value(until_s) - value(at_s)
    still = stalled(value, at_s, until_s)
    return lambda now_s: still(now_s) - (skipped_j if now_s >= until_s else 0.0)


def _back(value: Value, at_s: float, rng: random.Random) -> Value:
    back_j = rng.uniform(1, 200)
    return lambda now_s: value(now_s) - (back_j if now_s >= at_s else 0.0)


def _late(value: Value, at_s: float, rng: random.Random) -> Value:
    share = rng.uniform(0.01, 0.2)
    return lambda now_s: value(now_s - (rng.uniform(0, 1) if rng.random() < share else 0.0))


def _frozen(value: Value, at_s: float, rng: random.Random) -> Value:
    return stalled(value, at_s, at_s + rng.uniform(0.5, 15))


def trembling(value: Value, rng: random.Random) -> Value:
    """A power as sensors show it: no two readings are the same."""
    seed = rng.random()
    return lambda at_s: round(value(at_s) * random.Random(f"{seed} {at_s:.6f}").gauss(1, 0.003), 3)


COUNTERS = ("RAPL", "NVML")
METERS = (*COUNTERS, "power")
FAULTS: dict[str, tuple[Sequence[str], Fault]] = {
    "none": (METERS, _as_it_is),
    "stalls, then catches up": (COUNTERS, _stalled),
    "stalls for good": (COUNTERS, lambda value, at_s, rng: stalled(value, at_s)),
    "stalls, then goes on from there": (COUNTERS, _skipping),
    "shows one value for a while": (("trembling power",), _frozen),
    "lost for a while": (METERS, _lost),
    "lost for good": (METERS, lambda value, at_s, rng: failing(value, at_s)),
    "there only later": (METERS, lambda value, at_s, rng: failing(value, -1, at_s)),
    "reset": (COUNTERS, lambda value, at_s, rng: restarted(value, at_s)),
    "goes back by a little": (COUNTERS, _back),
    "now and then old by up to a second": (COUNTERS, _late),
    "driver reloaded": (COUNTERS, _reloaded),
    "a read of seconds": (METERS, _as_it_is),
    "now and then not a number": (METERS, _odd(lambda value, rng: math.nan)),
    "now and then negative": (METERS, _odd(lambda value, rng: -value)),
    "now and then a spike": (METERS, _odd(lambda value, rng: value + 1e7)),
    "now and then 0": (COUNTERS, _odd(lambda value, rng: 0.0)),
}


def since_boot(value: Value) -> Value:
    """The counter of a machine that has been on for a while."""
    return lambda at_s: 1e5 + value(at_s)


def device(meter: str, wave: Waveform, fault: Callable[[Value], Value], rng: random.Random) -> Device:
    """A meter of the load with a fault."""
    if meter == "power":
        return Device(gauge(max_power_w=800), fault(watts_of(wave, 0.0)))
    if meter == "trembling power":
        return Device(gauge(max_power_w=800, resolution=0.001), fault(trembling(watts_of(wave, 0.0), rng)))
    if meter == "NVML":
        tick_s = rng.uniform(0.09, 0.11)
        info = counter(refresh_s=0.1, ticks=True, resolution=0.001, max_power_w=2000)
        before = knowing_its_tick(
            Device(info, joules_of(constant(30), 100.0, tick_s, rng.random())), rng.random()
        )
        return replace(before, value=fault(since_boot(joules_of(wave, 0.0, tick_s, rng.uniform(0, tick_s)))))
    info = counter(refresh_s=0.001, resolution=6e-5, max_power_w=2000)
    return Device(info, fault(since_boot(joules_of(wave, 0.0, 0.001, rng.uniform(0, 0.001)))))


def look(meter: str, name: str, rng: random.Random) -> tuple[Counter[str], list[str]]:
    """How many windows of one run hold the truth, do not, or have no energy."""
    wave, edges = load(rng)
    at_s = rng.uniform(edges[0], edges[-1])
    made = device(meter, wave, lambda value: FAULTS[name][1](value, at_s, rng), rng)
    if name == "a read of seconds":
        slow_s = rng.uniform(0.2, 3)
        made = replace(made, read_s=lambda now_s: slow_s if at_s <= now_s < at_s + 0.2 else 50e-6)
    windows = [(edges[1], edges[-2]), *itertools.pairwise(edges)]
    trace = simulate([made], INTERVAL_S, edges[-1] + 0.05, edges[:-1], rng.random())[0]
    found: Counter[str] = Counter()
    words = []
    for (start_s, end_s), energy in zip(windows, integrate(trace, windows), strict=True):
        if energy.joules is None:
            found["none"] += 1
            continue
        truth_j, u_j = wave.energy_j(start_s, end_s), 2 * energy.reading_u_j
        inside = abs(energy.joules - truth_j) <= u_j + SLACK_J
        found["inside" if inside else "outside"] += 1
        if not inside:
            words.append(
                f"{meter}, {name} at {at_s:.2f} s: {start_s:.2f} … {end_s:.2f} s: {energy.joules:.1f}"
                f" ± {u_j:.2g} J, truth {truth_j:.1f}, {energy.flags}"
            )
    return found, words


def main() -> int:
    """Print the table; 1 if a row keeps less than it should."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-n", type=int, default=50, help="runs of each row")
    parser.add_argument("--seed", default="inside")
    parser.add_argument("-v", action="store_true", help="print what lies outside")
    options = parser.parse_args()
    broken = False
    print("| fault | meter | windows | inside U | without energy |\n| --- | --- | --- | --- | --- |")
    for name, (meters, _) in FAULTS.items():
        for meter in meters:
            found: Counter[str] = Counter()
            for run in range(options.n):
                counts, words = look(meter, name, random.Random(f"{options.seed} {name} {meter} {run}"))
                found += counts
                if options.v:
                    print(*words, sep="\n", file=sys.stderr, end="\n" if words else "")
            told = found["inside"] + found["outside"]
            share = found["inside"] / told if told else 1.0
            broken |= share < KEPT
            print(
                f"| {name} | {meter} | {told + found['none']} | {100 * share:.1f} % | {found['none']} |",
                flush=True,
            )
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
