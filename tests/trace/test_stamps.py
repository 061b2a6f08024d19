"""Local times of a log, where its zone puts the clocks back or forward."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from energyprof.trace.stamps import Stamps, seconds

BERLIN = ZoneInfo("Europe/Berlin")
BACK = datetime(2025, 10, 26, 1, tzinfo=timezone.utc)  # 3:00 becomes 2:00


@pytest.mark.parametrize("step_s", [1, 7, 60, 600, 1800])
def test_times_that_come_twice_are_told_apart_by_where_they_go_back(step_s: int) -> None:
    times = [BACK + timedelta(seconds=step_s * i) for i in range(-5400 // step_s, 5400 // step_s)]
    stamps = Stamps(BERLIN)
    found = [stamps(time.astimezone(BERLIN).strftime("%Y-%m-%d %H:%M:%S")) for time in times]
    assert found == [time.timestamp() for time in times]


def test_a_row_out_of_place_puts_no_clock_back() -> None:
    stamps = Stamps(BERLIN)
    stamps("2025-10-26 01:59:00")
    found = [stamps(f"2025-10-26 {clock}") for clock in ("02:20:00", "02:18:00", "02:21:00", "02:05:00")]
    assert [(time_s - BACK.timestamp()) / 60 for time_s in found] == [-40, -42, -39, -55]


def test_one_before_which_nothing_tells_came_twice_and_one_may_never_have_been() -> None:
    with pytest.raises(ValueError, match="comes twice in Europe/Berlin"):
        Stamps(BERLIN)("2025-10-26 02:30:00")
    with pytest.raises(ValueError, match="never was in Europe/Berlin"):
        seconds("2025-03-30 02:30:00", BERLIN)


def test_a_log_that_begins_in_the_hour_that_comes_twice_begins_as_what_follows_says() -> None:
    for begins_s, opening in ((-1200, "first"), (1200, "second")):
        times = [BACK + timedelta(seconds=begins_s + 7 * i) for i in range(1000)]
        told = [time.astimezone(BERLIN).strftime("%Y-%m-%d %H:%M:%S") for time in times]
        first = Stamps(BERLIN, opening="first")
        found = [first(text) for text in told]
        assert (first.opened, first.late) == ("first", opening == "second")
        if opening == "second":
            second = Stamps(BERLIN, opening="second")
            found = [second(text) for text in told]
            assert (second.opened, second.late) == ("second", False)
        assert found == [time.timestamp() for time in times]
