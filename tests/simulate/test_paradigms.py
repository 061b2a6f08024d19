"""The ways to train, against the published table and sums that can be done in the head."""

from __future__ import annotations

from pathlib import Path

import pytest
from simulate.scenarios import EXAMPLES, PARADIGMS, SMALL, outcome, simulated, written

from energyprof.errors import UsageError
from energyprof.formats.simulation_words import energy

# Wh: central once, central refreshed, federated, consensus; arXiv 2103.10346's equations and numbers.
TABLE = {
    "10e3": (3.4344, 131.4878, 7.7501, 6.6356),
    "50e3": (1.3438, 26.9544, 2.2617, 2.8775),
    "200e3": (0.9518, 7.3544, 1.2326, 2.1729),
    "1e6": (0.8472, 2.1278, 0.9582, 1.9850),
}


@pytest.mark.slow
@pytest.mark.parametrize("bit_per_j", TABLE)
def test_the_published_table_comes_out_to_its_last_digit(bit_per_j: str) -> None:
    found = simulated(PARADIGMS, f"link.bit_per_j={bit_per_j}")
    shown = tuple(energy(o.total.energy_j) for o in found.outcomes)
    assert shown == tuple(f"{wh:.4f} Wh" for wh in TABLE[bit_per_j])


def test_a_small_scenario_comes_out_part_by_part(tmp_path: Path) -> None:
    found = simulated(written(tmp_path, SMALL.format(clients=2)), "paradigm.federated.server_share=0.5")
    central, federated = (outcome(found, name).parts for name in ("central", "federated"))
    assert {name: part.energy_j for name, part in central.items()} == {
        "compute": 2 * 10 * 100,  # PUE × rounds × J
        "uplink": 2 * 7,  # the data of both, once
    }
    assert {name: part.energy_j for name, part in federated.items()} == {
        "compute": 10 * 2 * 10,
        "server": 2 * 0.5 * 10 * 100,
        "uplink": 10 * 2 * 3,
        "downlink": 2 * 10 * 2 * 3,  # sent from within the data centre
    }
    # 360 g/kWh are 0.1 g/kJ, and the edge's a tenth of that.
    assert central["compute"].co2_kg == pytest.approx(2000 * 1e-7)
    assert central["uplink"].co2_kg == pytest.approx(14 * 1e-8)


def test_one_client_with_a_free_network_is_local_training(tmp_path: Path) -> None:
    one = written(tmp_path, SMALL.format(clients=1))
    free = ("link.kwh_per_gb=0", "site.centre.pue=1", "server.round_j=10")
    found = simulated(one, *free)
    local_j = 10 * 10
    assert [o.total.energy_j for o in found.outcomes] == [local_j, local_j]


@pytest.mark.slow
def test_a_server_in_the_middle_stands_in_for_side_links(tmp_path: Path) -> None:
    text = SMALL.format(clients=3) + '[paradigm.consensus]\nkind = "consensus"\nrounds = 1\nneighbours = 2\n'
    direct = simulated(written(tmp_path, text))
    assert outcome(direct, "consensus").parts["side link"].energy_j == 3 * 2 * 3
    around = simulated(written(tmp_path, text + '[link.side]\nvia = "server"\n'))
    parts = outcome(around, "consensus").parts
    assert (parts["uplink"].energy_j, parts["downlink"].energy_j) == (18, 2 * 18)


def test_more_take_part_than_there_are_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"active 3: of 2 clients there are at most 2"):
        simulated(written(tmp_path, SMALL.format(clients=2)), "paradigm.federated.active=3")


@pytest.mark.slow
def test_without_a_server_no_site_of_one_is_asked_for() -> None:
    found = simulated(EXAMPLES / "simulate-consensus.toml")
    assert [o.kind for o in found.outcomes] == ["consensus"] * 3
    assert {one.overlay for one in found.cycle_times} == {"star", "tree", "ring"}
    ring, full = (next(a for a in found.agreements if a.paradigm == name) for name in ("ring", "all"))
    assert (ring.messages_a_round, full.messages_a_round) == (12, 30)
    assert full.rounds_a_decade == 1


def test_a_consensus_of_one_is_local_training(tmp_path: Path) -> None:
    text = SMALL.format(clients=1) + '[paradigm.consensus]\nkind = "consensus"\nrounds = 10\n'
    found = outcome(simulated(written(tmp_path, text)), "consensus")
    assert {name: part.energy_j for name, part in found.parts.items()} == {"compute": 10 * 10}
