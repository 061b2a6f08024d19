"""Flags: what each kind says, what follows from it, and that something makes it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import cast, get_args

import pytest

from energyprof.compare.gate.check import check
from energyprof.compare.gate.limits import Limit
from energyprof.report.energy import Energy
from energyprof.report.file import from_json, to_json
from energyprof.report.flags import MEANINGS, Flag, Kind, flag
from energyprof.report.foreign_load import LoadReading, at_rest
from energyprof.report.idle import idle
from energyprof.report.importers.totals import WindowTotals, total_run
from energyprof.report.nodes.one_run import run_of_nodes
from energyprof.report.phases import PhaseInterval
from energyprof.report.rebuild import Rebuild
from energyprof.report.record import Clock, JoinedNode, MeterRecord, NodeRecord, Run
from energyprof.trace.rows import Row, Sample
from energyprof.units import utc
from fakes.meters import counter, gauge, samples_of
from fakes.node import below, of_parts
from fakes.rounds import event, report_of, scored, turns
from fakes.traces import Trace, energy_between
from reports import at, meter, report, run


def rebuilt(*rows: Row, meters: Sequence[MeterRecord] = ()) -> Run:
    begin = (
        event(0, "run", seed=0, monotonic_s=0.0, utc=""),
        event(0, "phase", name="run", samples=None, unmarked="train"),
        event(0, "started"),
    )
    return Rebuild(report(meters=tuple(meters))).add(lambda: (*begin, *rows))


def of_events() -> Iterator[Flag]:
    ended = event(20, "exit", code=0)
    shown = {"device": "nvml:0", "throttled": ["hw_thermal"], "foreign": ["python, pid 7"]}
    yield from rebuilt(event(20, "interrupt", signal="SIGINT")).flags
    yield from rebuilt(event(19, "hung"), event(20, "exit", code=-9)).flags
    yield from rebuilt(event(19, "end", status="error", message="no data"), ended).flags
    yield from rebuilt(event(19, "progress", samples=9, score=0.9), event(20, "exit", code=1)).flags
    yield from rebuilt(
        event(1, "condition", **shown, power_limit_w=300.0),
        event(2, "condition", **shown, power_limit_w=250.0),
        event(20, "profiler", cpu_s=0.1, rss_bytes=1, garbage=2, hanging=["rapl:package-0"]),
        ended,
    ).flags
    yield from rebuilt(event(5, "warning", signal="SIGUSR1"), ended).flags
    looks = ((0, 0.0, 0.0), (5, 5.0, 0.0), (6, 66.0, 60.0))
    clocks = [event(t, "clock", utc_s=1.7e9 + t + ahead_s, asleep_s=slept_s) for t, ahead_s, slept_s in looks]
    yield from rebuilt(*clocks, ended).flags
    yield from of_several_processes()


def of_several_processes() -> Iterator[Flag]:
    ended = event(20, "exit", code=0)
    parts = (event(1, "speaker", process=1, role="program"),)
    yield from rebuilt(*parts, event(20, "left", names=["sleep"]), ended).flags
    resumed = event(1, "phase", name="train", samples=9000)
    yield from rebuilt(*parts, resumed, event(2, "progress", samples=9010, score=None), ended).flags
    epochs = [event(t, "progress", samples=t % 5, score=None) for t in range(1, 9)]
    yield from rebuilt(*parts, *epochs, ended).flags
    others = [event(time_s, "speaker", process=time_s, role="beside") for time_s in (2, 3)]
    speak = [event(4, "progress", samples=9, score=None, process=process) for process in (2, 3)]
    marked = event(1, "phase", name="train", samples=None)
    yield from rebuilt(*parts, *others, marked, *speak, ended).flags
    counted = event(3, "progress", samples=9, score=None)
    yield from rebuilt(*parts, *others, marked, counted, *speak, ended).flags


def of_readings() -> Iterator[Flag]:
    """Flags of counters that show these values, one every 0.1 s."""
    steady = [i * 10.0 for i in range(100)]
    for values, wraps_at_j, end_s in (
        (steady, None, 3.0),  # short
        ([*steady[:30], *[None] * 20, *steady[50:]], None, 9.0),  # failed_read, gap
        ([*steady[:30], math.nan, *steady[31:]], None, 9.0),  # rejected_reading
        (steady, None, 20.0),  # lost
        ([None] * 100, None, 9.0),  # no_reading
        ([*steady[:50], *steady[:50]], None, 9.0),  # reset
        ([*steady[:30], *[290.0] * 30, *steady[60:]], None, 9.0),  # stalled
        ([*steady[:30], *[None] * 20, *steady[50:]], 1000.0, 9.0),  # wraps_unsure
    ):
        info = counter(wraps_at_j=wraps_at_j)
        yield from energy_between([Trace(info, 0.1, samples_of(values, 0.1))], 0, end_s).flags


def of_two_meters_that_disagree() -> Iterator[Flag]:
    infos = [gauge(name="nvml:0"), gauge(name="nvml:0:power", checks="nvml:0", tolerance=0.05)]
    powers = {"nvml:0": 100.0, "nvml:0:power": 110.0}
    readings = [
        Row(0, name, Sample(i / 10, i / 10, power_w), "")
        for i in range(200)
        for name, power_w in powers.items()
    ]
    meters = [meter(info.name, info=info, counted=info.name == "nvml:0") for info in infos]
    yield from rebuilt(*readings, event(20, "exit", code=0), meters=meters).flags


def of_an_idle_machine() -> Iterator[Flag]:
    def resting(start_s: float, power_w: float | None) -> tuple[PhaseInterval, Energy]:
        looked = Energy(1.0, 0.0, 0.0, 1.0, (), seen_w=power_w, seen_s=10.0)
        return PhaseInterval("idle", start_s, start_s + 10, None), looked

    trace = Trace(gauge(), 0.1, samples_of([100.0] * 300, 0.1))
    energy = energy_between([trace], 11, 20)
    for before_w in (20.0, None):
        yield from idle(energy, (11.0, 20.0), [resting(0, before_w), resting(20, 25.0)], 20.0).flags
    readings = [LoadReading(0.0, 0.0, 0.0, 2), LoadReading(10.0, 20.0, 0.0, 2)]
    yield from at_rest(readings, [resting(0, 20.0)])[1]


def of_totals() -> Iterator[Flag]:
    for joules in (None, 0.0, -1.0):
        yield from total_run([WindowTotals("train", 0.0, 10.0, {"gpu": joules})], ["gpu"], {}).flags
    strange = WindowTotals("train", 0.0, 10.0, {"gpu": 1e6}, {"gpu": "a mean of 100 kW"})
    yield from total_run([strange], ["gpu"], {}).flags


def of_a_node() -> Iterator[Flag]:
    """Far above what a map saw, and with a meter of the whole that reads less than its parts."""
    yield from of_parts(900.0, 100.0).runs[0].flags
    yield from below(360.0).runs[0].flags


def of_several_nodes() -> Iterator[Flag]:
    """Of three of which the second's clock is an hour off and the third has no such run."""
    joined = [JoinedNode(name, "", "0", "component", "measured", 1) for name in "abc"]
    nodes = [NodeRecord(node.node, {}) for node in joined]
    runs = {name: run(clock=Clock(0.0, utc(1e9 + late_s))) for name, late_s in (("a", 0), ("b", 3600))}
    yield from run_of_nodes(runs, joined, nodes, {"a": (), "b": ()}).flags


