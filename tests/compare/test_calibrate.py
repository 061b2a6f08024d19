"""Meters of known gain and zero against better ones: what comes out, how sure, and what is refused."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import pytest

from energyprof.compare.calibrate import calibrate
from energyprof.compare.pairing import CalibrationRequest
from energyprof.compare.recording import recorded
from energyprof.errors import FileError, UsageError
from energyprof.measure.calibration import CalibrationRecord, Efficiency, parse_efficiency
from energyprof.meter import Calibration
from energyprof.report.file import trace_path
from fakes.recording import counter, gauge, nvml, rapl, recording, shelly

LOW = 1 / 1.06  # a meter that reads 5.7 % low
SUPPLY = Efficiency(0.94, 0.01 / math.sqrt(3))


def riser(**changes):
    """A power meter in the card's supply: the same joules, off by 0.2 % at most."""
    fields = {"kind": "csv", "reads": "power_w", "gain_a": 0.002, **changes}
    return nvml("csv:riser", **fields)


def found(
    path: Path,
    meter: str = "nvml:0",
    reference: str = "shelly:192.0.2.7",
    efficiency: Efficiency | None = SUPPLY,
    window_s: float | None = None,
) -> CalibrationRecord:
    return calibrate(
        recorded(path),
        CalibrationRequest(meter, reference, efficiency, window_s),
        "2026-01-02T03:04:05Z",
        "r",
    )


