"""What phases of one name took together, of energies that can be added up in the head."""

from __future__ import annotations

from energyprof.formats.phase_sums import unsure
from energyprof.report.record import Phase


def phase(name: str, energy_j: float | None, **budget_j: float) -> Phase:
    return Phase(name, 0.0, 1.0, None, energy_j, None, {}, budget_j=budget_j)


def test_phases_of_which_most_is_doubt_have_no_power_to_show() -> None:
    phases = [
        phase("idle", 0.2, stamp=0.06),
        phase("train", 1000.0, stamp=3.0, edge=4.0),
        phase("eval", 10.0, edge=3.0),
        phase("eval", 10.0, edge=1.5),
        phase("estimated", 10.0, gain=11.0, gain_below=3.5),
        phase("imported", 10.0),
        phase("lost", None),
    ]
    assert unsure(phases) == {"idle"}
