"""What is fuzzed: of each kind of input a few good ones, how they are broken, and who reads them.

Whoever reads goes on to what follows: what was taken from the wire must make a report that reads, a report
that reads must show. Each input is a file or a text of its own; nothing is kept from one to the next.
"""

from __future__ import annotations

import dataclasses
import functools
import gzip
import json
import os
import random
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

from fuzzing.kind import Target, json_of, shown, table_of
from fuzzing.mutate import broken_bytes, broken_json, encoded
from fuzzing.others import OTHERS

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))


import energyprof.workloads
from energyprof.compare import bank
from energyprof.compare.gate import noise
from energyprof.errors import EnergyprofError
from energyprof.files import read_text
from energyprof.measure import calibration
from energyprof.measure.meters import ADDRESSED, find_addressed, kind_of, parts_of
from energyprof.report.file import from_json, read, read_all, to_json, trace_path
from energyprof.report.rebuild import Rebuild
from energyprof.report.recompute import recompute
from energyprof.storable.events import Room
from energyprof.trace.file import HEADER
from energyprof.trace.rows import Row, Sample
from energyprof.wire import listener
from reports import meter, report, run

METER = "rapl:package-0"

# The wire

_EVENTS = (
    {"event": "phase", "t": 2.0, "name": "train", "samples": 0},
    {"event": "progress", "t": 3.0, "samples": 32, "score": 0.5},
    {"event": "facts", "t": 3.5, "facts": {"device": "cpu", "torch": "2.0", "parameters": 1000, "loss": 0.1}},
    {"event": "phase", "t": 4.0, "name": "train", "samples": 10, "actor": "client 1"},
    {"event": "progress", "t": 5.0, "samples": 64, "score": None, "actor": "client 1", "rank": 1},
    {"event": "end", "t": 6.0, "status": "done", "message": "well"},
)


def wire_lines(rng: random.Random) -> bytes:
    """Some broken events."""
    lines = [json.dumps(rng.choice(_EVENTS)) for _ in range(rng.randint(1, 4))]
    return b"\n".join(encoded(rng, line, broken_json, broken_json).replace(b"\n", b" ") for line in lines)


def heard(content: bytes, folder: Path) -> None:
    """What the listener takes is stored, and makes a report."""
    room = Room(reserved=100)
    rows = [Row(0, "@run", Sample(0, 0, None), "", {"seed": 0, "monotonic_s": 0.0, "utc": ""})]
    rows.append(Row(0, "@started", Sample(0, 0, None), "", {}))
    for line in content.split(b"\n"):
        said = listener.parse(line, 100.0)
        if said is not None and room.takes(said.event, said.fields):
            at_s = said.time_s
            rows.append(Row(0, f"@{said.event}", Sample(at_s, at_s, None), "", {**said.fields, "process": 1}))
    rows.append(Row(0, "@exit", Sample(7, 7, None), "", {"code": 0}))
    rows += [Row(0, METER, Sample(t, t, 50.0 * t), "") for t in range(8)]
    rebuilt = Rebuild(_header())
    rebuilt.add(lambda: rows)
    again = from_json(to_json(rebuilt.report()), "what was heard")
    if not again.runs:
        raise AssertionError("the run is lost")


@functools.cache
def _header() -> Any:
    return report([], meters=(meter(),))


# The trace


