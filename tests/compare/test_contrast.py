"""Pairs by seed, where reports were not made in turns."""

from __future__ import annotations

import pytest

from energyprof.compare.contrast import contrast
from energyprof.compare.figures import BY_NAME
from energyprof.compare.gate.check import check
from reports import PER_SAMPLE, at, report, run

SAMPLES = BY_NAME["samples_to_target"]
NEEDED = (1000, 2000, 4000, 8000, 16_000)


def seeded(*needed: int, seeds=None, **changes):
    seeds = range(len(needed)) if seeds is None else seeds
    return report([run(samples=n, seed=seed) for n, seed in zip(needed, seeds, strict=True)], **changes)


def test_equal_seeds_of_one_work_are_pairs_whatever_their_order():
    again = seeded(*NEEDED[::-1], seeds=range(4, -1, -1))
    found = contrast(SAMPLES, again, seeded(*NEEDED))
    assert (found.alone.log_ratio, found.alone.se) == (0.0, 0.0)
    more = contrast(SAMPLES, seeded(*(round(1.1 * n) for n in NEEDED)), seeded(*NEEDED))
    assert more.alone.dof is None or more.alone.se < 1e-3


@pytest.mark.parametrize(
    "new",
    [
        seeded(*NEEDED, seeds=range(1, 6)),  # others
        seeded(*NEEDED, seeds=[None] * 5),
        seeded(*NEEDED, config={"batch_size": 8}),  # other work
        seeded(*NEEDED[:4]),  # too few
    ],
)
def test_what_does_not_share_its_seeds_is_no_pair(new):
    old = seeded(*NEEDED) if len(new.runs) == 5 else seeded(*NEEDED[:4])
    assert contrast(SAMPLES, new, old).alone.se > 0.3


def test_what_no_seed_decides_is_no_pair():
    new, old = at(1.0, 1.1, 1.2, 1.3, 1.4), at(1.0, 1.1, 1.2, 1.3, 1.4)
    assert contrast(BY_NAME["energy_per_sample"], new, old).alone.se > 0.05


def test_an_outlier_is_named_beside_the_verdict():
    new = at(1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.005, 2.0)
    notes = check(new, at(0.99, 1.0, 1.01), PER_SAMPLE).notes
    assert notes == ("energy per sample of new, run 8: an outlier, 100 % above the median; it counts",)
