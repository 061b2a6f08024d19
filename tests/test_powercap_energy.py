"""From a powercap file to joules: a waveform with a closed form, wraps included, comes out within 0.3 %.

Time is simulated: the fake's counter is set to what the waveform has used by then, and the meter reads it.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from energyprof.energy import energy_between
from energyprof.meters import rapl
from energyprof.samples import Sample, Trace
from fakes import sysfs
from fakes.waveform import Waveform, burst, constant, ramp, square

WAVES = {
    "constant": constant(60),
    "1 Hz square": square(20, 100, 1.0),
    "burst": burst(10, 200, 2.0, 0.1),
    "ramp": ramp(10, 90, 3.0),
}
INTERVAL_S = 0.097
# So small that it wraps about every second; the file's unit is the microjoule.
SMALL_RANGE_UJ = 65_999_999


def traced(root: Path, wave: Waveform, phase_s: float, range_uj: int) -> Trace:
    """20 s of a package zone that follows ``wave``, read every 97 ms in 20 µs."""
    limit = {"constraint_0_max_power_uw": 125_000_000}
    zone = sysfs.zone(root, "intel-rapl:0", "package-0", 0, range_uj, limit)
    (source,) = rapl.find(root).sources
    meter = source.open()
    modulus_uj = round((source.info.wraps_at_j or 0) * 1e6)
    samples = []
    for step in range(round(20 / INTERVAL_S)):
        time_s = step * INTERVAL_S
        used_uj = int(wave.counter_j(time_s + phase_s) * 1e6)
        (zone / "energy_uj").write_text(f"{used_uj % modulus_uj}\n")
        samples.append(Sample(time_s - 1e-5, time_s + 1e-5, meter.read()))
    meter.close()
    return Trace(source.info, INTERVAL_S, samples)


@pytest.mark.parametrize("name", WAVES)
@pytest.mark.parametrize("range_uj", [sysfs.INTEL_RANGE_UJ, SMALL_RANGE_UJ])
def test_a_waveform_comes_out_within_0_3_percent(tmp_path: Path, name: str, range_uj: int) -> None:
    wave, chance = WAVES[name], random.Random(name)
    sysfs.cpuinfo(tmp_path)
    phase_s, start_s = chance.uniform(0, 10), chance.uniform(1, 5)
    # The window's edges have a reading, as they do in a run: every phase begins with one.
    start_s = round(start_s / INTERVAL_S) * INTERVAL_S
    end_s = start_s + 103 * INTERVAL_S
    trace = traced(tmp_path, wave, phase_s, range_uj)
    energy = energy_between([trace], start_s, end_s)
    truth_j = wave.energy_j(start_s + phase_s, end_s + phase_s)
    assert energy.joules == pytest.approx(truth_j, rel=0.003)
    assert energy.coverage == 1
    assert energy.flags == ()
    assert energy.u_j is not None
    assert energy.joules is not None
    assert abs(energy.joules - truth_j) <= energy.u_j
