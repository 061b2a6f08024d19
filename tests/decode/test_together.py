"""What is decoded at once is what is decoded value by value; what that refuses is never let through."""

from __future__ import annotations

import json
import math
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from energyprof.decode import Misfit, decode
from energyprof.decode.together import decode_together, strings_in
from energyprof.errors import FileError
from energyprof.report.file import read_all, to_json, write
from energyprof.report.record import Report
from reports import report, run

ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    7,
    2**63,
    10**400,
    0.5,
    -0.5,
    1e308,
    math.inf,
    math.nan,
    "",
    "reached",
    "\ud800",
    "a\0",
    "x" * 501,
    "x" * 10_001,
    [],
    [1.0, None],
    {},
    {"a": 1.0},
    {"": -1.0},
    {"x" * 501: 1.0},
)


def data() -> dict[str, Any]:
    """The JSON of a report of two runs."""
    found: dict[str, Any] = json.loads(to_json(report([run(1.0, seed=1), run(1.1, seed=2)])))
    return found


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each container in ``value`` with each of its keys."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(item, (dict, list)):
            yield from places(item)


def together(several: list[dict[str, Any]]) -> list[Report] | None:
    """What `decode_together` makes of them."""
    return decode_together(Report, [json.dumps(one) for one in several])


def alone(one: dict[str, Any]) -> Report | None:
    """What `decode` makes of it; None: it refuses."""
    try:
        return decode(Report, one)
    except Misfit:
        return None


def test_reports_are_the_same_together_as_alone() -> None:
    several = [data(), data()]
    several[1]["runs"].pop()
    assert together(several) == [decode(Report, one) for one in several]
    assert together([]) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_what_is_refused_alone_is_refused_together(seed: int) -> None:
    rng = random.Random(seed)
    taken = 0
    for _ in range(25):
        whole = [data(), data()]
        holder, key = rng.choice(list(places(whole[1])))
        holder[key] = rng.choice(ODD)
        at_once, found = together(whole), alone(whole[1])
        if found is None:
            assert at_once is None, (key, holder[key])
        elif at_once is not None:
            # Types too: 7 of what is measured is 7.0 in both.
            assert repr(at_once[1]) == repr(found)
            taken += 1
    assert 0 < taken < 25


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_what_is_missing_or_unknown_is_left_to_one_by_one(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(25):
        whole = [data(), data()]
        objects = [(holder, key) for holder, key in places(whole[0]) if isinstance(holder, dict)]
        holder, key = rng.choice(objects)
        if rng.random() < 0.8:
            del holder[key]
        else:
            holder["unheard_of"] = rng.choice([1, "a", {"b": ["c", {"d": "e"}]}])
        at_once, found = together(whole), alone(whole[0])
        assert at_once is None or repr(at_once[0]) == repr(found)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_numbers_are_the_same_to_the_last_digit(seed: int) -> None:
    rng = random.Random(seed)
    whole = data()
    point = whole["runs"][0]["history"][0]
    for _ in range(500):
        number = struct.unpack("<d", rng.randbytes(8))[0]
        if math.isfinite(number):
            text = rng.choice([repr(number), f"{number:.20e}", f"{number:.14g}"])
            point["time_s"] = 0.125
            one = json.dumps(whole).replace('"time_s": 0.125', f'"time_s": {text}', 1)
            found = decode_together(Report, [one])
            assert found is not None
            assert found[0].runs[0].history[0].time_s == float(text)


def test_of_many_files_the_first_broken_one_is_named(tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.json" for i in range(3)]
    for path in paths:
        write(report([run(1.0)]), path)
    assert len(read_all(paths)) == 3
    broken = json.loads(paths[1].read_text())
    broken["runs"][0]["energy_u_j"] = -1
    paths[1].write_text(json.dumps(broken))
    paths[2].write_text("{")
    with pytest.raises(FileError, match=r"1\.json: not a valid report: report\.runs\[0\]\.energy_u_j: exp"):
        read_all(paths)


@pytest.mark.parametrize("place", ["workload", "config", "phases", "by_meter_j", "unheard_of"])
def test_of_many_files_none_says_a_thing_twice(tmp_path: Path, place: str) -> None:
    paths = [tmp_path / f"{i}.json" for i in range(3)]
    for path in paths:
        write(report([run(1.0)], notes=('a "quoted": \\ note',)), path)
    whole = json.loads(paths[1].read_text())
    whole["unheard_of"] = {"list": [{"b": 1}]}
    inner = {
        "workload": whole["workload"],
        "config": whole["workload"]["config"],
        "phases": whole["runs"][0]["phases"][1],
        "by_meter_j": whole["runs"][0]["phases"][1]["by_meter_j"],
        "unheard_of": whole["unheard_of"]["list"][0],
    }[place]
    inner["TWICE"] = 1
    paths[1].write_text(json.dumps(whole))
    assert len(read_all(paths)) == 3
    name = next(iter(inner))
    paths[1].write_text(json.dumps(whole).replace('"TWICE"', json.dumps(name)))
    with pytest.raises(FileError, match=rf"1\.json: not a readable report: '{name}' stands there twice"):
        read_all(paths)


def test_strings_are_counted_in_whatever_text() -> None:
    for value in ({}, {"a": "b"}, {'a"': ["\\", '\\"', "\n:", {"": ""}]}, ['"', '""\\\\"', "é\ud800"]):
        count = sum(isinstance(key, str) for _, key in places(value))
        count += sum(isinstance(holder[key], str) for holder, key in places(value))
        assert strings_in(json.dumps(value)) == count
