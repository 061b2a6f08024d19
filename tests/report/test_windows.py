"""What a program measured itself, from its words in the trace."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from energyprof.report.rebuild import Rebuild
from energyprof.report.record import Run
from energyprof.trace.rows import Row, Sample
from reports import meter, report


def event(time_s: float, kind: str, /, **fields: Any) -> Row:
    return Row(0, f"@{kind}", Sample(time_s, time_s, None), "", fields)


def run_of(*said: Row) -> Run:
    """50 W all along, and a program from 2 to 12 s that says this."""
    rows = [
        event(0, "run", seed=None, monotonic_s=0.0, utc=""),
        event(2, "phase", name="run", samples=None, unmarked="run"),
        event(2, "started"),
        *said,
        event(12, "end", status="done", message=""),
        event(12, "exit", code=None),
    ]
    rows += [Row(0, "rapl:package-0", Sample(t / 10, t / 10, 5.0 * t), "") for t in range(141)]
    of = report(meters=(meter(),))
    header = replace(of, workload=replace(of.workload, target=None))
    return Rebuild(header).add(lambda: rows)


def opened(time_s: float, number: int, name: str, **more: Any) -> Row:
    return event(time_s, "window", number=number, name=name, **more)


def closed(time_s: float, number: int, samples: int | None = None, **more: Any) -> Row:
    return event(time_s, "close", number=number, samples=samples, **more)


def test_windows_nest_and_their_joules_are_their_own() -> None:
    run = run_of(opened(3, 1, "epoch"), opened(4, 2, "eval"), closed(5, 2), closed(9, 1, samples=64))
    assert [(w.name, w.start_s, w.end_s, w.samples) for w in run.windows] == [
        ("epoch", 3, 9, 64),
        ("eval", 4, 5, None),
    ]
    assert [w.energy_j for w in run.windows] == pytest.approx([300, 50])
    assert run.total_energy_j == pytest.approx(500)  # a window adds nothing to the program's
    assert run.status == "done"


def test_one_that_was_open_when_the_program_ended_ended_with_it() -> None:
    (window,) = run_of(opened(8, 1, "last")).windows
    assert (window.start_s, window.end_s) == (8, 12)
    assert window.energy_j == pytest.approx(200)


def test_two_processes_count_their_windows_each_for_itself() -> None:
    run = run_of(
        event(2, "speaker", process=1, role="program"),
        event(2, "speaker", process=2, role="child"),
        opened(3, 1, "a"),
        opened(4, 1, "b", process=2),
        closed(5, 1),
        closed(8, 1, process=2),
    )
    assert [(w.name, w.start_s, w.end_s) for w in run.windows] == [("a", 3, 5), ("b", 4, 8)]


def test_what_never_opened_does_not_close() -> None:
    assert run_of(closed(5, 1)).windows == ()
