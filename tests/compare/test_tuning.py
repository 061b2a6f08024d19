"""What a scan says: windows out of rows, values under a bound, and what Zeus' rule would pick."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from energyprof.compare.scan import Scanned, ScanWindow, scanned_windows
from energyprof.compare.tuning import Bound, tuned
from energyprof.compare.zeus import zeus_pick
from energyprof.errors import UsageError
from energyprof.meter import MeterInfo
from energyprof.report.record import meter_record
from energyprof.trace.rows import Row, Sample

METER = meter_record(
    MeterInfo("m", "fake", "cpu", "component", "power_w", "as told", 0.1, 0.1, 0.01, "test", 1000.0),
    0.1,
    counted=True,
)


def event(at_s: float, kind: str, **fields: Any) -> Row:
    return Row(0, f"@{kind}", Sample(at_s, at_s, None), "", fields)


def rows(steps: float = 0.5) -> Iterator[Row]:
    """100 W and ten samples a step at 2 GHz from 1 s; from 11 s at 1 GHz half the power, twice the time.

    An evaluation of 2 s lies in the first window.
    """
    said = [
        event(0.5, "phase", name="train", samples=0),
        event(
            1, "scan", lever="cpu.max_freq", values=["2 GHz", "1 GHz"], base="2 GHz", settle_s=1, window_s=3
        ),
        event(1, "turn", value="2 GHz", block=0, amount=2e9),
        event(6, "phase", name="eval", samples=None),
        event(8, "phase", name="train", samples=None),
        event(11, "turn", value="1 GHz", block=0, amount=1e9),
        event(21, "turn", value="", block=0, amount=None),
        event(23, "exit", code=0),
    ]
    done, at_s = 0, 0.5
    while at_s < 22:
        step_s = steps if at_s < 11 else 2 * steps
        at_s += step_s
        if not 6 < at_s < 8:
            done += 10
        said.append(event(at_s, "progress", samples=done, score=None))
    said += [Row(0, "m", Sample(t / 10, t / 10, 100.0 if t < 110 else 50.0), "") for t in range(240)]
    yield from sorted(said, key=lambda row: row.sample.end_s)


def test_a_window_holds_what_was_trained_after_it_settled_and_no_evaluation() -> None:
    found = scanned_windows(rows(), rows(), [METER], "r.json")
    assert (found.lever, found.values, found.whole_blocks()) == ("cpu.max_freq", ("2 GHz", "1 GHz"), 1)
    fast, slow = found.windows
    # From 2 s to 6 s, and from 8.5 s on; then from 12 s to 21 s.
    assert (fast.time_s, fast.samples) == (pytest.approx(4.0 + 2.5), 130)
    assert fast.energy_j == pytest.approx(650, rel=0.02)
    assert (slow.time_s, slow.samples, slow.amount) == (
        pytest.approx(8.5, abs=0.51),
        10 * round(slow.time_s),
        1e9,
    )
    assert slow.energy_j == pytest.approx(50 * slow.time_s, rel=0.02)


def test_a_trace_without_a_scan_is_refused() -> None:
    plain = [row for row in rows() if row.source not in ("@scan", "@turn")]
    with pytest.raises(UsageError, match=r"r\.json: no lever was scanned"):
        scanned_windows(plain, plain, [METER], "r.json")


def scan(curve: dict[float, tuple[float, float]], blocks: int = 6, noise: float = 0.005) -> Scanned:
    """Windows of 100 samples: of each limit in W the joules and seconds of a sample."""
    rng = random.Random(0)
    windows = tuple(
        ScanWindow(0, b, f"{w:g} W", w, 100, 100 * s * rng.gauss(1, noise), 100 * j * rng.gauss(1, noise))
        for b in range(blocks)
        for w, (j, s) in curve.items()
    )
    return Scanned("gpu.power_limit", tuple(f"{w:g} W" for w in curve), 1.0, 3.0, windows, 0)


CURVE = {400.0: (4.0, 0.010), 300.0: (3.2, 0.0103), 200.0: (2.8, 0.014), 150.0: (3.1, 0.020)}


@pytest.mark.parametrize(
    ("bound", "best", "zeus"),
    [
        (Bound(), "200 W", "300 W"),  # 0.5 E + 0.5 × 400 W × t: 4, 3.66, 4.2, 5.55
        (Bound(slowdown=0.05), "300 W", "300 W"),
        (Bound(slowdown=0.5), "200 W", "200 W"),
        (Bound(slowdown=1.5), "200 W", "150 W"),  # the lowest limit takes more joules than the second
        (Bound(power_w=250), "200 W", "300 W"),
        (Bound(slowdown=0.001), "400 W", "400 W"),
    ],
)
def test_the_cheapest_value_within_the_bound(bound: Bound, best: str, zeus: str) -> None:
    found = tuned(scan(CURVE), bound, 1000.0)
    assert found is not None and found.best is not None and found.zeus is not None
    assert (found.base.value, found.best.value, found.zeus.value) == ("400 W", best, zeus)
    assert found.saves == (best != "400 W")


def test_what_the_noise_leaves_open_is_not_recommended() -> None:
    alike = {400.0: (4.0, 0.01), 300.0: (3.99, 0.01045)}
    found = tuned(scan(alike, blocks=3, noise=0.02), Bound(slowdown=0.05), None)
    assert found is not None
    assert [row.standing for row in found.values] == ["within", "unclear"]
    assert (found.best, found.saves) == (found.base, False)


def test_one_block_recommends_nothing() -> None:
    found = tuned(scan(CURVE, blocks=1), Bound(slowdown=0.05), None)
    assert found is not None
    assert found.best == found.base


def test_without_the_value_that_was_found_nothing_is_said() -> None:
    part = scan(CURVE)
    windows = tuple(window for window in part.windows if window.value != "400 W")
    assert tuned(Scanned(part.lever, part.values, 1.0, 3.0, windows, 0), Bound(), None) is None


def test_zeus_has_rules_for_limits_alone() -> None:
    assert zeus_pick([("0", None, 1.0, 1.0), ("0-1", None, 2.0, 0.5)], "cpu.cores", 0.05) is None
    clocks = [("1 GHz", 1e9, 1.0, 2.0), ("2 GHz", 2e9, 2.0, 1.0)]
    assert zeus_pick(clocks, "cpu.max_freq", None) is None
    assert zeus_pick(clocks, "cpu.max_freq", 1.0) is not None


def test_a_limit_that_the_power_stays_below_did_not_bind() -> None:
    found = tuned(scan({400.0: (2.0, 0.01), 300.0: (2.0, 0.01), 200.0: (1.9, 0.01)}), Bound(), None)
    assert found is not None
    assert {row.value for row in found.unbound} == {"400 W", "300 W"}  # 200 W and 190 W are drawn
