"""Two sides in turn: whose run comes when, what is no comparison, and how long the machine may cool down."""

from __future__ import annotations

import queue
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from energyprof.errors import MeterError, NotComparable
from energyprof.profile import cooldown
from energyprof.profile.cooldown import Cooldown
from energyprof.profile.inbox import Inbox
from energyprof.profile.job import Job
from energyprof.profile.training import Training
from energyprof.report.record import WorkloadRecord
from energyprof.study.ab import Side, SideName, positions, refuse_unlike
from energyprof.workload import Target
from fakes.meters import FakeMeter, gauge


def side(name: SideName, target: float | None, title: str, size: str | None = None) -> Side:
    aim = None if target is None else Target("dice", target, "max")
    work = WorkloadRecord(title, size, "", f"sha256:{name}", {}, aim)
    training = Training(("true",), None, "run", "keep")
    return Side(name, Job(work, lambda seed: training, title), Path(f"{name}.json"), "")


def test_each_pair_starts_with_the_side_that_ended_the_pair_before() -> None:
    a, b = positions("A", 5), positions("B", 5)
    assert (a, b) == ((0, 3, 4, 7, 8), (1, 2, 5, 6, 9))
    assert sorted(a + b) == list(range(10))


def test_a_steady_drift_falls_on_both_sides_alike_after_every_second_pair() -> None:
    for pairs in (2, 4, 10):
        assert sum(positions("A", pairs)) == sum(positions("B", pairs))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (side("A", 0.8, "unet tiny", "tiny"), side("B", 0.8, "unet tiny", "tiny")),
        (side("A", 0.8, "old.py"), side("B", 0.8, "new.py")),
        (side("A", None, "slow"), side("B", None, "fast")),
    ],
)
def test_settings_and_versions_of_one_thing_compare(a: Side, b: Side) -> None:
    refuse_unlike(a, b)


@pytest.mark.parametrize(
    ("a", "b", "says"),
    [
        (side("A", 0.8, "x"), side("B", 0.9, "x"), r"different targets \(A: dice >= 0.8, B: dice >= 0.9\)"),
        (side("A", 0.8, "x"), side("B", None, "x"), r"different targets \(A: dice >= 0.8, B: none\)"),
        (
            side("A", 0.8, "unet tiny", "tiny"),
            side("B", 0.8, "unet base", "base"),
            r"different things \(unet tiny, unet base\)",
        ),
    ],
)
def test_different_things_do_not_compare_however_they_are_trained(a: Side, b: Side, says: str) -> None:
    with pytest.raises(NotComparable, match=says):
        refuse_unlike(a, b)


class Thermometer:
    """A probe that shows one temperature after the other, then the last; None: it does not answer."""

    def __init__(self, *temperatures_c: float | None) -> None:
        self.name, self._left = "nvml:0", list(temperatures_c)

    def read(self) -> Mapping[str, Any]:
        value = self._left.pop(0) if len(self._left) > 1 else self._left[0]
        if value is None:
            raise MeterError("the board is gone")
        return {"temperature_c": value, "sm_mhz": 1410}

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cooldown, "LOOK_S", 0.05)
    monkeypatch.setattr(cooldown, "PAUSE_S", 0.1)


def inbox() -> Inbox:
    return queue.SimpleQueue()


def settled(wait: Cooldown) -> tuple[str, Sequence[str]]:
    """What was still too warm in the end, and what was said meanwhile."""
    said: list[str] = []
    return wait.settle(inbox(), said.append).still_warm, said


def test_the_next_run_waits_until_it_is_as_cool_as_before_the_first() -> None:
    wait = Cooldown([Thermometer(40, 60, 50, 43)], [], 60)
    assert settled(wait) == ("", [])
    assert settled(wait) == (
        "",
        ["cooling down, for 60 s at most: nvml:0 at 60 °C, 40 °C before the first run"],
    )
    assert settled(wait) == ("", [])


def test_a_machine_that_does_not_cool_down_is_named_when_the_time_is_up() -> None:
    wait = Cooldown([Thermometer(40, 60)], [], 0.2)
    settled(wait)
    ended = wait.settle(inbox(), lambda line: None)
    assert ended.still_warm == "nvml:0 at 60 °C, 40 °C before the first run"
    assert ended.waited_s >= 0.2


def test_without_a_temperature_the_idle_power_tells() -> None:
    warm_reads = 0

    def power_w() -> float:
        nonlocal warm_reads
        warm_reads -= 1
        return 80.0 if warm_reads >= 0 else 50.0

    wait = Cooldown([], [FakeMeter(power_w, gauge(name="shelly:0"))], 60)
    assert settled(wait) == ("", [])
    warm_reads = 8
    still_warm, said = settled(wait)
    assert still_warm == ""
    assert len(said) == 1
    assert "W idle, 50 W before the first run" in said[0]


def test_where_nothing_tells_how_warm_it_is_there_is_a_pause() -> None:
    estimate = FakeMeter(lambda: 100.0, gauge(name="cpu-model", origin="modelled"))
    wait = Cooldown([Thermometer(None)], [estimate], 60)
    assert wait.settle(inbox(), lambda line: None).waited_s < cooldown.PAUSE_S
    assert wait.settle(inbox(), lambda line: None).waited_s >= cooldown.PAUSE_S
    assert estimate.reads == 0


def test_a_sensor_that_falls_silent_holds_nobody_up() -> None:
    wait = Cooldown([Thermometer(40, None)], [], 60)
    settled(wait)
    assert settled(wait) == ("", [])


def test_no_wait_is_no_wait() -> None:
    wait = Cooldown([Thermometer(40, 90)], [], 0)
    assert settled(wait) == settled(wait) == ("", [])


def test_a_signal_ends_the_wait() -> None:
    wait, signals = Cooldown([Thermometer(40, 90)], [], 600), inbox()
    wait.settle(signals, lambda line: None)
    signals.put(("signal", signal.SIGINT))
    assert wait.settle(signals, lambda line: None).stopped_by == signal.SIGINT
