"""Which limits of power never bound, from phases whose power can be divided in the head."""

from __future__ import annotations

import pytest

from energyprof.compare.levers import unbound
from energyprof.report.record import LeverRecord, Phase
from reports import report, run

LIMIT = LeverRecord("cpu.power_limit", "powercap:0", "125 W", "100 W", "100 W", 100.0, "rapl:package-0")
SAID = "cpu.power_limit:powercap:0 = 100 W did not bind: rapl:package-0"


def phase(name: str, start_s: float, end_s: float, energy_j: float) -> Phase:
    return Phase(name, start_s, end_s, None, energy_j, 0.1, {"rapl:package-0": energy_j})


@pytest.mark.parametrize(
    ("power_w", "said"),
    [
        (
            50.0,
            [f"{SAID} drew at most 50.0 W over a phase"],
        ),
        (95.0, []),
    ],
)
def test_a_limit_that_no_phase_came_near_is_named(power_w: float, said: list[str]) -> None:
    training = phase("train", 0, 10, 10 * power_w)
    assert unbound(report((run(phases=(training,), levers=(LIMIT,)),))) == said


def test_the_step_of_a_counter_in_a_moment_is_no_power() -> None:
    """20 ms with one step of 5 J look like 250 W."""
    phases = (phase("start-up", 0, 0.02, 5.0), phase("train", 0.02, 10.02, 500.0))
    assert len(unbound(report((run(phases=phases, levers=(LIMIT,)),)))) == 1


def test_of_a_moment_alone_nothing_is_said() -> None:
    moment = phase("train", 0, 0.02, 0.1)
    assert unbound(report((run(phases=(moment,), levers=(LIMIT,)),))) == []
