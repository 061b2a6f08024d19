"""Reports that must not be compared, and every reason named at once."""

from __future__ import annotations

import pytest

from energyprof.compare.comparison import ALLOWED, compare, parse_allowed
from energyprof.errors import NotComparable, UsageError
from energyprof.workload import Target
from reports import at, meter


def different():
    return at(
        1.0,
        1.1,
        name="resnet",
        config={"batch_size": 8, "precision": "fp32", "net": {"width": 32}},
        target=None,
        boundary="wall_ac",
        origin="modelled",
        meters=(meter("shelly:0"),),
    )


def test_every_obstacle_is_named_at_once_with_both_values():
    with pytest.raises(NotComparable) as refusal:
        compare([at(1.0, 1.1), different()], ["a", "b"])
    assert str(refusal.value).splitlines() == [
        "the reports measure different things",
        "  work: name is unet in a, resnet in b",
        "  work: target is dice >= 0.8 in a, none in b",
        "  work: config.batch_size is 4 in a, 8 in b",
        "  work: config.net.width is absent in a, 32 in b",
        "  boundary: component in a, wall_ac in b",
        "  origin: measured in a, modelled in b",
        "  meters: rapl:package-0 (powercap energy_uj) in a, shelly:0 (powercap energy_uj) in b",
        "to see the figures anyway: --allow work --allow boundary --allow origin --allow meters",
    ]
    assert refusal.value.exit_code == 3


@pytest.mark.parametrize("missing", ALLOWED)
def test_each_difference_must_be_allowed_by_name(missing):
    others = [kind for kind in ALLOWED if kind != missing]
    with pytest.raises(NotComparable, match=f"{missing}: "):
        compare([at(1.0, 1.1), different()], ["a", "b"], allow=others)


def test_the_same_configuration_of_other_code_is_other_work():
    with pytest.raises(NotComparable, match="the code or the data: id is 1 in a, 2 in b"):
        compare([at(1.0, id="1"), at(1.0, id="2")], ["a", "b"])


def test_a_measured_report_is_not_compared_with_an_estimate():
    with pytest.raises(NotComparable, match="origin: measured in a, modelled in b"):
        compare([at(1.0), at(1.0, origin="modelled")], ["a", "b"])


def test_a_second_card_is_another_machine_across_machines_and_a_gap_on_one():
    two = (meter("rapl:package-0"), meter("rapl:package-1"))
    compare([at(1.0), at(1.0, meters=two, machine={"id": "there"})], ["a", "b"])
    with pytest.raises(NotComparable, match="meters: rapl:package-0"):
        compare([at(1.0), at(1.0, meters=two)], ["a", "b"])


def test_a_machine_that_is_not_known_is_not_the_same_machine():
    assert not compare([at(1.0, machine={}), at(1.0, machine={})], ["a", "b"]).one_machine


def test_a_thousand_differences_are_named_in_one_short_line():
    made = [at(1.0, config={"batch_size": i}) for i in range(1000)]
    with pytest.raises(NotComparable) as refusal:
        compare(made, [f"r{i}" for i in range(1000)])
    assert "0 in r0, 1 in r1, 2 in r2, and 997 other values" in str(refusal.value)
    assert len(str(refusal.value)) < 500


def test_a_difference_that_cannot_be_allowed_is_named():
    assert parse_allowed(["meters", "work"]) == ("work", "meters")
    with pytest.raises(UsageError, match="machine: choose from work, boundary, origin, meters"):
        parse_allowed(["machine"])


def test_a_meter_that_is_only_looked_at_is_no_obstacle():
    beside = (meter(), meter("shelly:0", counted=False))
    assert compare([at(1.0), at(1.0, meters=beside)], ["a", "b"]).allowed == ()


def test_another_target_is_other_work_even_under_the_same_id():
    easier = Target("dice", 0.7, "max")
    with pytest.raises(NotComparable, match=r"target is dice >= 0\.8 in a, dice >= 0\.7 in b"):
        compare([at(1.0), at(1.0, target=easier)], ["a", "b"])
