"""Reports made from rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from energyprof.report.rebuild import Rebuild
from energyprof.report.recompute import is_given_back
from energyprof.report.record import MeterRecord, Run
from energyprof.trace.rows import Row, Sample
from fakes.meters import counter, gauge
from fakes.waveform import square
from reports import meter, report, run

PHASES = {"startup": 0, "train": 5, "eval": 15, "shutdown": 20}
END_S = 25


def event(time_s: float, kind: str, /, **fields: Any) -> Row:
    return Row(0, f"@{kind}", Sample(time_s, time_s, None), "", fields)


def rebuilt(meters: Sequence[MeterRecord], readings: Sequence[Row]) -> Run:
    rows = [
        event(0, "run", seed=0, monotonic_s=0.0, utc=""),
        event(0, "started"),
        *(event(at_s, "phase", name=name, samples=None) for name, at_s in PHASES.items()),
        *readings,
        event(END_S, "exit", code=0),
    ]
    return Rebuild(report(meters=tuple(meters))).add(lambda: rows)


def test_each_phase_says_how_much_of_it_every_counted_meter_covers() -> None:
    infos = {name: counter(name=name) for name in ("whole", "holed", "beside")}
    unread = {"whole": range(0), "holed": range(70, 100), "beside": range(250)}  # tenths of a second
    readings = [
        Row(0, name, Sample(i / 10, i / 10, 10.0 * i), "")
        for i in range(10 * END_S + 1)
        for name in infos
        if i not in unread[name]
    ]
    meters = [meter(name, info=info, counted=name != "beside") for name, info in infos.items()]
    made = rebuilt(meters, readings)
    coverage = {phase.name: phase.coverage for phase in made.phases}
    # Nobody read `holed` from 6.9 to 10 s.
    assert coverage == {
        "startup": 1.0,
        "train": pytest.approx(1 - 3.1 / 10),
        "eval": 1.0,
        "shutdown": 1.0,
    }


def test_without_a_meter_no_phase_has_a_coverage() -> None:
    assert {phase.coverage for phase in rebuilt([], []).phases} == {None}


def test_a_report_is_given_back_to_the_last_digit_or_is_another() -> None:
    stored = report([run(1.0), run(1.1, seed=1)])
    assert is_given_back(stored, stored)
    assert not is_given_back(stored, replace(stored, runs=stored.runs[:1]))
    assert not is_given_back(replace(stored, runs=stored.runs[:1]), stored)
    energy_j = stored.runs[1].energy_j
    assert energy_j is not None
    nudged = replace(stored.runs[1], energy_j=math.nextafter(energy_j, 0.0))
    assert not is_given_back(stored, replace(stored, runs=(stored.runs[0], nudged)))
    covered = replace(stored.runs[0], phases=tuple(replace(p, coverage=1.0) for p in stored.runs[0].phases))
    known = replace(stored, runs=(covered, stored.runs[1]))
    assert is_given_back(stored, known)  # an early file has no coverage of its phases
    assert not is_given_back(known, stored)


@pytest.mark.parametrize(
    ("renewed_s", "span_s", "within"), [(1.0, 120, 0.01), (20.0, 400, 0.1), (60.0, 400, 0.2)]
)
def test_a_register_is_taken_to_renew_as_often_as_its_readings_show(
    renewed_s: float, span_s: int, within: float
) -> None:
    plug = gauge(name="shelly:1", refresh_s=1.0)
    register = counter(
        name="shelly:1:register", refresh_s=60.0, refresh_is_longest=True, checks=plug.name, tolerance=0.05
    )
    wave = square(40, 120, 4.0)
    rows = [event(0, "run", seed=0, monotonic_s=0.0, utc=""), event(0, "started")]
    rows += [Row(0, plug.name, Sample(t, t, wave.power_w(t)), "") for t in range(span_s)]
    rows += [
        Row(0, register.name, Sample(t, t, wave.counter_j(t, renewed_s)), "") for t in range(0, span_s, 5)
    ]
    rows = sorted(rows, key=lambda row: row.sample.start_s)
    meters = (
        meter(plug.name, info=plug, interval_s=1.0),
        meter(register.name, info=register, interval_s=5.0, counted=False),
    )
    state = Rebuild(report(meters=meters))
    made = state.add(lambda: [*rows, event(span_s - 2, "exit", code=0)])
    assert "disagrees" not in {f.kind for f in made.flags}
    told = state.report().meters[1]
    assert told.info.refresh_s == 60.0  # what is promised stays in the report
    assert told.ratio == pytest.approx(1.0, abs=within)
