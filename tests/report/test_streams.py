"""Whatever a meter's samples are, nothing raises, and the joules made of them are sums of finite parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energyprof.meter import MeterInfo
from energyprof.profile.live import Live
from energyprof.report.energy import total
from energyprof.trace.rows import Sample
from fakes.meters import counter, gauge
from fakes.traces import Trace, integrate, segments
from reports import meter

METERS = {
    "RAPL": counter(refresh_s=0.001, wraps_at_j=262144.0, resolution=6e-5),
    "a counter that wraps often": counter(refresh_s=0.001, wraps_at_j=120.0),
    "NVML": counter(refresh_s=0.0994, ticks=True, resolution=0.001),
    "a counter of which no tick is known": counter(ticks=True),
    "a register": counter(refresh_s=60.0, resolution=3600.0),
    "a counter that is always new": counter(),
    "a power": gauge(),
    "a power over a second": gauge(refresh_s=1.0, window_s=1.0),
    "a log": gauge(refresh_s=5.0, external=True),
}

# Of one sample: how long after the one before, how long the read took, and how the value came about.
STEPS = st.sampled_from(
    [0.0, 1e-9, 0.001, 0.01, 0.05, 0.0994, 0.1, 0.1, 0.1, 0.3, 0.7, 2.0, 70.0, -0.1, -3.0]
)
LENGTHS = st.sampled_from([0.0, 0.0, 50e-6, 0.01, 1.0, 5.0])
MOVES = st.sampled_from(
    [0.0, 0.0, 0.0, 1e-3, 5.0, 10.0, 10.0, 10.0, 100.0, 1e3, -5.0, -50.0, -1e9, 1e9, math.inf, math.nan, None]
)
SAMPLES = st.lists(st.tuples(STEPS, LENGTHS, MOVES), max_size=60)


def samples_from(moves: Sequence[tuple[float, float, float | None]], reads: str) -> list[Sample]:
    """A counter moves on from its last value, a power is what it is; both may be no number at all."""
    samples, last = [], 432_546.789 if reads == "energy_j" else 0.0
    times = accumulate((step_s for step_s, _, _ in moves), initial=1.0)
    for start_s, (_, read_s, move) in zip(times, moves, strict=False):
        value = None if move is None else last + move
        samples.append(Sample(start_s, start_s + read_s, value))
        if reads == "energy_j" and value is not None and math.isfinite(value) and 0 <= value < 1e8:
            last = value
    return samples


@pytest.mark.slow
@pytest.mark.parametrize("name", METERS)
@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    moves=SAMPLES,
    cuts=st.lists(st.floats(-1, 30), min_size=3, max_size=6, unique=True),
    sleeps=st.lists(st.floats(-1, 30), max_size=6),
)
def test_no_stream_makes_anything_but_finite_sums(
    name: str, moves: list[tuple[float, float, float | None]], cuts: list[float], sleeps: list[float]
) -> None:
    info: MeterInfo = METERS[name]
    trace = Trace(info, 0.1, samples_from(moves, info.reads))
    parts = list(segments(trace))
    assert all(before.end_s <= after.start_s for before, after in pairwise(parts))
    for part in parts:
        assert part.end_s > part.start_s
        assert 0 <= part.joules < math.inf
        assert 0 <= part.bridge_j < math.inf
        assert 0 <= part.stamp_s < math.inf

    edges = sorted(cuts)
    asleep = list(pairwise(sorted(sleeps)))
    whole, *split = integrate(trace, [(edges[0], edges[-1]), *pairwise(edges)], asleep)
    for energy in (whole, *split):
        assert 0 <= energy.coverage <= 1
        assert energy.joules is None or 0 <= energy.joules < math.inf
        assert (energy.joules is None) == (energy.seen_s <= 0)
        assert all(0 <= u_j < math.inf for u_j in energy.terms_j.values())
    known = [energy.joules for energy in split]
    if whole.joules is not None and None not in known:
        assert math.fsum(known) == pytest.approx(whole.joules, rel=1e-6, abs=1e-6)  # type: ignore[arg-type]
    assert (whole.joules is None) == all(joules is None for joules in known)
    assert total([whole]).joules == whole.joules


@pytest.mark.parametrize("name", METERS)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(moves=SAMPLES)
def test_no_stream_ends_what_is_shown(name: str, moves: list[tuple[float, float, float | None]]) -> None:
    info = METERS[name]
    live = Live(0, 1, None, [meter("a", info=info)])
    live.phase(1.1, "train")
    for sample in samples_from(moves, info.reads):
        live.sample(0, sample)
        shown = live.snapshot(sample.end_s)
        assert shown.joules is None or 0 <= shown.joules < math.inf
        assert shown.watts is None or 0 <= shown.watts < math.inf
    assert live.problem == ""


# An NVML counter that fell by 50 J between two looks within one tick: two values came at one moment.
DROPPING = [
    (0.110761, 432546.789),
    (0.118205, 432576.789),
    (1.206789, 432776.789),
    (1.214811, 432806.789),
    (5.022792, 433546.789),
    (5.09396, 433496.789),
    (5.186946, 433526.789),
]


def test_a_ticking_counter_that_drops_is_bridged() -> None:
    trace = Trace(METERS["NVML"], 0.1, [Sample(at_s, at_s, value) for at_s, value in DROPPING])
    energy = integrate(trace, [(0.2, 5.1)])[0]
    assert energy.joules is not None
    assert 800 < energy.joules < 1100
    assert "reset" in energy.flags


class Broken:
    """Samples that no segmenter can take."""

    value = "no number"
    start_s = end_s = 1.0


def test_what_only_displays_cannot_end_what_runs() -> None:
    live = Live(0, 1, None, [meter("a", info=counter())])
    live.sample(0, Broken())  # type: ignore[arg-type]
    live.sample(0, Sample(1.0, 1.0, 5.0))
    assert live.problem.startswith("a: TypeError")
    assert live.snapshot(2.0).watts is None