def _trace_text() -> str:
    events = [
        ("run", 0, {"seed": 0, "monotonic_s": 10.0, "utc": "2026-01-01T00:00:00Z"}),
        ("started", 0, {}),
        ("speaker", 0.5, {"process": 1, "role": "program"}),
        ("phase", 1, {"name": "train", "samples": None, "process": 1}),
        ("facts", 1, {"facts": {"device": "cpu"}, "process": 1}),
        ("cpu", 1, {"cpu_s": 0.5, "busy_s": 0.7, "profiler_s": 0.1, "cpus": 2}),
        ("progress", 2, {"samples": 10, "score": 0.5, "process": 1}),
        ("condition", 2, {"device": "gpu 0", "sm_mhz": 1000, "foreign": [], "throttled": []}),
        ("phase", 3, {"name": "eval", "samples": 10}),
        ("progress", 4, {"samples": 20, "score": 0.9, "process": 1}),
        ("end", 4, {"status": "done", "message": ""}),
        ("cpu", 5, {"cpu_s": 3.5, "busy_s": 4.7, "profiler_s": 0.1, "cpus": 2}),
        ("exit", 5, {"code": 0}),
        ("profiler", 6, {"cpu_s": 0.1, "rss_bytes": 1000, "garbage": 0}),
    ]
    lines = [HEADER]
    for name, at_s, fields in events:
        said = json.dumps(fields).replace('"', '""')
        lines.append(f'0,@{name},{at_s:.6f},{at_s:.6f},,"{said}"')
    lines += [
        f"0,{METER},{t / 2:.6f},{t / 2 + 0.001:.6f},{25.0 * t},{'lost' if t == 7 else ''}" for t in range(13)
    ]
    return "\n".join(lines) + "\n"


def trace_bytes(rng: random.Random) -> bytes:
    """A packed trace with broken fields, cells or bytes."""
    how = rng.random()
    text = _trace_text()
    if how < 0.4:
        lines = text.split("\n")
        for _ in range(rng.randint(1, 3)):
            i = rng.randrange(1, 15)
            start, mark, note = lines[i].partition(',,"')
            if mark:
                fields = encoded(rng, note[:-1].replace('""', '"'), broken_json, broken_json)
                lines[i] = start + mark + fields.decode("utf-8", "replace").replace('"', '""') + '"'
        made = "\n".join(lines).encode()
    else:
        made = table_of(text, ",")(rng)
    packed = gzip.compress(made, 1, mtime=0)
    return broken_bytes(rng, packed) if rng.random() < 0.15 else packed


def traced(content: bytes, folder: Path) -> None:
    """A report is made of the trace."""
    path = folder / "r.json"
    path.write_text(_header_text())
    trace_path(path).write_bytes(content)
    made = recompute(path)
    from_json(to_json(made), "what was recomputed")
    if len(content) % 8 == 0:
        shown(made)


@functools.cache
def _header_text() -> str:
    return to_json(_header())


# Reports and the files beside them


def _report_text() -> str:
    made = report([run(1.0, seed=n, u_rel=0.02, gain_rel=0.01, facts={"device": "cpu"}) for n in range(2)])
    return to_json(made)


def report_read(content: bytes, folder: Path) -> None:
    """A report is read, alone and with others, and every fourth shown."""
    path = folder / "r.json"
    path.write_bytes(content)
    found = read(path)
    if any(repr(one) != repr(found) for one in read_all([path, path])):
        raise AssertionError("a report reads otherwise among others")
    if len(content) % 4 == 0:
        shown(found)


def _calibration_text() -> str:
    reference = {"name": "shelly:192.0.2.7", "device": "S3", "boundary": "wall_ac", "gain_u": 0.01}
    fit = {"gain": 1.06, "gain_u": 0.009, "offset_w": 1.5, "offset_u_w": 0.2, "source": "c.json"}
    window = {
        "run": 0,
        "start_s": 1.0,
        "meter_w": 50.0,
        "reference_w": 60.0,
        "true_w": 53.0,
        "residual_w": 0.1,
    }
    record = {
        "schema": calibration.SCHEMA,
        "created": "2026-01-01T00:00:00Z",
        "meter": "nvml:0",
        "device": "GPU-1",
        "reference": {**reference, "gain_source": "its maker"},
        "calibration": fit,
        "efficiency": {"value": 0.94, "u": 0.01},
        "windows": [window, window],
    }
    return json.dumps(record)


def calibration_read(content: bytes, folder: Path) -> None:
    """A calibration is read."""
    path = folder / "c.json"
    path.write_bytes(content)
    calibration.read(path)


def _noise_text() -> str:
    made = noise.noise_of([report([run(1.0 + 0.01 * n, seed=n) for n in range(3)])])
    return json.dumps(dataclasses.asdict(made))


