"""Claim: a study's intervals hold all planted effects at once, its fronts the true one, in ≥ 95 % of studies.

``python benchmarks/effects.py --studies 2000``

Simulated studies of six settings in 3 to 10 blocks: changes of 2, 5 and 10 % up and down in energy, others in
time; noise of 1 % a training, and a drift from block to block that all settings of a block share and within
a block that they do not. ``found``: planted changes whose interval leaves out none. Exits with 1 if a claim
does not hold.
"""

from __future__ import annotations

import argparse
import math
import random
import sys

from energyprof.compare.effects import ByBlock, Objective, effects, front

ENERGY = (1.0, 1.02, 0.98, 1.05, 0.95, 0.90)
TIME = (1.0, 1.00, 1.05, 0.98, 1.10, 1.02)
NOISE, BETWEEN, WITHIN = 0.01, 0.03, 0.01
BLOCKS = (3, 5, 10)


def main() -> int:
    """Simulate and count; 1 if a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    held = True
    print("blocks  all effects held  true front held  settings left on it  found: 2 %, 5 %, 10 %")
    for blocks in BLOCKS:
        covered = whole = on_front = 0
        found = {0.02: [0, 0], 0.05: [0, 0], 0.10: [0, 0]}
        for _ in range(asked.studies):
            energy, time = planted(rng, ENERGY, blocks), planted(rng, TIME, blocks)
            seen = effects(energy[0], energy[1:])
            inside = [
                e is not None and e.low is not None and e.high is not None and e.low <= true <= e.high
                for e, true in zip(seen, ENERGY[1:], strict=True)
            ]
            covered += all(inside)
            for effect, true in zip(seen, ENERGY[1:], strict=True):
                size = round(abs(true - 1), 2)
                found[size][0] += effect is not None and effect.sure and (effect.ratio > 1) == (true > 1)
                found[size][1] += 1
            said = front([Objective(energy), Objective(time)])
            whole += all(said[i] for i in true_front())
            on_front += sum(said)
        shares = ", ".join(f"{hits / of:.0%}" for hits, of in found.values())
        print(
            f"{blocks:6}  {covered / asked.studies:16.1%}  {whole / asked.studies:15.1%}  "
            f"{on_front / asked.studies:19.1f}  {shares}"
        )
        held &= covered >= 0.95 * asked.studies and whole >= 0.95 * asked.studies
    print(
        f"{asked.studies} studies each; {len(true_front())} of {len(ENERGY)} settings are on the true front"
    )
    return 0 if held else 1


def planted(rng: random.Random, factors: tuple[float, ...], blocks: int) -> list[ByBlock]:
    """100 J times each factor in random order within each block, as a study trains them."""
    figures: list[dict[int, float]] = [{} for _ in factors]
    level = 0.0
    for block in range(blocks):
        level += rng.gauss(0, BETWEEN)
        slope = rng.gauss(0, WITHIN)
        for place, s in enumerate(rng.sample(range(len(factors)), len(factors))):
            log = level + slope * place / len(factors) + rng.gauss(0, NOISE)
            figures[s][block] = 100 * factors[s] * math.exp(log)
    return list(figures)


def true_front() -> list[int]:
    """The settings that none beats in both."""
    pairs = list(zip(ENERGY, TIME, strict=True))
    return [i for i, (e, t) in enumerate(pairs) if not any(a < e and b < t for a, b in pairs)]


if __name__ == "__main__":
    sys.exit(main())
