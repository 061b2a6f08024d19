"""Whatever stands in a scenario: it is computed to numbers that JSON can hold, or refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulate.scenarios import FULL

from energyprof.errors import EnergyprofError
from energyprof.formats.html.simulation import simulation_page
from energyprof.formats.simulation_data import simulation_json
from energyprof.simulate.document import parsed
from energyprof.simulate.factors import table
from energyprof.simulate.keys import NUMBERS, WORDS
from energyprof.simulate.reading import scenario_of
from energyprof.simulate.simulation import simulate

pytestmark = pytest.mark.slow

NAMES = {"*": ("centre", "edge", "federated", "consensus", "central-once", "gpu")}
VALUES = st.one_of(
    st.sampled_from(
        [0, 1, -1, 0.5, 2, 1e-30, 1e30, 10**400, float("nan"), float("inf"), True, [], {}, "", " "]
    ),
    st.sampled_from(
        ["5", "5 kW", "5 h", "1e9 GB", "3 furlongs", "5 %", "fixed", "full", "ring", "server", "FR"]
    ),
    st.floats(),
    st.integers(),
    st.text(max_size=8),
    st.dictionaries(
        st.sampled_from(["value", "low", "high", "source", "x"]), st.floats() | st.text(max_size=3)
    ),
    st.fixed_dictionaries({"value": st.floats(1, 2), "low": st.floats(0, 1), "high": st.floats(2, 1e9)}),
)


@st.composite
def keys(draw: st.DrawFn) -> tuple[str, ...]:
    if draw(st.integers(0, 9)) == 0:
        return tuple(draw(st.lists(st.text(max_size=6), min_size=1, max_size=4)))
    if draw(st.integers(0, 9)) == 0:
        return ("factors", *draw(st.sampled_from(sorted(table()))).split("."))
    known = draw(st.sampled_from(sorted({*NUMBERS, *WORDS})))
    parts = known.split(".")
    return tuple(draw(st.sampled_from(NAMES[part])) if part in NAMES else part for part in parts)


@given(st.lists(st.tuples(keys(), VALUES), min_size=1, max_size=4))
@settings(max_examples=60)
def test_it_is_numbers_or_one_line(changes: list[tuple[tuple[str, ...], Any]]) -> None:
    data = parsed(FULL, "s.toml")
    for path, value in changes:
        place = data
        for part in path[:-1]:
            inner = place.get(part)
            if not isinstance(inner, dict):
                inner = place[part] = {}
            place = inner
        place[path[-1]] = value
    try:
        found = simulate(scenario_of(data, Path("s.toml"), set(), ()), "s.toml")
    except EnergyprofError as error:
        assert len(str(error).splitlines()) == 1
        return
    simulation_json(found)
    simulation_page(found)


@pytest.mark.parametrize("value", [0, 1e12])
@pytest.mark.parametrize("key", ["rounds", "moves", "trainings"])
def test_nothing_and_very_much_are_computed(key: str, value: float) -> None:
    data = parsed(FULL, "s.toml")
    data["paradigm"]["central-once"][key] = min(value, 1e9)
    simulation_page(simulate(scenario_of(data, Path("s.toml"), set(), ()), "here"))