def refused(path: Path, **options) -> str:
    with pytest.raises(UsageError) as error:
        found(path, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.slow
def test_gain_and_zero_against_a_meter_of_the_same_joules(tmp_path: Path) -> None:
    pair = [(nvml(), counter(LOW, offset_w=-2.0)), (riser(), gauge())]
    record = found(recording(tmp_path / "r.json", pair), reference="csv:riser", efficiency=None)
    # What is read is P / 1.06 - 2, so that P is 1.06 · reading + 2.12.
    calibration = record.calibration
    assert calibration.gain == pytest.approx(1.06, abs=2 * 1.06 * calibration.gain_u)
    assert calibration.offset_w == pytest.approx(2.12, abs=2 * calibration.offset_u_w)
    assert 0.002 / math.sqrt(3) <= calibration.gain_u < 0.004
    assert record.intercept_w == calibration.offset_w
    assert (record.meter, record.device, record.subtracted) == ("nvml:0", "GPU-nvml:0", ())


@pytest.mark.slow
def test_a_wall_meter_tells_the_gain_and_leaves_the_zero(tmp_path: Path) -> None:
    pair = [(nvml(offset_a_w=3.0), counter(LOW)), (shelly(), gauge(1 / 0.94, rest_w=80, noise_w=1.0))]
    record = found(recording(tmp_path / "r.json", pair))
    calibration = record.calibration
    assert calibration.gain == pytest.approx(1.06, abs=2 * 1.06 * calibration.gain_u)
    assert calibration.gain == pytest.approx(1.06, rel=0.01)
    assert (calibration.offset_w, calibration.offset_u_w) == (0.0, pytest.approx(3.0 / math.sqrt(3)))
    assert record.intercept_w == pytest.approx(80, abs=1.5)
    # At least what plug and supply may be off by: 1 % and 0.01 of 0.94.
    least = math.hypot(0.01, 0.01 / 0.94) / math.sqrt(3)
    assert least <= calibration.gain_u < 1.5 * least
    assert record.window_s == 20.0  # 20 renewals of the plug
    assert record.efficiency == SUPPLY
    assert any("zero is not calibrated" in note for note in record.notes)


@pytest.mark.slow
def test_each_window_holds_both_powers_and_what_the_line_leaves(tmp_path: Path) -> None:
    pair = [(nvml(), counter(LOW)), (shelly(), gauge(1 / 0.94, rest_w=80))]
    record = found(recording(tmp_path / "r.json", pair))
    for window in record.windows:
        line_w = record.calibration.gain * window.meter_w + record.intercept_w
        assert window.true_w == pytest.approx(0.94 * window.reference_w)
        assert window.residual_w == pytest.approx(window.true_w - line_w)


@pytest.mark.slow
def test_windows_are_equal_apart_and_on_the_levels(tmp_path: Path) -> None:
    pair = [(nvml(), counter()), (shelly(), gauge(1 / 0.94))]
    record = found(recording(tmp_path / "r.json", pair, levels_w=(50, 250, 50, 150), each_s=70))
    # 70 s of a level: up to 10 s until it is settled, then 20 s a window.
    assert [round(window.meter_w) for window in record.windows] == [50] * 3 + [250] * 3 + [50] * 3 + [150] * 3
    starts = [window.start_s for window in record.windows]
    assert all(later - start >= 19.999 for start, later in itertools.pairwise(starts))


@pytest.mark.slow
def test_a_plug_that_lags_by_two_seconds_is_no_gain(tmp_path: Path) -> None:
    late, levels = 2.0, (50, 250, 150, 50, 200, 100)

    def lagging(at_s: float, joules: float, watts: float) -> float:
        return (levels[max(0, math.floor((at_s - late) / 60))] + 80) / 0.94

    pair = [(nvml(), counter(LOW)), (shelly(), lagging)]
    record = found(recording(tmp_path / "r.json", pair, levels))
    assert record.calibration.gain == pytest.approx(1.06, rel=1e-3)
    assert record.delay_s == pytest.approx(-late, abs=0.6)
    assert record.delay_u_s is not None
    assert abs(record.delay_s + late) <= 2 * record.delay_u_s


@pytest.mark.slow
def test_a_controllers_gain_zero_and_delay_are_found_beside_a_plug(tmp_path: Path) -> None:
    levels = (50, 250, 150, 50, 200, 100)

    def slow(at_s: float, joules: float, watts: float) -> float:
        """0.94 of the wall's power less 40 W, asked for every 5 s and 4 s ago."""
        asked_s = math.floor(at_s / 5) * 5 - 4
        return 0.94 * (levels[max(0, math.floor(asked_s / 300))] + 300) - 40

    bmc = shelly("redfish:bmc", kind="redfish", refresh_s=5.0, boundary="wall_ac")
    pair = [(bmc, slow), (shelly(), gauge(rest_w=300))]
    path = recording(tmp_path / "r.json", pair, levels, each_s=300.0)
    record = found(path, meter="redfish:bmc", efficiency=None, window_s=100.0)
    assert record.calibration.gain == pytest.approx(1 / 0.94, rel=5e-3)
    assert record.calibration.offset_w == pytest.approx(40 / 0.94, abs=3)
    assert record.delay_s == pytest.approx(6.5, abs=2.5)  # 4 to 9 s


def test_a_load_of_two_steps_tells_no_delay(tmp_path: Path) -> None:
    pair = [(nvml(), counter(LOW)), (shelly(), gauge(1 / 0.94, rest_w=80))]
    record = found(recording(tmp_path / "r.json", pair, (50, 250, 150), each_s=80.0))
    assert (record.delay_s, record.delay_u_s) == (None, None)


@pytest.mark.slow
def test_other_chips_are_taken_off_the_wall_once(tmp_path: Path) -> None:
    def meters(**changes):
        return [
            (nvml(), counter(LOW)),
            (rapl(), counter(0.3)),  # a processor that works along with the GPU
            (replace(rapl("pyrapl:package-0"), kind="pyrapl"), counter(0.3)),
            (rapl("rapl:package-0:powercap", checks="rapl:package-0"), counter(0.3)),
            (shelly(), gauge(1.3 / 0.94, rest_w=60)),
        ]

    record = found(recording(tmp_path / "r.json", meters()))
    assert record.subtracted == ("rapl:package-0",)
    assert record.calibration.gain == pytest.approx(1.06, rel=0.005)
    # RAPL's 5 % of 0.318 W a watt is added to what plug and supply may be off by, now of 1.378 W a watt.
    least = math.hypot(0.05 * 0.318, 1.378 * 0.01, 1.378 * 0.01 / 0.94) / math.sqrt(3) / 1.06
    assert record.calibration.gain_u == pytest.approx(least, rel=0.05)
    # Without RAPL in the recording its share would pass for the GPU meter's gain.
    alone = found(recording(tmp_path / "alone.json", [meters()[0], meters()[-1]]))
    assert alone.calibration.gain == pytest.approx(1.06 * 1.3, rel=0.005)


@pytest.mark.slow
def test_a_calibrated_meter_is_calibrated_afresh_from_its_raw_readings(tmp_path: Path) -> None:
    before = Calibration(1.5, 0.01, 7.0, 0.1, "an older one")
    pair = [(nvml(calibration=before), counter(LOW)), (riser(), gauge())]
    record = found(recording(tmp_path / "r.json", pair), reference="csv:riser", efficiency=None)
    assert record.calibration.gain == pytest.approx(1.06, rel=1e-3)


@pytest.mark.slow
def test_the_references_own_calibration_is_used(tmp_path: Path) -> None:
    better = Calibration(1.02, 0.003, 0.0, 0.0, "a laboratory")
    pair = [(nvml(), counter()), (riser(calibration=better), gauge(1 / 1.02))]
    record = found(recording(tmp_path / "r.json", pair), reference="csv:riser", efficiency=None)
    assert record.calibration.gain == pytest.approx(1.0, rel=1e-3)
    assert record.calibration.gain_u >= 0.003
    assert (record.reference.gain_u, record.reference.gain_source) == (0.003, "a laboratory")


@pytest.mark.slow
def test_few_windows_are_worth_less(tmp_path: Path) -> None:
    pair = [(nvml(), counter()), (riser(gain_a=0.0), gauge(noise_w=10.0))]
    options = {"reference": "csv:riser", "efficiency": None}
    few = found(recording(tmp_path / "few.json", pair, levels_w=(50, 250), each_s=26), **options)
    many = found(recording(tmp_path / "many.json", pair), **options)
    assert (len(few.windows), len(many.windows)) == (4, 30)
    assert few.calibration.gain_u > 2 * many.calibration.gain_u


@pytest.mark.slow
def test_a_reference_that_knows_no_better_is_said_to(tmp_path: Path) -> None:
    pair = [(nvml(gain_a=0.01), counter()), (shelly(gain_a=0.03), gauge(1 / 0.94))]
    record = found(recording(tmp_path / "r.json", pair))
    assert any("no better than uncalibrated" in note for note in record.notes)


@pytest.mark.slow
def test_a_window_with_a_gap_is_left_out_and_many_gaps_are_refused(tmp_path: Path) -> None:
    def lost(from_s: float, to_s: float):
        healthy = counter(LOW)
        return lambda at_s, joules, watts: None if from_s < at_s < to_s else healthy(at_s, joules, watts)

    wall = (shelly(), gauge(1 / 0.94, rest_w=80))
    record = found(recording(tmp_path / "r.json", [(nvml(), lost(92, 95)), wall]))
    assert not any(window.start_s - 5 < 94 < window.start_s + 20 for window in record.windows)
    assert record.calibration.gain == pytest.approx(1.06, rel=0.005)
    line = refused(recording(tmp_path / "gap.json", [(nvml(), lost(100, 200)), wall]))
    assert line.startswith("nvml:0 covers 7")
    assert "95 % is needed" in line


WALL = (shelly(), gauge(1 / 0.94, rest_w=80))
CARD = (nvml(), counter(LOW))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"efficiency": None}, "it loses 4 to 15 %, and guessing that is guessing the gain"),
        ({"meter": "nvml:7"}, "it has no meter nvml:7; it has nvml:0, shelly:192.0.2.7, cpu-model"),
        ({"reference": "shelly"}, "it has no meter shelly; it has"),
        ({"reference": "nvml:0"}, "is the meter itself"),
        ({"reference": "cpu-model"}, "cpu-model is a model, not a meter"),
        ({"meter": "shelly:192.0.2.7", "reference": "nvml:0"}, "covers less than"),
        (
            {"window_s": 10.0},
            "shelly:192.0.2.7 has a new value every 1 s, and 20 of them are needed: give 20",
        ),
        ({"window_s": math.nan}, "--window nan"),
        ({"window_s": 150.0}, "only 0 windows of 150 s with both meters and a steady load; 3 are needed"),
    ],
)
def test_what_cannot_be_asked_is_one_line(tmp_path: Path, options, says: str) -> None:
    model = (rapl("cpu-model", origin="modelled"), counter())
    assert says in refused(recording(tmp_path / "r.json", [CARD, WALL, model]), **options)