def of_a_client_that_was_away() -> Iterator[Flag]:
    """Of two that a round wanted one takes no part."""
    away = {"actor": "client 1", "outcome": "dropped", "samples": 0, "bytes_up": 0, "bytes_down": 40}
    yield from report_of(*turns(2)[:-1], event(6, "exchange", **away), *scored(6, 1, 0.5)).runs[0].flags


def test_each_kind_in_the_table_is_made_by_something_and_no_other() -> None:
    made = [*of_events(), *of_readings(), *of_two_meters_that_disagree(), *of_an_idle_machine()]
    made += [*of_totals(), *of_a_node(), *of_several_nodes(), *of_a_client_that_was_away()]
    assert {flag.kind for flag in made} == set(MEANINGS) == set(get_args(Kind))
    for one in made:
        assert bool(one.meter) == ("{meter}" in MEANINGS[one.kind].words), one
        assert one.meter in one.words and one.detail in one.words


def test_nothing_can_make_a_flag_of_another_kind() -> None:
    with pytest.raises(ValueError, match="'typo' is not a kind of flag"):
        flag(cast(Kind, "typo"))


@pytest.mark.parametrize("kind", MEANINGS)
def test_a_verdict_follows_the_table(kind: Kind) -> None:
    odd, sound = flag(kind, "nvml:0", "7 W"), at(0.99, 1.0, 1.01)
    flagged = report([run(), run(flags=(odd,)), run()])
    for figure in ("energy_per_sample", "time_to_target", "samples_to_target"):
        result = check(flagged, sound, [Limit(figure, 0.03)])
        invalid = MEANINGS[kind].effect == "invalid" and figure not in MEANINGS[kind].spares
        assert (result.outcome == "INVALID") == invalid
        assert result.invalid == ((f"new, run 2 (seed 0): {odd.reason}",) if invalid else ())
        doubtful = MEANINGS[kind].effect == "doubt"
        assert result.doubts == ((("new, run 2 (seed 0)", odd),) if doubtful else ())


@pytest.mark.parametrize(
    ("odd", "words", "short"),
    [
        (flag("gap", "rapl:package-0"), "rapl:package-0 was not read for a while", "gap:rapl:package-0"),
        (flag("gap"), "the meter was not read for a while", "gap"),
        (flag("hung"), "did not exit after it had reported its end, and was stopped", "hung"),
        (flag("said", detail="no {data}"), "the training reported: no {data}", "said:no {data}"),
        (
            flag("throttled", "nvml:0", "hw_thermal, 12 % of the time"),
            "nvml:0 (hw_thermal, 12 % of the time) was throttled",
            "throttled:nvml:0 (hw_thermal, 12 % of the time)",
        ),
        (Flag("of_later", "nvml:0", "3 W"), "of_later:nvml:0 (3 W)", "of_later:nvml:0 (3 W)"),
    ],
)
def test_a_flag_reads(odd: Flag, words: str, short: str) -> None:
    assert (odd.words, str(odd)) == (words, short)


def test_a_kind_of_a_newer_version_is_read_kept_and_changes_no_verdict() -> None:
    odd = Flag("of_later", "nvml:0", "3 W")
    read = from_json(to_json(report([run(), run(flags=(odd,)), run()])), "r.json")
    assert read.runs[1].flags == (odd,)
    result = check(read, at(0.99, 1.0, 1.01))
    assert (result.outcome, result.doubts) == ("PASS", ())
