"""What a run keeps of its probes' readings, and who works on the device."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from energyprof.errors import MeterError
from energyprof.measure.observer import Observer
from energyprof.report.flags import flag
from energyprof.report.segments.conditions import Conditions


def test_each_number_comes_down_to_least_mean_and_largest_while_training() -> None:
    seen = Conditions()
    seen.push({"device": "nvml:0", "sm_mhz": 210}, training=False)
    for sm_mhz in (1200, 1500):
        seen.push({"device": "nvml:0", "sm_mhz": sm_mhz, "pstate": "P0"}, training=True)
    assert seen.facts() == {
        "nvml:0": {"looks": 2, "sm_mhz": {"min": 1200, "mean": 1350, "max": 1500}, "pstate": ["P0"]}
    }
    assert seen.flags() == ()


def test_heat_is_flagged_and_a_power_limit_at_work_is_not() -> None:
    seen = Conditions()
    seen.push({"device": "nvml:0", "throttled": ["sw_power_cap", "hw_thermal"]}, training=True)
    seen.push({"device": "nvml:0", "throttled": ["sw_power_cap"]}, training=True)
    assert seen.facts()["nvml:0"]["throttled"] == {"hw_thermal": 0.5, "sw_power_cap": 1.0}
    assert seen.flags() == (flag("throttled", "nvml:0", "hw_thermal, 50 % of the time"),)


def test_a_power_limit_that_moved_and_foreign_processes_are_flagged() -> None:
    seen = Conditions()
    seen.push({"device": "nvml:1", "foreign": ["python, pid 7"]}, training=False)
    for limit_w in (400.0, 300.0):
        seen.push({"device": "nvml:1", "power_limit_w": limit_w}, training=True)
    assert seen.flags() == (
        flag("limit_changed", "nvml:1", "300 … 400 W"),
        flag("foreign", "nvml:1", "python, pid 7"),
    )


class Probe:
    """Tells of the processes it was made with."""

    name = "nvml:0"

    def __init__(self, *processes: int) -> None:
        self._processes = processes

    def read(self) -> Mapping[str, Any]:
        return {"processes": [{"pid": pid, "name": "train"} for pid in self._processes]}

    def close(self) -> None: ...


class Broken(Probe):
    """Its device is gone."""

    def read(self) -> Mapping[str, Any]:
        raise MeterError("nvml:0: gone")


def observed(probe: Probe, own: int) -> Mapping[str, Any]:
    told: list[Mapping[str, Any]] = []
    first = threading.Event()

    def tell(facts: Mapping[str, Any]) -> None:
        told.append(facts)
        first.set()

    observer = Observer([probe], own, tell)
    assert first.wait(30)
    observer.stop()
    return told[0]


def test_a_child_of_the_training_is_not_foreign_and_any_other_process_is() -> None:
    nested = "import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", nested], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        grandchild = int(child.stdout.readline())
        try:
            facts = observed(Probe(child.pid, grandchild, os.getppid()), os.getpid())
        finally:
            os.kill(grandchild, 9)
            child.kill()
    assert facts["foreign"] == [f"train, pid {os.getppid()}"]


def test_a_number_that_means_nothing_here_is_foreign_only_before_the_training_starts() -> None:
    nobody = 4_000_000_000
    assert observed(Probe(nobody), os.getpid())["foreign"] == [f"train, pid {nobody}"]
    told: list[Mapping[str, Any]] = []
    observer = Observer([Probe(nobody)], os.getpid(), told.append)
    observer.training_starts()
    before = len(told)
    deadline_s = time.monotonic() + 30
    while len(told) == before and time.monotonic() < deadline_s:
        time.sleep(0.01)
    observer.stop()
    assert len(told) > before
    assert "foreign" not in told[-1]


def test_a_device_that_is_gone_is_told_and_stops_nothing() -> None:
    assert observed(Broken(), os.getpid()) == {"device": "nvml:0", "problem": "nvml:0: gone"}


@pytest.mark.parametrize("fields", [{"device": "nvml:0", "problem": "nvml:0: gone"}])
def test_a_problem_is_kept_in_words(fields: dict[str, Any]) -> None:
    seen = Conditions()
    seen.push(fields, training=True)
    assert seen.facts()["nvml:0"]["problem"] == ["nvml:0: gone"]
