"""Runs that cannot be judged: no pass, no failure, but 4."""

from __future__ import annotations

import pytest

from energyprof.compare.gate.check import check, exit_code
from energyprof.compare.gate.limits import Limit
from energyprof.report.flags import flag
from reports import PER_SAMPLE, at, report, run, unet

BASE = at(0.99, 1.0, 1.01)
THROTTLED = flag("throttled", "nvml:0", "hw_thermal, 12 % of the time")
SAMPLES = [Limit("samples_to_target", 0.03)]


def flagged(*flags):
    return report([run(), run(flags=flags), run()])


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (THROTTLED, "throttled: nvml:0 (hw_thermal, 12 % of the time)"),
        (
            flag("limit_changed", "nvml:0", "250 … 300 W"),
            "the power limit changed: nvml:0 (250 … 300 W)",
        ),
        (
            flag("foreign", "nvml:0", "python 4711"),
            "foreign load, other processes used the device: nvml:0 (python 4711)",
        ),
        (flag("wraps_unsure", "rapl:package-0"), "a counter may have wrapped unnoticed: rapl:package-0"),
    ],
)
@pytest.mark.parametrize("side", ["new", "baseline"])
def test_a_disturbed_run_of_either_side_is_named_and_4(side, odd, why):
    bad = flagged(odd)
    result = check(bad, BASE) if side == "new" else check(BASE, bad)
    assert (result.outcome, exit_code(result, strict=False)) == ("INVALID", 4)
    assert result.invalid == (f"{side}, run 2 (seed 0): {why}",)


def test_every_invalid_run_is_named_at_once():
    bad = report([run(flags=(THROTTLED,)), run(coverage=0.5), run()])
    assert len(check(bad, flagged(flag("foreign", "gpu", "x"))).invalid) == 3


def test_what_a_device_did_does_not_change_how_many_samples_were_needed():
    assert check(flagged(THROTTLED), BASE, SAMPLES).outcome == "PASS"
    assert check(flagged(THROTTLED), BASE, [*SAMPLES, *PER_SAMPLE]).outcome == "INVALID"
    assert check(flagged(THROTTLED), BASE, [Limit("time_to_target", 0.03)]).outcome == "INVALID"


@pytest.mark.parametrize("side", ["new", "baseline"])
def test_a_run_too_fast_for_its_reference_bank_cannot_be_judged_even_by_its_samples(side):
    sound, bad = unet(5000, 5100, 4900), unet(5000, 100, 4900)
    result = check(bad, sound, SAMPLES) if side == "new" else check(sound, bad, SAMPLES)
    assert result.outcome == "INVALID"
    (line,) = result.invalid
    assert line.startswith(
        f"{side}, run 2 (seed 1): faster than the reference runs, so the work has probably changed (100"
    )


@pytest.mark.parametrize(
    "doubt",
    [
        flag("idle_drift", detail="50 W before, 60 W after"),
        flag("disagrees", "a", "reads 9.0 % more than b"),
        flag("reset", "a"),
    ],
)
def test_a_doubt_is_shown_and_decides_nothing(doubt):
    result = check(flagged(doubt), BASE)
    assert result.outcome == "PASS"
    assert result.doubts == (("new, run 2 (seed 0)", doubt),)


def test_a_flag_of_no_account_is_not_shown():
    assert check(flagged(flag("failed_read", "nvml:0")), BASE).doubts == ()
