"""What a node of known power recorded: its report and trace, as ``exec`` leaves them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from energyprof.meter import Boundary, MeterInfo, Quantity
from energyprof.report.file import claimed, write
from energyprof.report.rebuild import Rebuild
from energyprof.report.record import SCHEMA, NodeRecord, Report, WorkloadRecord, meter_record
from energyprof.trace.rows import Row, Sample
from energyprof.units import utc

INFO = MeterInfo(
    name="wall",
    kind="shelly",
    part="machine",
    boundary="wall_ac",
    reads="power_w",
    method="a fake",
    resolution=0.0,
    refresh_s=0.1,
    gain_a=0.01,
    gain_source="a fake",
    max_power_w=1e4,
)
UNMARKED = {"name": "run", "samples": None, "unmarked": "train"}
ZERO_S = 1_800_000_000.0
IDLE_S = 1.0
WORK = WorkloadRecord("python train.py", None, "", "sha256:train", {"command": ["python", "train.py"]}, None)


@dataclass(frozen=True)
class Node:
    """One node: its name, its power, and how its training went on its own clock."""

    name: str
    power_w: float
    begins_s: float = 0.0  # after ZERO_S, by true time
    ahead_s: float = 0.0  # its clock
    train_s: float = 20.0
    boundary: Boundary = "wall_ac"
    machine: str = ""  # its id; "": one of its own
    dies_s: float | None = None  # from its zero; its trace then ends
    interval_s: float = 0.1
    runs: int = 1
    # What its program marks, and how long after its start; nothing: it marks no phase.
    phases: tuple[tuple[str, float], ...] = (("train", 0.0),)
    reads: Quantity = "power_w"
    idle_w: float | None = None  # its power before and after; None: the same
    waits_s: float = 0.0  # the training's first seconds are idle: others are not there yet
    noise_w: float = 0.0  # about its power, so that its trace does not shrink to nothing


def record(node: Node, folder: Path, file: str = "") -> Path:
    """Its report in ``folder``, and its trace beside it."""
    path = folder / f"{file or node.name}.json"
    info = replace(INFO, boundary=node.boundary, reads=node.reads)
    facts = {"id": node.machine or f"sha256:{node.name}", "host": node.name}
    header = Report(
        schema=SCHEMA,
        created=utc(ZERO_S + node.begins_s),
        energyprof="0",
        workload=WORK,
        nodes=(NodeRecord(node.name, facts),),
        boundary=node.boundary,
        origin="measured",
        meters=(meter_record(info, node.interval_s, counted=True),),
        runs=(),
    )
    writer = claimed(header, path, "refused")
    rebuild = Rebuild(header)
    with closing(writer):
        for number in range(node.runs):
            rows = list(_rows(node, number))
            if node.dies_s is not None:
                rows = [row for row in rows if row.sample.start_s < node.dies_s]
            writer.begin_run()
            for row in rows:
                if row.source.startswith("@"):
                    writer.event(number, row.source[1:], row.sample.start_s, row.fields)
                else:
                    writer.sample(number, row.source, *row.sample, "")
            writer.flush()
            if node.dies_s is None:
                rebuild.add(writer.rows)
                writer.end_run()
    write(rebuild.report(), path)
    return path


def _rows(node: Node, number: int) -> Iterable[Row]:
    start_s, end_s = IDLE_S, IDLE_S + node.train_s
    utc_s = ZERO_S + node.begins_s + node.ahead_s + number * (end_s + 10)
    told: list[tuple[float, str, dict[str, object]]] = [
        (0.0, "run", {"seed": None, "monotonic_s": 5.0, "utc": utc(utc_s)}),
        (0.0, "clock", {"utc_s": utc_s, "doubt_s": 1e-6}),
        (0.0, "phase", {"name": "idle", "samples": None}),
        *((start_s + s, "phase", {"name": name, "samples": None}) for name, s in node.phases),
        *((start_s, "phase", said) for said in (() if node.phases else (UNMARKED,))),
        (start_s, "started", {}),
        (end_s, "exit", {"code": 0}),
        (end_s, "phase", {"name": "cooldown", "samples": None}),
        (end_s + IDLE_S, "profiler", {"cpu_s": 0.1, "rss_bytes": 1000}),
    ]
    told.sort(key=lambda timed: timed[0])
    count = round((end_s + IDLE_S) / node.interval_s)
    events = [
        (time_s, Row(number, f"@{name}", Sample(time_s, time_s, None), "", said))
        for time_s, name, said in told
    ]
    rng = random.Random(node.name)
    read: list[tuple[float, Row]] = []
    joules = 0.0
    for i in range(count + 1):
        time_s = i * node.interval_s
        read_s = time_s + (rng.uniform(50e-6, 400e-6) if node.noise_w else 0.0)
        busy = node.idle_w is None or start_s + node.waits_s <= time_s < end_s
        power_w = rng.gauss(node.power_w if busy else node.idle_w or 0.0, node.noise_w)
        joules += power_w * node.interval_s
        value = power_w if node.reads == "power_w" else joules
        read.append((time_s, Row(number, INFO.name, Sample(time_s, read_s, value), "")))
    return (row for _, row in sorted(itertools.chain(events, read), key=lambda timed: timed[0]))
