"""A meter as its test found it: measured renewals, windows and delays in place of assumed ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from energyprof.errors import UsageError
from energyprof.meter import MeterInfo
from energyprof.report.meter_test.record import RAMP_S, MeterResult, MeterTestRecord, read
from energyprof.storable.frozen import dataclass

# A stated time stands if what was measured differs from it by no more than this share.
SAME = 0.25
# A mean that falls off smears a step of p by p·τ/e about its middle; a window of 2 τ accounts for p·2τ/8.
FADES = 1 / math.e - 1 / 4
REPEAT = "repeat `energyprof doctor --test`"


@dataclass(frozen=True)
class KeptTest:
    """A test and the name of the file that it comes from."""

    record: MeterTestRecord
    source: str


def kept(path: Path) -> KeptTest:
    """The test in the file ``path``.

    Raises:
        FileError: it cannot be read, or is no meter test.
        UsageError: it was disturbed.
    """
    record = read(path)
    if record.disturbed:
        raise UsageError(f"{path}: not to be relied on ({'; '.join(record.disturbed)}): {REPEAT}")
    return KeptTest(record, path.name)


def check_applies(test: KeptTest, infos: Sequence[MeterInfo]) -> None:
    """Check that the test is of any of these meters.

    Raises:
        UsageError: it is of none of them.
    """
    tested = {result.meter for result in test.record.results}
    if infos and tested.isdisjoint(info.name for info in infos):
        raise UsageError(
            f"{test.source}: a test of {', '.join(sorted(tested)) or 'no meter'}, of which none is in use: "
            f"there is {', '.join(info.name for info in infos)}"
        )


def warnings(test: KeptTest, infos: Sequence[MeterInfo]) -> list[str]:
    """What to know of those of the meters that the test found to be broken."""
    names = {info.name for info in infos}
    return [
        f"{result.meter}: found to be broken by the meter test {test.source}"
        for result in test.record.results
        if result.meter in names and result.broken
    ]


def as_measured(info: MeterInfo, test: KeptTest | None) -> MeterInfo:
    """The meter with what the test measured of it; as it is, if that is nothing.

    Raises:
        UsageError: a meter of this name was tested, but of another device, or read in another way.
    """
    result = next((r for r in test.record.results if r.meter == info.name), None) if test else None
    if test is None or result is None:
        return info
    if (result.device, result.method) != (info.device, info.method):
        raise UsageError(
            f"{test.source}: tested {info.name} of {_words(result.device, result.method)}; this one is "
            f"{_words(info.device, info.method)}: {REPEAT}"
        )
    found = _renewed(_averaged(info, result), result)
    return info if found == info else replace(found, tested=f"{test.source}, {test.record.created[:10]}")


def _averaged(info: MeterInfo, result: MeterResult) -> MeterInfo:
    window_s, delay_s, finest_s = result.window_s, result.delay_s, result.finest_s
    if (most_s := result.window_most_s) is not None and info.reads == "power_w":
        return replace(info, window_s=most_s, window_assumed=True) if most_s > info.window_s else info
    if info.reads != "power_w" or result.state != "follows" or window_s is None or finest_s is None:
        return info
    if delay_s:
        # A short one may be the load's own: then it is anything up to that.
        least_s = 0.0 if delay_s < RAMP_S else delay_s
        doubt_s = (delay_s - least_s + finest_s) / 2
        info = replace(info, delay_s=(least_s + delay_s) / 2, delay_a_s=doubt_s)
    if window_s >= RAMP_S:
        stated = not info.window_assumed and abs(window_s - info.window_s) <= SAME * info.window_s
        doubt_s = info.delay_a_s + FADES * result.decay_s
        measured = replace(info, window_s=window_s, window_assumed=False, delay_a_s=doubt_s)
        return info if stated else measured
    # None, as far as the test could see: it is any up to that, where more was stated or assumed.
    most_s = max(window_s, finest_s)
    return replace(info, window_s=most_s, window_assumed=True) if info.window_s > most_s else info


def _renewed(info: MeterInfo, result: MeterResult) -> MeterInfo:
    usual_s, most_s, looked_s = result.renewed_s, result.renewed_most_s, result.looked_s
    # Ticks are measured each time the meter is opened.
    if usual_s is None or most_s is None or looked_s is None or info.ticks:
        return info
    if abs(most_s - info.refresh_s) <= SAME * info.refresh_s:
        return info
    # Renewals as fast as the looks at them may be faster still: they tell no more than a longest.
    told = usual_s > 2 * looked_s
    return replace(info, refresh_s=most_s) if told or most_s < info.refresh_s else info


def _words(device: str, method: str) -> str:
    return f"{device or 'a device without a name'}, {method}"
