"""A run of actors that take turns, row by row: its phases, what they exchange, its rounds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from energyprof.report.rebuild import Rebuild
from energyprof.report.record import Report, Run
from energyprof.trace.rows import Row, Sample
from energyprof.workload import Target
from reports import meter, report


def event(time_s: float, kind: str, /, **fields: Any) -> Row:
    return Row(0, f"@{kind}", Sample(time_s, time_s, None), "", fields)


def phase(time_s: float, name: str, actor: str = "", samples: int | None = None) -> Row:
    return event(time_s, "phase", name=name, samples=samples, **({"actor": actor} if actor else {}))


def exchange(time_s: float, client: str, outcome: str = "used") -> Row:
    sizes = {"samples": 16, "bytes_up": 10, "bytes_down": 40}
    return event(time_s, "exchange", actor=client, outcome=outcome, **sizes)


def scored(time_s: float, number: int, score: float) -> tuple[Row, Row]:
    over = event(time_s, "round", round=number, scores={"old": 0.25})
    return over, event(time_s, "progress", samples=32 * number, score=score)


def turns(start_s: float) -> tuple[Row, ...]:
    """Four seconds: two clients one after the other, then the server."""
    return (
        phase(start_s, "away", "server"),
        phase(start_s, "train", "client 0"),
        phase(start_s + 1, "away", "client 0"),
        phase(start_s + 1, "train", "client 1"),
        phase(start_s + 2.5, "encode", "client 1"),
        phase(start_s + 3, "away", "client 1"),
        phase(start_s + 3, "aggregate", "server"),
        phase(start_s + 3.5, "eval", "server"),
        exchange(start_s + 4, "client 0"),
        exchange(start_s + 4, "client 1"),
    )


def report_of(*said: Row, ends_s: float = 10, code: int = 0) -> Report:
    rows = [
        event(0, "run", seed=0, monotonic_s=0.0, utc=""),
        phase(0.5, "startup"),
        event(0.5, "started"),
        phase(2, "away"),
        *said,
        event(ends_s, "end", status="done", message=""),
        event(ends_s, "exit", code=code),
    ]
    rows += [Row(0, "rapl:package-0", Sample(t / 10, t / 10, 5.0 * t), "") for t in range(141)]
    of = report(meters=(meter(),))
    target = Target("dice", 0.8, "max")
    made = Rebuild(replace(of, workload=replace(of.workload, target=target)))
    made.add(lambda: rows)
    return made.report()


def run_of(*said: Row, **more: Any) -> Run:
    return report_of(*said, **more).runs[0]


TWO = (*turns(2), *scored(6, 1, 0.5), *turns(6), *scored(10, 2, 0.9))
