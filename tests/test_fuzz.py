"""Inputs that once ended in an exception that is not ours, others of their kind, and some made at random."""

from __future__ import annotations

import gzip
import io
import json
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from energyprof.compare import bank
from energyprof.errors import EnergyprofError, FileError, NotComparable
from energyprof.report import importers
from energyprof.report.file import read, trace_path, write
from energyprof.report.importers.expetator import MAX_MEMBER_BYTES
from energyprof.report.importers.imported import MAX_CHARS, Request
from energyprof.report.importers.mllog import number
from energyprof.report.recompute import recompute
from energyprof.trace.file import HEADER
from energyprof.units import utc
from energyprof.wire import listener
from reports import meter, report

FUZZ = Path(__file__).parents[1] / "benchmarks" / "fuzz.py"


@pytest.mark.slow
def test_random_inputs_of_every_kind_are_taken_or_refused_in_one_line() -> None:
    words = [sys.executable, str(FUZZ), "-n", "450", "--seed", "7", "--jobs", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "450 inputs, 0 failures" in done.stdout


@pytest.mark.slow
def test_the_same_seed_makes_the_same_input() -> None:
    words = [sys.executable, str(FUZZ), "--target", "expetator zip", "--one", "3", "--seed", "5"]
    first, second = (subprocess.run(words, capture_output=True, text=True, check=True) for _ in range(2))
    assert first.stdout == second.stdout


def refused(work: Callable[[], object]) -> str:
    with pytest.raises(EnergyprofError) as raised:
        work()
    text = str(raised.value)
    assert text.isprintable(), text
    return text


REPORTS = {
    "a version that no number is": '{"schema": "energyprof.report/²"}',
    "a version of four hundred digits": json.dumps({"schema": "energyprof.report/" + "9" * 400}),
    "deep": "[" * 100_000,
    "half of a pair": '{"schema": "\\ud800"}',
    "twice the same": '{"schema": 1, "schema": 2}',
    "a name with control characters": '{"schema": "\\u001b[2J\\u202e\\n::error::x"}',
    "nothing": "",
    "a number alone": "1e400",
}


@pytest.mark.parametrize("name", REPORTS)
def test_what_is_no_report_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(REPORTS[name])
    refused(lambda: read(path))


TRACES = {
    "a field without an end": b"0,m,0,0,1," + b"x" * 300_000 + b"\n",
    "an endless line": b"0" * 300_000,
    "fields that are deep": b'0,@facts,0,0,,"' + b"[" * 9000 + b'"\n',
    "fields with a number that no float holds": b'0,@cpu,0,0,,"{""cpu_s"": 1' + b"0" * 400 + b'}"\n',
    "a run of four hundred digits": b"9" * 400 + b",m,0,0,1,\n",
    "a time that ends before it begins": b"0,m,2,1,1,\n",
    "a NUL": b"0,m,0,\0,1,\n",
}


@pytest.mark.parametrize("name", TRACES)
def test_what_is_no_trace_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / "r.json"
    write(report([], meters=(meter(),)), path)
    trace_path(path).write_bytes(gzip.compress(HEADER.encode() + b"\n" + TRACES[name]))
    refused(lambda: recompute(path))


LINES = (
    *(b'{"event": "progress", "t": 1, "samples": 1e400, "score": null}', b"[" * 60_000, b"\xff\xfe", b"null"),
    *(b'{"event": "phase", "t": 1, "name": "\\ud800", "samples": null}', b'{"event": ["phase"], "t": 1}'),
    *(b'{"event": "phase", "t": 1' + b"0" * 400 + b', "name": "x", "samples": null}', b'{"t": true}', b"{}"),
)


@pytest.mark.parametrize("line", LINES)
def test_what_is_no_event_is_garbage(line: bytes) -> None:
    assert listener.parse(line, 100.0) is None


def test_a_bank_that_has_a_number_for_its_former_names_is_refused() -> None:
    folder = Path(bank.__file__).parents[1] / "workloads" / "banks"
    content = json.loads((folder / "unet-tiny.json").read_text())
    content["workload"]["formerly"] = 1.5
    assert "bank.workload.formerly" in refused(lambda: bank.read(json.dumps(content), "it"))


def test_a_whole_number_of_hundreds_of_digits_is_none() -> None:
    assert number(10**400) is None
    assert (number(10), number(float("inf")), number(True)) == (10.0, None, None)


@pytest.mark.parametrize("time_s", [1e11 * 3, -1e12, 1e30])
def test_a_time_that_no_calendar_has_is_empty(time_s: float) -> None:
    assert utc(time_s) == ""
    assert utc(0.0) == "1970-01-01T00:00:00.000Z"


NAME = "demo_host_1728507000"


def packed(table: bytes, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        archive.writestr(NAME, table)
    return made.getvalue()


def method(content: bytes, number: int) -> bytes:
    """The archive whose only member is of another compression."""
    place = content.index(b"PK\1\2") + 10
    mended = content[:8] + struct.pack("<H", number) + content[10:]
    return mended[:place] + struct.pack("<H", number) + mended[place + 2 :]


ARCHIVES = {
    "one cut off": packed(b"x" * 1000)[:-30],
    "a directory that is none": packed(b"x").replace(b"PK\1\2", b"PK\7\7"),
    "a member that is broken": packed(b"abc" * 1000).replace(packed(b"abc" * 1000)[60:64], b"\0\0\0\0"),
    "an unknown method": method(packed(b"x"), 99),
    "a method that it is not": method(packed(b"x" * 100), 14),
    "a bomb": packed(b"0" * (MAX_MEMBER_BYTES + 1)),
}


@pytest.mark.parametrize("name", ARCHIVES)
@pytest.mark.parametrize("kind", ["", "expetator"])
def test_what_is_no_bundle_is_refused_in_one_line(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / f"{NAME}.zip"
    path.write_bytes(ARCHIVES[name])
    refused(lambda: importers.read(Request((path,)), kind))


@pytest.mark.parametrize("kind", importers.IMPORTS)
def test_a_device_without_an_end_is_refused(kind: str) -> None:
    assert "neither a file" in refused(lambda: importers.read(Request((Path("/dev/zero"),)), kind))


@pytest.mark.slow
def test_a_file_of_totals_longer_than_any_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes((b"x" * 1023 + b"\n") * (MAX_CHARS // 1000))
    assert "longer than" in refused(lambda: importers.read(Request((path,)), "zeus"))


def test_an_epoch_at_no_time_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "unet_carbontracker.log"
    path.write_text(
        "2026-13-45 10:00:00 - carbontracker version 2.4.7\n2026-13-45 10:00:00 - Epoch 1:\n"
        "2026-13-45 10:00:30 - Duration: 0:00:30.00\n"
    )
    assert "not a time" in refused(lambda: importers.read(Request((path,))))


def test_a_message_is_one_printable_line_whatever_it_quotes() -> None:
    assert str(FileError("a\x1b[2J\nb\u202e: no")) == "a?[2J b?: no"
    assert str(NotComparable("a\x1b\n  b")) == "a?\n  b"