@pytest.mark.parametrize(
    ("other", "options", "says"),
    [
        (rapl(), {"efficiency": None}, "these are not the same joules"),
        (nvml("nvml:1"), {"efficiency": None}, "read two devices, not the same joules"),
        (riser(), {}, "no power supply lies between"),
    ],
)
def test_meters_of_one_boundary_must_read_the_same(tmp_path: Path, other, options, says: str) -> None:
    path = recording(tmp_path / "r.json", [CARD, (other, gauge())])
    assert says in refused(path, reference=other.name, **options)


def test_a_load_of_one_level_tells_nothing_and_the_line_says_what_would(tmp_path: Path) -> None:
    line = refused(recording(tmp_path / "r.json", [CARD, WALL], levels_w=(212, 222.6), each_s=120))
    assert "nvml:0 read 200 to 210 W, a spread of 5 %; 25 % is needed" in line
    assert "idle, half and full" in line


def test_a_meter_that_shows_nothing_is_no_division_by_zero(tmp_path: Path) -> None:
    assert "a spread of 0 %" in refused(
        recording(tmp_path / "r.json", [(nvml(reads="power_w", may_be_zero=True), gauge(0.0)), WALL])
    )


def test_powers_that_do_not_go_together_are_no_line(tmp_path: Path) -> None:
    at_night = (shelly(), lambda at_s, joules, watts: 300 + 100 * math.sin(at_s / 50))
    line = refused(recording(tmp_path / "r.json", [CARD, at_night]))
    assert "do not fit a line (R² = 0." in line
    assert "W off the line" in line


