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


def test_different_tasks_are_one_line_however_much_differs():
    with pytest.raises(NotComparable) as refusal:
        compare([at(1.0, 1.1), different()], ["a", "b"])
    assert str(refusal.value) == (
        "the reports are of different tasks: name is unet in a, resnet in b; to see the figures "
        "anyway: --allow task --allow boundary --allow origin --allow meters"
    )
    assert refusal.value.exit_code == 3


AIM = {"data": {"sha256": "1"}, "validation_seed": 1, "batch_size": 4}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"target": Target("dice", 0.7, "max")}, "target is dice >= 0.8 in a, dice >= 0.7 in b"),
        ({"config": {**AIM, "data": {"sha256": "2"}}}, "config.data.sha256 is 1 in a, 2 in b"),
        ({"config": {**AIM, "validation_seed": 2}}, "config.validation_seed is 1 in a, 2 in b"),
        (
            {"config": {**AIM, "data": "hub:x"}},
            "config.data.sha256 is 1 in a, absent in b; config.data is absent",
        ),
    ],
)
def test_of_one_name_it_is_named_in_what_the_tasks_differ_and_not_how_they_are_trained(changes, says):
    keys = ("data", "validation_seed")
    one = at(1.0, config=AIM, task="1", task_keys=keys)
    config = {**changes.get("config", AIM), "batch_size": 8}
    other = at(1.0, **{**changes, "config": config}, task="2", task_keys=keys)
    with pytest.raises(NotComparable) as refusal:
        compare([one, other], ["a", "b"])
    assert f"different tasks: {says}" in str(refusal.value)
    assert "batch_size" not in str(refusal.value) and "\n" not in str(refusal.value)


def test_where_the_task_is_not_known_the_settings_must_be_the_same():
    """As of reports from before there were tasks."""
    old = at(1.0, task="", config={"precision": "fp32"})
    compare([old, at(1.0, task="", config={"precision": "fp32"})], ["a", "b"])
    today = at(1.0, task="1", work="2", config={"precision": "fp32"})
    assert "the code: id is" in compare([old, today], ["a", "b"]).notes[0]
    with pytest.raises(
        NotComparable, match=r"fp32 in a, bf16 in b \(what a and b must achieve is not known\)"
    ):
        compare([old, at(1.0, task="", config={"precision": "bf16"})], ["a", "b"])


def test_every_obstacle_is_named_at_once_with_both_values():
    with pytest.raises(NotComparable) as refusal:
        compare([at(1.0, 1.1), different()], ["a", "b"], allow=["task"])
    assert str(refusal.value).splitlines() == [
        "the reports measure different things",
        "  boundary: component in a, wall_ac in b",
        "  origin: measured in a, modelled in b",
        "  meters: rapl:package-0 (powercap energy_uj) in a, shelly:0 (powercap energy_uj) in b",
        "to see the figures anyway: --allow boundary --allow origin --allow meters",
    ]
    assert refusal.value.exit_code == 3


@pytest.mark.parametrize("missing", [kind for kind in ALLOWED if kind != "machine"])
def test_each_difference_must_be_allowed_by_name(missing):
    others = [kind for kind in ALLOWED if kind != missing]
    with pytest.raises(NotComparable, match=f"--allow {missing}$"):
        compare([at(1.0, 1.1), different()], ["a", "b"], allow=others)


def test_the_same_configuration_of_other_code_is_other_work_of_one_task():
    found = compare([at(1.0, work="1"), at(1.0, work="2")], ["a", "b"])
    assert found.notes == ("the work differs: the code: id is 1 in a, 2 in b",)


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


@pytest.mark.slow
def test_a_thousand_differences_are_named_in_one_short_line():
    made = [at(1.0, config={"batch_size": i}, task="") for i in range(1000)]
    with pytest.raises(NotComparable) as refusal:
        compare(made, [f"r{i}" for i in range(1000)])
    assert "0 in r0, 1 in r1, 2 in r2, and 997 other values" in str(refusal.value)
    assert len(str(refusal.value)) < 500


def test_a_difference_that_cannot_be_allowed_is_named():
    assert parse_allowed(["meters", "task"]) == ("task", "meters")
    with pytest.raises(UsageError, match="work: choose from task, boundary, origin, meters, machine"):
        parse_allowed(["work"])


def test_a_meter_that_is_only_looked_at_is_no_obstacle():
    beside = (meter(), meter("shelly:0", counted=False))
    assert compare([at(1.0), at(1.0, meters=beside)], ["a", "b"]).allowed == ()


def test_another_target_is_another_task_even_under_the_same_ids():
    easier = Target("dice", 0.7, "max")
    with pytest.raises(NotComparable, match=r"target is dice >= 0\.8 in a, dice >= 0\.7 in b"):
        compare([at(1.0), at(1.0, target=easier)], ["a", "b"])


def test_a_work_that_names_no_paradigm_is_central_training():
    spread = [at(1.0, config={"paradigm": {"name": name}}, work=name) for name in ("federated", "consensus")]
    made = compare([at(1.0, config={}, work="c"), *spread], ["c", "f", "d"])
    said = " ".join(made.notes)
    assert "config.paradigm.name is central in c, federated in f, consensus in d" in said


def test_one_value_more_is_no_plural():
    made = [at(1.0, config={"batch_size": i}, task="") for i in range(4)]
    with pytest.raises(NotComparable) as refusal:
        compare(made, list("abcd"))
    assert str(refusal.value).count("and 1 other value") == 1
    assert "other values" not in str(refusal.value)
