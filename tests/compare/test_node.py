"""From components to the node: the map is recovered within its U, and what the loads do not tell is said."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import pytest

from energyprof.compare.drift import latest_map
from energyprof.compare.node import calibrate_node, calibration_of
from energyprof.compare.node_fit import Beside, Fitted, Place, fit
from energyprof.compare.recording import recorded
from energyprof.errors import FileError, UsageError
from energyprof.report import node_file
from energyprof.report.node_map import NodeMap
from energyprof.report.transfer import DRIFT_U
from fakes.node import APART, Truth, node_recording, windows
from fakes.recording import shelly

PLACES = (Place("gpu", ("nvml:0",)), Place("cpu", ("rapl:package-0",)))
TRIALS = 20


def truth_of(rng: random.Random) -> Truth:
    return Truth(rng.uniform(80, 400), rng.uniform(1.02, 1.38), rng.uniform(1.02, 1.38))


def fitted(together: float, seed: int, truth: Truth = Truth(), **noise: float) -> Fitted:  # noqa: B008
    return fit(windows(truth, random.Random(seed), together, **noise), PLACES, Beside())


def error(by: NodeMap, truth: Truth) -> float:
    """The largest error of the map over its loads, in its own standard uncertainties."""
    corners = [(gpu_w, cpu_w) for gpu_w in (40, 200, 400) for cpu_w in (40, 120, 200)]
    return max(abs(by.power_w(at) - truth.node_w(*at)) / by.u_w(at, 0.0) for at in corners)


@pytest.mark.parametrize("together", [0.0, 0.97])
def test_the_map_is_recovered_within_its_u_in_19_of_20_trials(together: float) -> None:
    rng = random.Random(13)
    held, slopes = 0, 0
    for seed in range(TRIALS):
        truth = truth_of(rng)
        by = fitted(together, seed, truth).map
        held += error(by, truth) <= 2
        for k, slope in enumerate((truth.gpu, truth.cpu)):
            slopes += abs(by.terms[k].slope - slope) <= 2 * math.sqrt(by.covariance[k + 1][k + 1])
    assert held >= 19
    assert slopes >= 0.9 * 2 * TRIALS


def test_loads_that_moved_apart_tell_each_slope() -> None:
    found = fitted(0.0, 1, noise=0.001)
    assert [term.told for term in found.map.terms] == ["moved", "moved"]
    assert [term.slope for term in found.map.terms] == pytest.approx([1.18, 1.09], abs=0.02)
    assert found.map.intercept_w == pytest.approx(90, abs=3)
    assert found.notes == ()
    assert max(found.vif.values()) < 5


def test_loads_that_moved_together_are_not_told_apart_and_the_load_that_would_is_named() -> None:
    found = fitted(1.0, 1, Truth(gpu=1.3, cpu=1.05), noise=0.001)
    by = found.map
    assert [term.told for term in by.terms] == ["together", "together"]
    (note,) = found.notes
    assert "gpu and cpu moved together (VIF " in note
    assert "a load on the GPUs alone or the processors alone would tell" in note
    # What they add together is known well, what each adds only as well as of any node.
    mixed, apart = (400.0, 200.0), (40.0, 200.0)
    assert by.u_w(mixed, 0.0) / by.power_w(mixed) < 0.02
    assert by.u_w(apart, 0.0) / by.power_w(apart) > 1.5 * by.u_w(mixed, 0.0) / by.power_w(mixed)
    assert math.sqrt(by.covariance[2][2]) > 0.08


def test_a_part_that_hardly_moved_is_named_and_its_slope_is_that_of_other_nodes() -> None:
    still = [replace(w, loads_w=(w.loads_w[0], 60.0)) for w in windows(Truth(), random.Random(2), 0.0)]
    still = [replace(w, node_w=Truth().node_w(*w.loads_w)) for w in still]
    found = fit(still, PLACES, Beside())
    assert [term.told for term in found.map.terms] == ["moved", "still"]
    assert "cpu hardly moved (60 to 60 W)" in found.notes[0]
    assert "a load on the processors alone would tell" in found.notes[0]
    assert found.map.terms[1].slope == pytest.approx(1.2, abs=0.03)
    assert math.sqrt(found.map.covariance[2][2]) > 0.08


def test_a_few_wild_windows_move_nothing() -> None:
    clean = windows(Truth(), random.Random(3), 0.0, noise=0.001)
    wild = [replace(w, node_w=1.5 * w.node_w) if i in (4, 21, 33) else w for i, w in enumerate(clean)]
    found = fit(wild, PLACES, Beside()).map
    assert [term.slope for term in found.terms] == pytest.approx([1.18, 1.09], abs=0.03)


def test_what_a_windows_own_reading_leaves_open_is_no_misfit_of_the_map() -> None:
    rng, truth = random.Random(5), Truth()
    clean = windows(truth, random.Random(5), 0.0, noise=0.002)
    # A plug that counts in steps: ± 8 % of what a window takes.
    coarse = [replace(w, node_w=w.node_w * (1 + rng.gauss(0, 0.08)), u_w=0.08 * w.node_w) for w in clean]
    unsaid = [replace(w, u_w=0.0) for w in coarse]
    assert fit(unsaid, PLACES, Beside()).map.misfit_u > 0.04
    found = fit(coarse, PLACES, Beside())
    assert found.map.misfit_u < 0.02
    assert error(found.map, truth) <= 2
    assert math.hypot(*found.residuals_w) > 0.03 * math.hypot(*(w.node_w for w in coarse))


def test_a_node_that_is_now_and_then_far_off_its_map_is_doubted_as_much() -> None:
    tame = windows(Truth(), random.Random(6), 0.0, count=100, noise=0.003)
    wild = [
        replace(w, node_w=w.node_w * (1 + 0.01 * (i % 7))) if i % 5 == 0 else w for i, w in enumerate(tame)
    ]
    found = fit(wild, PLACES, Beside())
    # The plane does not follow them, so its own spread says too little of the next window.
    assert found.rms < 0.013
    by = found.map
    assert by.misfit_u > 1.3 * found.rms
    held = sum(abs(w.node_w - by.power_w(w.loads_w)) <= 2 * by.u_w(w.loads_w, 0.0) for w in wild)
    assert held >= 93


def test_what_many_levels_show_of_this_node_replaces_what_others_do() -> None:
    few = fit(windows(Truth(), random.Random(4), 1.0, count=8, noise=0.0), PLACES, Beside()).map
    many = fit(windows(Truth(), random.Random(4), 0.0, count=200, noise=0.0), PLACES, Beside()).map
    assert few.misfit_u > 0.01
    assert many.misfit_u < 0.6 * few.misfit_u


@pytest.mark.slow
def test_a_recording_becomes_a_map(tmp_path: Path) -> None:
    path = node_recording(tmp_path / "r.json", temperature_c=55.0)
    found, window_s = calibrate_node(recorded(path), "shelly:192.0.2.7", None, "here")
    by = found.map
    assert window_s == 20.0
    assert (by.boundary, by.machine, by.source) == ("wall_ac", "sha256:here", "here")
    assert by.reference == "shelly:192.0.2.7, S3, made by hand"
    assert by.reference_u == pytest.approx(0.01 / math.sqrt(3))
    assert [(term.part, term.meters, term.devices) for term in by.terms] == [
        ("gpu", ("nvml:0",), ("GPU-nvml:0",)),
        ("cpu", ("rapl:package-0",), ("Xeon",)),
    ]
    assert [term.slope for term in by.terms] == pytest.approx([1.18, 1.09], abs=0.01)
    assert by.intercept_w == pytest.approx(90, abs=1)
    assert (by.terms[0].low_w, by.terms[0].high_w) == pytest.approx((40, 320), abs=1)
    assert by.start.startswith("2027-01-15T08:00:")
    assert by.end.startswith("2027-01-15T08:0")
    assert by.temperature_c == (55.0, 55.0)
    again = node_file.to_json(calibration_of(found, window_s, "2027-01-15T08:10:00Z"))
    (tmp_path / "n.json").write_text(again)
    assert node_file.is_node_file(tmp_path / "n.json")
    assert not node_file.is_node_file(path)
    assert node_file.to_json(node_file.read(tmp_path / "n.json")) == again


@pytest.mark.parametrize(
    ("reference", "levels", "says"),
    [
        ("plug", APART, "it has no meter plug; it has nvml:0, rapl:package-0, shelly:192.0.2.7"),
        ("nvml:0", APART, "does not read a whole node: name its plug or its BMC"),
        ("shelly:192.0.2.7", ((40, 30),) * 8, "a spread of 0 %; 25 % is needed: run loads of several levels"),
        (
            "shelly:192.0.2.7",
            APART[:1],
            "windows with all meters and a steady load; 4 are needed, 30 are better",
        ),
    ],
)
def test_what_tells_too_little_is_refused_in_a_line(tmp_path: Path, reference, levels, says: str) -> None:
    path = node_recording(tmp_path / "r.json", levels=levels)
    with pytest.raises(UsageError) as refusal:
        calibrate_node(recorded(path), reference, None, "")
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_node_without_meters_of_its_parts_is_refused(tmp_path: Path) -> None:
    path = node_recording(tmp_path / "r.json")
    alone = replace(recorded(path), meters=recorded(path).meters[2:])
    with pytest.raises(UsageError, match=r"no meter of a component beside shelly:192\.0\.2\.7"):
        calibrate_node(alone, "shelly:192.0.2.7", None, "")


def test_two_calibrations_say_how_the_node_drifts() -> None:
    first = fitted(0.0, 1, noise=0.0).map
    later = replace(
        first, intercept_w=first.intercept_w, start="2027-01-16T08:00:00Z", end="2027-01-16T08:10:00Z"
    )
    calm = latest_map([later, first])
    assert calm is not None
    assert calm.end == later.end
    # No change in a day: two defaults and one pair without any.
    assert calm.drift_u == pytest.approx(DRIFT_U * math.sqrt(2 / 3))
    restless = latest_map([first, replace(later, intercept_w=first.intercept_w + 60)])
    assert restless is not None
    assert restless.drift_u > 2 * DRIFT_U
    assert latest_map([]) is None
    assert latest_map([first]) == first
    with pytest.raises(UsageError, match="of several nodes"):
        latest_map([first, replace(later, machine="another")])
    with pytest.raises(UsageError, match="two of the node are of one recording"):
        latest_map([first, first])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"covariance": ((1.0,),)}, "its covariance is not 3 × 3"),
        ({"covariance": ((1.0, 9.0, 0.0), (9.0, 1.0, 0.0), (0.0, 0.0, 1.0))}, "its covariance is none"),
        ({"covariance": ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 1.0))}, "a variance below 0"),
        ({"terms": ()}, "it names no meter"),
        ({"slope": 9.0}, "a slope of more than 4 W a watt"),
        ({"devices": ("a", "b")}, "its devices are not its meters'"),
        ({"part": "cpu", "meters": ("rapl:package-0",)}, "it names a meter twice"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, change: dict, says: str) -> None:
    found = calibration_of(fitted(0.0, 1), 20.0, "2027-01-15T08:10:00Z")
    by = found.node_map
    if set(change) <= {"slope", "devices", "part", "meters"}:
        change = {"terms": (replace(by.terms[0], **change), *by.terms[1:])}
    path = tmp_path / "n.json"
    node_file.write(replace(found, node_map=replace(by, **change)), path)
    with pytest.raises(FileError) as refusal:
        node_file.read(path)
    assert says in str(refusal.value)


@pytest.mark.slow
def test_a_plug_that_reads_behind_the_supply_gives_the_node_behind_it(tmp_path: Path) -> None:
    path = node_recording(tmp_path / "r.json", plug=shelly("redfish:bmc", boundary="node_dc"))
    found, _ = calibrate_node(recorded(path), "redfish:bmc", None, "")
    assert found.map.boundary == "node_dc"