def test_a_reference_that_feeds_more_than_the_device_is_found_out(tmp_path: Path) -> None:
    four = (shelly(), gauge(4 / 0.94))
    assert "grows by 4.2" in refused(recording(tmp_path / "r.json", [CARD, four]))


def test_a_recording_without_its_trace_is_a_file_error(tmp_path: Path) -> None:
    path = recording(tmp_path / "r.json", [CARD, WALL])
    trace_path(path).unlink()
    with pytest.raises(FileError, match=r"r\.trace\.csv\.gz: cannot be read"):
        found(path)


@pytest.mark.parametrize(
    ("text", "value", "a"),
    [
        ("0.94±0.01", 0.94, 0.01),
        ("94%±1%", 0.94, 0.01),
        (" 94 % ± 1 %", 0.94, 0.01),
        ("0.94+-0.01", 0.94, 0.01),
        (".9+/-1%", 0.9, 0.01),
        ("1±0.001", 1.0, 0.001),
    ],
)
def test_an_efficiency_and_how_sure_it_is(text: str, value: float, a: float) -> None:
    efficiency = parse_efficiency(text)
    assert efficiency.value == pytest.approx(value)
    assert efficiency.u == pytest.approx(a / math.sqrt(3))


@pytest.mark.parametrize(
    "text", ["", "0.94", "94%", "94±1", "0.3±0.1", "1.2±0.1", "0.94±0", "0.9±0.6", "x±y"]
)
def test_an_efficiency_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--efficiency"):
        parse_efficiency(text)
