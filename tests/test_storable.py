"""Whatever is said, read or mutilated: what is taken can be stored and read, the rest is one line of ours."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from energyprof.compare import bank
from energyprof.compare.gate import noise
from energyprof.errors import EnergyprofError
from energyprof.measure import calibration
from energyprof.report.file import from_json, read, to_json, trace_path, write
from energyprof.report.rebuild import Rebuild
from energyprof.report.recompute import recompute
from energyprof.report.record import Report
from energyprof.storable.events import Room
from energyprof.storable.values import fitted, is_json
from energyprof.trace.file import read_rows
from energyprof.trace.writer import TraceWriter, new_trace
from energyprof.wire.listener import Message, parse
from reports import published, report, unet_bank

pytestmark = pytest.mark.slow

NUMBERS = st.one_of(
    st.integers(-3, 2**70),
    st.floats(),
    st.sampled_from([10**400, 2**63, 2**63 - 1, -(2**63), 1e308, 5e-324, -0.0]),
)
TEXTS = st.one_of(
    st.text(st.characters(codec=None), max_size=20),
    st.sampled_from(["", "train", "idle", "part:a", "done", "x" * 501, "é" * 9000, "\ud800", "a\0"]),
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3))
)
DEEP = st.integers(1, 60).map(lambda depth: json.loads("[" * depth + "]" * depth))
SAID = st.fixed_dictionaries(
    {"event": st.sampled_from(["phase", "progress", "facts", "end"]), "t": st.floats(0, 1e5)},
    optional={
        "name": st.one_of(TEXTS, ANYTHING),
        "samples": st.one_of(st.integers(0, 9), ANYTHING),
        "score": st.one_of(st.floats(), ANYTHING),
        "facts": st.one_of(st.dictionaries(TEXTS, st.one_of(ANYTHING, DEEP), max_size=3), ANYTHING),
        "status": st.one_of(st.sampled_from(["done", "diverged", "error"]), ANYTHING),
        "message": st.one_of(TEXTS, ANYTHING),
        "actor": st.one_of(TEXTS, ANYTHING),
    },
)


def recorded(trace: TraceWriter, messages: list[Message]) -> None:
    """A run of one meter in which a program said all of that."""
    trace.begin_run()
    trace.event(0, "run", 0.0, {"seed": 0, "monotonic_s": 5.0, "utc": "2026-01-01T00:00:00.000Z"})
    trace.event(0, "phase", 0.0, {"name": "idle", "samples": None})
    trace.event(0, "started", 1.0, {})
    for i in range(20):
        trace.sample(0, "rapl:package-0", 0.5 * i, 0.5 * i + 1e-4, 50.0 * i, "")
    for message in messages:
        trace.event(0, message.event, message.time_s, message.fields)
    trace.event(0, "exit", 9.0, {"code": 0})
    trace.event(0, "profiler", 9.5, {"cpu_s": 0.1, "rss_bytes": 1, "garbage": 0, "hanging": []})
    trace.end_run()
    trace.close()


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(said=st.lists(st.one_of(SAID, ANYTHING), max_size=6))
def test_what_the_wire_takes_can_be_written_read_back_and_recomputed(
    tmp_path_factory: pytest.TempPathFactory, said: list[Any]
) -> None:
    path, room = tmp_path_factory.mktemp("said") / "r.json", Room(reserved=100)
    parsed = [parse(json.dumps(one).encode(), 1e6) for one in said]
    recorded(
        new_trace(trace_path(path)), [one for one in parsed if one and room.takes(one.event, one.fields)]
    )
    rebuild = Rebuild(report())
    rebuild.add(lambda: read_rows(trace_path(path)))
    made = rebuild.report()
    write(made, path)
    assert read(path) == made
    assert recompute(path) == made


@given(ANYTHING)
def test_what_is_fitted_may_be_stored(value: Any) -> None:
    found = fitted(value)
    assert is_json(found)
    assert not is_json(value) or found == value


ODD_CELLS = [
    "",
    "nan",
    "inf",
    "-1",
    "1e400",
    "9" * 30,
    "9" * 5000,
    '"',
    "@",
    "@phase",
    "@exit",
    "@cpu",
    "[]",
    "{}",
    "x",
]


def spoilt_text(rng: random.Random, text: str) -> str:
    """``text`` with a few cells, words or lines of it replaced, doubled or lost."""
    lines = text.splitlines()
    for _ in range(rng.choice([1, 1, 1, 5])):
        at = rng.randrange(len(lines))
        line = lines[at]
        kind = rng.randrange(5)
        if kind == 0:
            cells = line.split(",")
            cells[rng.randrange(len(cells))] = rng.choice(ODD_CELLS)
            lines[at] = ",".join(cells)
        elif kind == 1 and line:
            place = rng.randrange(len(line))
            lines[at] = line[:place] + rng.choice('",:{}[]0\\\0é-e') + line[place + rng.randrange(3) :]
        elif kind == 2:
            lines.insert(at, rng.choice(lines))
        elif kind == 3:
            lines[at] = line[: rng.randrange(len(line) + 1)]
        else:
            other = rng.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
    return "\n".join(lines) + "\n"


def holds(path: Path) -> bool:
    """Whether a report can be made again from its trace; it can be read then."""
    try:
        again = recompute(path)
    except EnergyprofError as error:
        assert "\n" not in str(error)
        return False
    text = to_json(again)
    assert to_json(from_json(text, "again")) == text
    return True


def small(folder: Path) -> tuple[Path, str]:
    """A report with its trace, and what that says."""
    path = folder / "r.json"
    said = [
        {"event": "phase", "t": 2.0, "name": "train", "samples": 0},
        {"event": "facts", "t": 2.1, "facts": {"device": "cpu", "parameters": 12, "loss": 0.25}},
        {"event": "progress", "t": 5.0, "samples": 100, "score": 0.5},
        {"event": "phase", "t": 6.0, "name": "eval", "samples": 200},
        {"event": "progress", "t": 7.0, "samples": 200, "score": 0.9},
        {"event": "end", "t": 8.0, "status": "done", "message": ""},
    ]
    messages = [parse(json.dumps(one).encode(), 1e6) for one in said]
    recorded(new_trace(trace_path(path)), [message for message in messages if message])
    write(report(), path)
    write(recompute(path), path)
    return path, gzip.decompress(trace_path(path).read_bytes()).decode()


def test_a_mutilated_trace_is_one_line_or_a_report_that_can_be_read(tmp_path: Path) -> None:
    path, text = small(tmp_path)
    rng, whole = random.Random(0), 0
    for _ in range(700):
        trace_path(path).write_bytes(gzip.compress(spoilt_text(rng, text).encode(), 1))
        whole += holds(path)
    assert 70 < whole < 650


def test_a_mutilated_archive_is_one_line_or_a_report_that_can_be_read(tmp_path: Path) -> None:
    path, _ = small(tmp_path)
    content, rng = trace_path(path).read_bytes(), random.Random(0)
    for _ in range(200):
        spoilt = bytearray(content)
        for _ in range(rng.randrange(1, 4)):
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        trace_path(path).write_bytes(spoilt)
        holds(path)


def places(data: Any, *before: Any) -> Iterator[tuple[Any, ...]]:
    """The way to everything in ``data``: key after key."""
    inner: Any = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in inner:
        yield (*before, key)
        if isinstance(value, (dict, list)):
            yield from places(value, *before, key)


ODD = [
    None,
    True,
    -1,
    0,
    2**63,
    1e308,
    5e-324,
    float("inf"),
    float("nan"),
    10**400,
    "",
    "x" * 20000,
    "\ud800",
    [],
    {},
]
DEEP_TEXT = "[" * 5000 + "]" * 5000


def spoilt_json(rng: random.Random, whole: str, ways: Sequence[tuple[Any, ...]]) -> str:
    """JSON in which a few values at the end of these ways are replaced or lost, or which is none any more."""
    data = json.loads(whole)
    for _ in range(rng.choice([1, 1, 3])):
        container = held = data
        with contextlib.suppress(LookupError, TypeError):  # what led there is no longer
            for key in rng.choice(ways):
                container, held = held, held[key]
            if rng.random() < 0.2:
                del container[key]
                break
            container[key] = rng.choice(ODD)
    text = json.dumps(data)
    kind = rng.randrange(12)
    if kind == 0:
        return text[: rng.randrange(len(text))]
    if kind == 1:
        return text.replace(": 1", f": {rng.choice(['1e999', '9' * 5000, DEEP_TEXT, '-Infinity'])}", 1)
    if kind == 2:
        return text.replace('"schema": "energyprof.', '"schema": "x", "schema": "energyprof.')
    return text.replace("/2", "/²") if kind == 3 else text


def test_a_mutilated_report_is_one_line_or_made_again_from_its_trace(tmp_path: Path) -> None:
    path, _ = small(tmp_path)
    text, rng, whole = path.read_text(), random.Random(0), 0
    ways = list(places(json.loads(text)))
    for _ in range(700):
        path.write_text(spoilt_json(rng, text, ways))
        whole += holds(path)
    assert 50 < whole < 650


def read_bank(path: Path) -> object:
    content = bank.read(path.read_text(), str(path))
    return bank.bank_in(content)


CALIBRATION = calibration.CalibrationRecord(
    schema=calibration.SCHEMA,
    created="2026-01-01T00:00:00Z",
    meter="nvml:0",
    device="GPU-1",
    reference=calibration.Reference("shelly:a", "", "HTTP", "wall_ac", 0.01, "datasheet"),
    calibration=calibration.Calibration(1.02, 0.01, 0.5, 0.1, ""),
)
NOISE = noise.Noise(
    noise.SCHEMA, "2026-01-01T00:00:00Z", "here", "unet", "a", {"energy": noise.Spread(0.1, 1)}
)
OTHERS: dict[str, tuple[Any, Callable[[Path], object]]] = {
    "calibration": (json.loads(calibration.to_json(CALIBRATION)), calibration.read),
    "noise": (NOISE, noise.read),
    "bank": (unet_bank(), read_bank),
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_mutilated_file_of_another_kind_is_one_line(tmp_path: Path, what: str) -> None:
    data, reader = OTHERS[what]
    path, rng, refused = tmp_path / "a.json", random.Random(0), 0
    if what == "noise":
        noise.write(NOISE, path)
        data = json.loads(path.read_text())
    text, ways = json.dumps(data), list(places(data))
    for _ in range(300):
        path.write_text(spoilt_json(rng, text, ways))
        try:
            reader(path)
        except EnergyprofError as error:
            assert "\n" not in str(error)
            refused += 1
    assert 50 < refused < 300


def test_every_published_report_is_within_what_may_be_stored() -> None:
    for path in published():
        made: Report = read(path)
        assert from_json(to_json(made), "again") == made
