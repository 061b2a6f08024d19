"""The published schema is what the reader checks, and other tools may check a report by it."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from energyprof.decode import Misfit, decode
from energyprof.report import schema as schemas
from energyprof.report.file import from_json, to_json
from energyprof.report.record import Report
from energyprof.report.upgrade import upgraded
from reports import at, program, published, report, unmetered_run

PUBLISHED = Path(schemas.__file__).parent / "report-2.schema.json"
RESULTS = published()
SCHEMA = json.loads(PUBLISHED.read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

HAND_MADE = {
    "two runs": at(1.0, 1.1),
    "a program": program(100.0),
    "no meter": report([unmetered_run()], boundary=None, meters=()),
    "no run": report(),
}


def stored(made: Report) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(to_json(made))
    return data


def test_the_published_schema_is_that_of_the_code() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == schemas.schema_text(), "make schema"


@pytest.mark.slow
def test_it_is_a_schema_of_the_draft_it_names() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_object_says_what_it_is() -> None:
    for name, definition in SCHEMA["$defs"].items():
        assert "properties" not in definition or definition["description"].endswith("."), name


@pytest.mark.slow
def test_the_command_prints_it(command: Any) -> None:
    assert command("schema").stdout == PUBLISHED.read_text(encoding="utf-8")


@pytest.mark.parametrize("made", HAND_MADE.values(), ids=HAND_MADE)
def test_a_report_that_we_write_is_valid(made: Report) -> None:
    VALIDATOR.validate(stored(made))


@pytest.mark.slow
@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.parent.name)
def test_every_published_report_is_valid_once_it_is_todays(path: Path) -> None:
    data = upgraded(json.loads(path.read_text(encoding="utf-8")))
    VALIDATOR.validate(data)
    again = stored(from_json(path.read_text(encoding="utf-8"), str(path)))
    if json.dumps(again) != json.dumps(data):
        VALIDATOR.validate(again)


def places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in ``data`` with every key in it."""
    inner: Any = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in inner:
        yield data, key
        if isinstance(value, (dict, list)):
            yield from places(value)


LONG = 2**63  # a whole number of more than 64 bits: JSON Schema takes it for any number
ODD = [None, True, -1, LONG, 0.5, 10**400, "", "x" * 501, "x" * 10001, "\0", "\ud800", [], {}, [[]]]


@pytest.mark.slow
def test_what_the_reader_refuses_the_schema_refuses_and_the_other_way_round() -> None:
    rng, refused = random.Random(0), 0
    whole = stored(at(1.0, 1.1))
    whole["series"] = {"id": "a", "side": "A", "positions": [0, 1], "looks": [3]}
    for _ in range(400):
        data = copy.deepcopy(whole)
        container, key = rng.choice(list(places(data)))
        odd = rng.choice(ODD)
        if rng.random() < 0.2 and isinstance(container, dict):
            del container[key]
        else:
            container[key] = odd
        data["schema"] = whole["schema"]  # is looked at before all else
        valid = VALIDATOR.is_valid(data)
        try:
            decode(Report, data)
        except Misfit as misfit:
            assert not valid or odd == LONG, misfit
            refused += 1
        else:
            assert valid, key
    assert 130 < refused < 370
