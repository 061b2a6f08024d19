"""What the meters of NVIDIA GPUs read, and what becomes of them when the board or the driver goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fakes import nvml as fake
from fakes import waveform
from fakes.waveform import Waveform

# The fake's clock is the monotonic one until the script writes a time, so that the meters see ticks at first.
BEGIN = """
import json, os, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from energyprof.errors import MeterError
from energyprof.measure.meters import find
def at(seconds):
    file = Path(os.environ["FAKE_NVML_CLOCK"])
    file.with_suffix(".new").write_text(repr(seconds))
    file.with_suffix(".new").replace(file)
def value(meter):
    try:
        return meter.read()
    except MeterError as error:
        return str(error)
sources = [s for s in find("nvml", Path("/")).sources if s.info.reads == os.environ.get("READS", "energy_j")]
"""
READ = (
    BEGIN
    + """
with ThreadPoolExecutor() as pool:
    meters = list(pool.map(lambda source: source.open(), sources))
answers = []
for seconds in json.loads(os.environ["TIMES"]):
    at(seconds)
    answers.append([value(meter) for meter in meters])
print(json.dumps(answers))
"""
)

WAVES = [
    waveform.constant(250),
    waveform.square(50, 350, period_s=1.0),
    waveform.burst(20, 400, period_s=2.0, length_s=0.1),
    waveform.ramp(0, 300, period_s=3.0),
]


@pytest.fixture(scope="session")
def library() -> Path:
    """The fake library."""
    return fake.build()


def read(library: Path, folder: Path, times: list[float], reads: str, **settings: Any) -> list[list[Any]]:
    """What each meter says at each time: a number, or the words of its error."""
    environment = fake.environment(library, clock=folder / "clock", **settings)
    return fake.python(READ, {**environment, "READS": reads, "TIMES": json.dumps(times)})


@pytest.mark.slow
@pytest.mark.parametrize("wave", WAVES, ids=lambda wave: wave.shape)
def test_the_counter_is_the_integral_of_the_power_up_to_its_last_tick(
    library: Path, tmp_path: Path, wave: Waveform
) -> None:
    times = [0.04, 0.25, 1.0, 7.77, 1000.33]
    rows = read(library, tmp_path, times, "energy_j", gpus=2, wave=wave.spec(), tick_s=0.1)
    for seconds, (first, second) in zip(times, rows, strict=True):
        assert first == pytest.approx(wave.counter_j(seconds, tick_s=0.1), abs=0.001)
        assert second == pytest.approx(2 * first, abs=0.002)


@pytest.mark.parametrize("wave", WAVES, ids=lambda wave: wave.shape)
@pytest.mark.parametrize(
    ("settings", "window_s"),
    [
        ({}, 0.0),
        ({"power_tick_s": 0.1, "seen_s": 0.025}, 0.025),
        ({"no_fields": "0,1", "power_tick_s": 0.1, "window_s": 1}, 1.0),
    ],
)
def test_the_power_is_the_mean_over_the_window_before_its_renewal(
    library: Path, tmp_path: Path, wave: Waveform, settings: dict[str, Any], window_s: float
) -> None:
    times = [1.25, 7.77, 12.31]
    rows = read(library, tmp_path, times, "power_w", gpus=2, wave=wave.spec(), **settings)
    for seconds, (first, second) in zip(times, rows, strict=True):
        renewed_s = int(seconds * 10) / 10 if window_s else seconds
        expected_w = wave.power_w(seconds)
        if window_s:
            expected_w = wave.energy_j(renewed_s - window_s, renewed_s) / window_s
        assert first == pytest.approx(expected_w, abs=0.001)
        assert second == pytest.approx(2 * first, abs=0.002)


@pytest.mark.slow
def test_a_superchips_counter_and_power_hold_its_module(library: Path, tmp_path: Path) -> None:
    settings = {"names": "NVIDIA GH200 480GB", "wave": waveform.constant(400).spec(), "module_w": 100}
    assert read(library, tmp_path, [7.0], "power_w", **settings) == [[500.0]]
    (tmp_path / "clock").unlink()
    assert read(library, tmp_path, [7.0], "energy_j", **settings) == [[3500.0]]


@pytest.mark.slow
@pytest.mark.parametrize(("tick_s", "stamped"), [(0.02, True), (0.1, True), (0, False)])
def test_an_open_counter_knows_its_tick(library: Path, tick_s: float, stamped: bool) -> None:
    script = (
        BEGIN
        + """