def noise_read(content: bytes, folder: Path) -> None:
    """A noise file is read, and held against a report."""
    path = folder / "n.noise.json"
    path.write_bytes(content)
    found = noise.read(path)
    noise.unfit(found, _header())


def _bank_text() -> str:
    folder = Path(energyprof.workloads.__file__).parent / "banks"
    data = json.loads((folder / "unet-tiny.json").read_text())
    data["runs"] = data["runs"][:3]
    for one in data["runs"]:
        one["history"] = one["history"][-3:]
    return json.dumps(data)


def bank_read(content: bytes, folder: Path) -> None:
    """A bank is read, with all that is asked of it."""
    path = folder / "b.json"
    path.write_bytes(content)
    found = bank.read(read_text(path), "it")
    bank.bank_in(found)
    bank.is_for(found, "work")


# Meters at addresses, and their logs

_ADDRESSES = (
    *(
        "shelly=192.0.2.7?channel=1",
        "shelly=plug.local:8080?gain=1%25&boundary=node_dc",
        "tasmota=192.0.2.7?name=a",
    ),
    *(
        "redfish=bmc.example?chassis=1&insecure=1",
        "redfish=[2001:db8::1]:443?ca=/x",
        "ipmi=local",
        "ipmi=bmc.example",
    ),
    *("kwollect=nancy/grappe-3?metric=wattmetre_power_watt&offset=1", "shelly=192.0.2.7+shelly=192.0.2.8"),
    "csv=wall.csv?offset=-1.5&tz=Europe/Paris&time=t&power=p&unit=mW&window=3",
)


def address(rng: random.Random) -> bytes:
    """A broken address of a meter."""
    return encoded(rng, rng.choice(_ADDRESSES))


def address_read(content: bytes, folder: Path) -> None:
    """The meter is looked for where no network is."""
    words = os.fsdecode(content).replace("\0", "")
    for part in parts_of(words):
        if kind_of(part) in ADDRESSED:
            for finding in find_addressed([part]):
                if "\n" in (finding.reason + finding.remedy).strip():
                    raise AssertionError(f"a reason of several lines: {finding.reason!r}")


_LOG = "time,power_w,energy_wh\n" + "".join(f"{1767225600 + n},{50 + n}.5,{n}\n" for n in range(6))


def log_read(content: bytes, folder: Path) -> None:
    """The log is looked at, and read as after a run."""
    path = folder / "wall.csv"
    path.write_bytes(content)
    options = ("", "?tz=UTC", "?unit=Wh&energy=energy_wh&tz=Europe/Paris")[len(content) % 3]
    for finding in find_addressed([f"csv={quote(str(path), safe='/')}{options}"]):
        for source in finding.sources:
            opened = source.open()
            opened.between(1767225600.0, 1767225604.0)  # type: ignore[union-attr]


TARGETS: Mapping[str, Target] = {
    "wire": Target(wire_lines, heard),
    "trace": Target(trace_bytes, traced),
    "report": Target(json_of(_report_text()), report_read),
    "calibration": Target(json_of(_calibration_text()), calibration_read),
    "noise": Target(json_of(_noise_text()), noise_read),
    "bank": Target(json_of(_bank_text()), bank_read),
    "address": Target(address, address_read),
    "csv log": Target(table_of(_LOG, ","), log_read),
    **OTHERS,
}


def isolated() -> None:
    """No input reaches another machine, another program, or waits."""

    def refused(*words: Any, **settings: Any) -> NoReturn:
        raise OSError(101, "Network is unreachable")

    socket.getaddrinfo = refused
    socket.create_connection = refused
    socket.socket.connect = refused  # type: ignore[method-assign,assignment]
    os.environ["PATH"] = ""
    time.sleep = lambda seconds: None


def problem(target: Target, content: bytes, folder: Path) -> str | None:
    """What is wrong with how the input is taken: all but success and an error of ours in one line."""
    try:
        target.read(content, folder)
    except EnergyprofError as error:
        text = str(error)
        return (
            None
            if text.isprintable() and text
            else f"a message that is not one printable line: {text[:300]!r}"
        )
    return None
