"""Reports whose facts are not what ours are: compared, or refused in one line."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from energyprof.compare.comparison import compare
from energyprof.compare.machines import machine_name
from energyprof.compare.statistics.terms import of_energy
from energyprof.formats import comparison_format
from energyprof.formats.console import Screen
from energyprof.formats.summary import summary
from energyprof.report.machines import likeness
from reports import HERE, at, report, run


@pytest.mark.parametrize("odd", [{}, [], 1e-300, {"a": [1]}, [[1], {"name": {}}], "x", None, True])
@pytest.mark.parametrize("fact", ["cpu", "gpus", "host", "named"])
def test_facts_of_a_machine_may_be_anything(fact: str, odd: object) -> None:
    made = at(1.0, machine={**HERE, fact: odd})
    assert isinstance(machine_name(made), str)
    compare([made, at(1.0)], ["a", "b"], allow=["machine", "meters"])


def test_reports_without_a_node_are_of_no_known_machine() -> None:
    none = replace(report((run(),)), nodes=())
    assert likeness(none.nodes, none.nodes).standing == "unknown"


def test_an_uncertainty_beyond_all_squares_is_still_one() -> None:
    terms = of_energy(run(energy_u_j=1e308, gain_u_j=3e307))
    assert terms["reading"] == pytest.approx(1e308 * (1 - 0.3**2) ** 0.5 / 2)


@pytest.mark.parametrize("scores", [(1e308, -1e308, 0.5), (1.7e308, 1.7e308, -3.0), (1e200, 0.0, -1e200)])
def test_scores_beyond_all_squares_are_shown_and_compared(scores: tuple[float, ...]) -> None:
    """As of a training that diverged."""
    made = report([replace(run(1.0 + 0.1 * n, seed=n), score=score) for n, score in enumerate(scores)])
    out = io.StringIO()
    Screen(out).print(summary(made, None))
    comparison_format("text").write_comparison(compare([made, made], ["a", "b"]), out)
    assert "nan" not in out.getvalue()