meter = sources[0].open()
print(json.dumps([sources[0].info.refresh_s, sources[0].info.ticks, meter.info.refresh_s, meter.info.ticks]))
meter.close()
"""
    )
    declared_s, declared, refresh_s, ticks = fake.python(script, fake.environment(library, tick_s=tick_s))
    assert (declared_s, declared) == (0.1, True)
    assert ticks == stamped
    # A machine so busy that half the looks come late sees two ticks as one.
    assert tick_s * 0.8 < refresh_s < tick_s * 2.5 if stamped else refresh_s == 0.1


LOST = "nvml:0: GPU is lost"


@pytest.mark.parametrize(
    ("reads", "settings", "times", "rows"),
    [
        ("energy_j", {"fail": "15:10:20"}, [9, 10, 19, 20], [900, LOST, LOST, 2000]),
        ("power_w", {"fail": "15:10:20"}, [9, 10, 19, 20], [100, LOST, LOST, 100]),
        ("energy_j", {"fail": "999:10:20"}, [9, 10, 20], [900, "nvml:0: Unknown Error", 2000]),
        ("energy_j", {"fail": "3:10:20"}, [9, 10, 20], [900, "nvml:0: Not Supported", 2000]),
        # a counter that restarts tells so; what that means is not the meter's affair
        ("energy_j", {"reset_s": 10}, [9, 10, 13], [900, 0, 300]),
        ("energy_j", {"stall": "10:20"}, [9, 10, 19, 20], [900, 1000, 1000, 2000]),
        ("energy_j", {"garbage": "10:20"}, [9, 10, 20],
         [900, "nvml:0: NVML gives no energy at the moment", 2000]),
        ("power_w", {"garbage": "10:20"}, [9, 10, 20], [100, "nvml:0: No data", 100]),
        ("power_w", {"garbage": "10:20", "no_fields": 0}, [9, 10, 20], [100, "nvml:0: No data", 100]),
        # it never changes the way it reads in silence
        ("power_w", {"fail": "3:10:20"}, [9, 10, 20], [100, "nvml:0: Not Supported", 100]),
        ("energy_j", {"slow": "50:10:20"}, [9, 10, 20], [900, 1000, 2000]),
    ],
)  # fmt: skip
def test_a_gpu_that_fails_says_so_and_comes_back(
    library: Path, tmp_path: Path, reads: str, settings: dict[str, Any], times: list[float], rows: list[Any]
) -> None:
    settings = {"wave": "constant:100:100:1:1", "tick_s": 0, **settings}
    found = [row[0] for row in read(library, tmp_path, times, reads, **settings)]
    assert [word.replace(":power", "") if isinstance(word, str) else word for word in found] == rows


AGAIN = (
    BEGIN
    + """
at(0)
meters = [source.open() for source in sources]
at(9); before = [value(meter) for meter in meters]
at(12); during = [value(meter) for meter in meters]
at(25)
deadline = time.monotonic() + 30
while any(isinstance(value(meter), str) for meter in meters) and time.monotonic() < deadline:
    time.sleep(0.05)
log = Path(os.environ["FAKE_NVML_LOG"]).read_text()
print(json.dumps([before, during, [value(meter) for meter in meters], log]))
"""
)


@pytest.mark.parametrize(
    ("fault", "first", "second", "calls"),
    [
        ({"lost": "10:20"}, "nvml:0:power: GPU is lost", "nvml:1:power: GPU is lost", "isi"),  # no new start
        ({"lost": "10:20:1"}, 100, "nvml:1:power: GPU is lost", "isi"),
        ({"reload_s": 10}, "nvml:0:power: Uninitialized", "nvml:1:power: Uninitialized", "isisi"),  # for both
    ],
)
def test_a_board_that_was_gone_is_looked_for_again(
    library: Path, tmp_path: Path, fault: dict[str, Any], first: object, second: object, calls: str
) -> None:
    # With handles from before, the fake's boards stay gone for good.
    environment = fake.environment(
        library, gpus=2, wave="constant:100:100:1:1", clock=tmp_path / "clock", log=tmp_path / "log", **fault
    )
    (tmp_path / "clock").write_text("0")
    before, during, after, log = fake.python(AGAIN, {**environment, "READS": "power_w"})
    assert before == after == [100, 200]
    assert during == [first, second]
    assert log == calls


@pytest.mark.slow
def test_the_counter_of_a_driver_that_was_loaded_anew_restarts(library: Path, tmp_path: Path) -> None:
    settings = {"wave": "constant:100:100:1:1", "tick_s": 0, "reload_s": 10}
    environment = fake.environment(library, clock=tmp_path / "clock", log=tmp_path / "log", **settings)
    (tmp_path / "clock").write_text("0")
    before, during, after, _ = fake.python(AGAIN, {**environment, "READS": "energy_j"})
    assert (before, after) == ([900], [1500])
    assert during[0] == "nvml:0: Uninitialized"


def test_a_driver_that_stays_away_is_asked_once_a_second(library: Path, tmp_path: Path) -> None:
    script = (
        BEGIN
        + """
at(0)
meter = sources[0].open()
at(12)
os.environ["FAKE_NVML_INIT"] = "9"  # DRIVER_NOT_LOADED
begun = time.monotonic()
words = {value(meter) for _ in range(2000)}
tries = Path(os.environ["FAKE_NVML_LOG"]).read_text().count("i") - 2
print(json.dumps([sorted(words), tries, time.monotonic() - begun]))
"""
    )
    environment = fake.environment(library, clock=tmp_path / "clock", log=tmp_path / "log", reload_s=10)
    (tmp_path / "clock").write_text("0")
    words, tries, took_s = fake.python(script, {**environment, "READS": "power_w"})
    assert words == ["nvml:0:power: Driver Not Loaded", "nvml:0:power: Uninitialized"]
    assert 1 <= tries <= 2 + took_s


def test_a_board_that_is_gone_cannot_be_opened(library: Path, tmp_path: Path) -> None:
    script = (
        BEGIN
        + """
at(12)
try:
    sources[0].open()
except MeterError as error:
    print(json.dumps(str(error)))
"""
    )
    environment = fake.environment(library, clock=tmp_path / "clock", lost="10:20")
    (tmp_path / "clock").write_text("0")
    assert fake.python(script, environment) == "nvml:0: GPU is lost"


@pytest.mark.slow
def test_a_closed_meter_gives_no_reading(library: Path) -> None:
    script = (
        BEGIN
        + """
meters = [source.open() for source in find("nvml", Path("/")).sources]
for meter in meters + meters:
    meter.close()
print(json.dumps([value(meter) for meter in meters]))
"""
    )
    words = fake.python(script, fake.environment(library))
    assert words == ["nvml:0: closed", "nvml:0:power: closed"]
