"""RAPL on fake powercap trees: which zones count, what is left out, every way it can be missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from energyprof.errors import MeterError, MissingPart
from energyprof.measure.meters.rapl import rapl
from energyprof.measure.selection import select
from energyprof.meter import Finding
from energyprof.trace import gains
from fakes import sysfs
from fakes.powercap import LivePowercap
from fakes.waveform import constant


def joules(finding: Finding) -> dict[str, float]:
    readings = {}
    for source in finding.sources:
        meter = source.open()
        readings[source.info.name] = meter.read()
        meter.close()
    return readings


def test_a_laptop_counts_its_package_once(tmp_path: Path) -> None:
    sysfs.intel_client(tmp_path)
    finding = rapl.find(tmp_path)
    assert joules(finding) == {"rapl:package-0": 5.0}
    assert finding.sources[0].info.part == "cpu"
    assert finding.sources[0].info.method == "powercap energy_uj"
    notes = "\n".join(finding.notes)
    assert "psys left out: it holds the packages that are counted" in notes
    assert "core, uncore left out: inside the package" in notes
    assert "no readable dram domain" in notes


def test_a_server_counts_every_die_and_its_memory_in_the_order_of_their_names(
    tmp_path: Path,
) -> None:
    sysfs.intel_server(tmp_path)
    expected = {}
    for package in (0, 1):
        for die in range(6):
            power = 100 + 10 * package + die
            expected[f"rapl:package-{package}-die-{die}"] = float(power)
            expected[f"rapl:dram-{package}-die-{die}"] = float(power + 100)
    readings = joules(rapl.find(tmp_path))
    assert readings == expected
    assert list(readings) == list(expected)


def test_dram_is_a_part_of_its_own(tmp_path: Path) -> None:
    sysfs.intel_server(tmp_path)
    parts = {s.info.name: s.info.part for s in rapl.find(tmp_path).sources}
    assert parts["rapl:dram-0-die-0"] == "dram"
    assert parts["rapl:package-0-die-0"] == "cpu"


def test_memory_is_less_sure_than_its_package(tmp_path: Path) -> None:
    sysfs.intel_server(tmp_path)
    sources = {s.info.name: s.info.gain_source for s in rapl.find(tmp_path).sources}
    assert sources["rapl:dram-0-die-0"].startswith(gains.RAPL_DRAM.row)
    assert sources["rapl:package-0-die-0"].startswith(gains.RAPL_INTEL.row)


@pytest.mark.parametrize(("number", "row"), [(45, gains.RAPL_INTEL_MODELLED), (60, gains.RAPL_INTEL)])
def test_a_processor_that_models_its_power_is_less_sure(tmp_path: Path, number: int, row: gains.Gain) -> None:
    sysfs.intel_client(tmp_path)
    sysfs.cpuinfo(tmp_path, number=number)
    assert {s.info.gain_a for s in rapl.find(tmp_path).sources} == {row.bound}


def test_amd_leaves_its_core_domain_out_and_has_no_memory(tmp_path: Path) -> None:
    sysfs.amd(tmp_path)
    finding = rapl.find(tmp_path)
    assert joules(finding) == {"rapl:package-0": 7.0}
    assert finding.sources[0].info.gain_a == 0.10
    assert any("core left out" in note for note in finding.notes)
    assert any("memory is not metered" in note for note in finding.notes)


def test_amd_has_one_counter_a_package_even_where_the_kernel_shows_it_once_a_die(tmp_path: Path) -> None:
    sysfs.cpuinfo(tmp_path, vendor=sysfs.AMD, sockets=2)
    for number in range(24):
        package, die = divmod(number, 12)
        energy_uj = (7 + package) * 1_000_000
        sysfs.zone(tmp_path, f"intel-rapl:{number:x}", f"package-{package}-die-{die}", energy_uj)
    assert joules(rapl.find(tmp_path)) == {"rapl:package-0": 7.0, "rapl:package-1": 8.0}


@pytest.mark.parametrize(
    ("range_uj", "resolution_j", "modulus_j"),
    [
        (sysfs.INTEL_RANGE_UJ, 61.035e-6, 262143.328911),
        (sysfs.DRAM_RANGE_UJ, 15.3e-6, 65712.999628),
        (sysfs.AMD_RANGE_UJ, 15.258e-6, 65532.611002),
    ],
)
def test_the_unit_and_the_wrap_follow_from_the_largest_value(
    tmp_path: Path, range_uj: int, resolution_j: float, modulus_j: float
) -> None:
    sysfs.cpuinfo(tmp_path)
    sysfs.zone(tmp_path, "intel-rapl:0", "package-0", range_uj=range_uj)
    info = rapl.find(tmp_path).sources[0].info
    assert info.resolution == pytest.approx(resolution_j, rel=1e-4)
    assert info.wraps_at_j == pytest.approx(modulus_j, abs=1e-6)


@pytest.mark.parametrize(
    "constraints",
    [
        {},
        {"constraint_0_max_power_uw": 15_000_000, "constraint_1_power_limit_uw": 64_000_000},
        # A limit of 125 W is a setting beside a placeholder for none, and a board's 320 W are real.
        {"constraint_0_power_limit_uw": 125_000_000, "constraint_1_power_limit_uw": 4_095_000_000},
    ],
)
def test_no_setting_makes_a_possible_power_impossible(tmp_path: Path, constraints: dict[str, int]) -> None:
    sysfs.cpuinfo(tmp_path)
    sysfs.zone(tmp_path, "intel-rapl:0", "package-0", constraints=constraints)
    assert rapl.find(tmp_path).sources[0].info.max_power_w == 2000


def test_psys_alone_is_used_with_a_warning(tmp_path: Path) -> None:
    sysfs.cpuinfo(tmp_path)
    sysfs.zone(tmp_path, "intel-rapl:0", "psys", energy_uj=4_000_000)
    finding = rapl.find(tmp_path)
    assert joules(finding) == {"rapl:psys": 4.0}
    assert any("may include the GPU" in note for note in finding.notes)


@pytest.mark.parametrize("msr_uj", [None, 0, "", "garbage"])
def test_the_mmio_view_stands_in_for_a_dead_msr_view(tmp_path: Path, msr_uj: int | str | None) -> None:
    sysfs.cpuinfo(tmp_path)
    sysfs.zone(tmp_path, "intel-rapl:0", "package-0", energy_uj=msr_uj)
    sysfs.zone(tmp_path, "intel-rapl-mmio:0", "package-0", energy_uj=6_000_000)
    finding = rapl.find(tmp_path)
    assert joules(finding) == {"rapl:package-0": 6.0}
    assert finding.sources[0].info.method == "powercap energy_uj (MMIO)"


def test_a_zone_that_cannot_be_read_is_named_beside_the_others(tmp_path: Path) -> None:
    sysfs.cpuinfo(tmp_path, sockets=2)
    sysfs.zone(tmp_path, "intel-rapl:0", "package-0")
    sysfs.zone(tmp_path, "intel-rapl:1", "package-1", energy_uj=None)
    finding = rapl.find(tmp_path)
    assert list(joules(finding)) == ["rapl:package-0"]
    assert any(n.startswith("rapl:package-1: ") and "directory" in n for n in finding.notes)


def test_a_counter_of_unknown_range_is_not_used(tmp_path: Path) -> None:
    sysfs.cpuinfo(tmp_path)
    sysfs.zone(tmp_path, "intel-rapl:0", "package-0", range_uj=None)
    finding = rapl.find(tmp_path)
    assert finding.state == "blocked"
    assert "max_energy_range_uj" in finding.reason


@pytest.mark.parametrize("text", ["", "\n", "garbage", "-5", "nan", "1.5", "0x10"])
def test_a_reading_that_is_no_energy_is_an_error_of_one_line(tmp_path: Path, text: str) -> None:
    sysfs.intel_client(tmp_path)
    meter = rapl.find(tmp_path).sources[0].open()
    (tmp_path / "sys/class/powercap/intel-rapl:1/energy_uj").write_text(text)
    with pytest.raises(MeterError, match="is not an energy in µJ") as error:
        meter.read()
    assert "\n" not in str(error.value)
    meter.close()


def test_a_reading_above_the_counters_range_is_an_error(tmp_path: Path) -> None:
    sysfs.intel_client(tmp_path)
    meter = rapl.find(tmp_path).sources[0].open()
    counter = tmp_path / "sys/class/powercap/intel-rapl:1/energy_uj"
    counter.write_text(f"{sysfs.INTEL_RANGE_UJ}\n")
    assert meter.read() == pytest.approx(262143.32885)
    counter.write_text(f"{sysfs.INTEL_RANGE_UJ + 62}\n")
    with pytest.raises(MeterError, match="above the counter's range"):
        meter.read()
    meter.close()


def test_a_meter_recovers_after_a_failed_reading(tmp_path: Path) -> None:
    sysfs.intel_client(tmp_path)
    meter = rapl.find(tmp_path).sources[0].open()
    counter = tmp_path / "sys/class/powercap/intel-rapl:1/energy_uj"
    counter.write_text("")
    with pytest.raises(MeterError):
        meter.read()
    counter.write_text("8000000\n")
    assert meter.read() == 8.0
    meter.close()


def test_a_zone_that_vanished_cannot_be_opened(tmp_path: Path) -> None:
    sysfs.intel_client(tmp_path)
    source = rapl.find(tmp_path).sources[0]
    sysfs.mask_powercap(tmp_path)
    with pytest.raises(MeterError, match="No such file"):
        source.open()


def test_a_closed_meter_gives_no_reading(tmp_path: Path) -> None:
    sysfs.intel_client(tmp_path)
    meter = rapl.find(tmp_path).sources[0].open()
    meter.close()
    meter.close()
    with pytest.raises(MeterError):
        meter.read()


@pytest.mark.slow
def test_a_counter_that_may_not_be_read_is_blocked_with_the_command_that_opens_it() -> None:
    # Root may read anything, so the search runs in a child that gives root up after its imports.
    script = """
import json, os, sys
from pathlib import Path
from energyprof.measure.meters.rapl import rapl
if os.getuid() == 0:
    os.setuid(65534)
finding = rapl.find(Path(sys.argv[1]))
print(json.dumps([finding.state, finding.reason, finding.remedy]))
"""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to other users
        root = Path(folder)
        root.chmod(0o755)
        sysfs.intel_client(root)
        for counter in root.glob("sys/class/powercap/*/energy_uj"):
            counter.chmod(0o400 if os.getuid() == 0 else 0)
        child = subprocess.run(
            [sys.executable, "-c", script, folder],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            capture_output=True,
            text=True,
            check=True,
        )
    state, reason, remedy = json.loads(child.stdout)
    assert state == "blocked"
    assert "rapl:package-0" in reason and "Permission denied" in reason
    assert remedy.startswith("sudo chmod a+r /sys/class/powercap/intel-rapl*/energy_uj  # until")
    assert "CVE-2020-8694" in remedy
    assert "; or: sudo modprobe rapl && sudo sysctl kernel.perf_event_paranoid=0" in remedy


def test_a_virtual_machine_has_no_counters(tmp_path: Path) -> None:
    sysfs.cpuinfo(tmp_path, virtual=True)
    finding = rapl.find(tmp_path)
    assert finding.state == "absent"
    assert "virtual machine" in finding.reason


def test_a_counter_that_a_hypervisor_shows_but_never_renews_is_no_meter(tmp_path: Path) -> None:
    sysfs.cpuinfo(tmp_path, virtual=True)
    sysfs.zone(tmp_path, "intel-rapl:0", "psys", energy_uj=0)
    finding = rapl.find(tmp_path)
    assert (finding.state, finding.sources) == ("absent", ())
    assert finding.reason == ("a virtual machine: psys left out: shown by the hypervisor, but standing still")


def test_a_counter_that_a_hypervisor_passes_through_is_a_meter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rapl, "ALIVE_S", 60.0)  # it is waited for as long as it takes to move
    powercap = LivePowercap(tmp_path, constant(50))
    sysfs.cpuinfo(tmp_path, virtual=True)
    finding = rapl.find(tmp_path)
    powercap.close()
    assert [source.info.name for source in finding.sources] == ["rapl:package-0"]


def test_a_container_that_masks_powercap_is_blocked_with_the_mounts(tmp_path: Path) -> None:
    sysfs.intel_client(tmp_path)
    sysfs.mask_powercap(tmp_path)
    sysfs.write(tmp_path / ".dockerenv", "")
    finding = rapl.find(tmp_path)
    assert finding.state == "blocked"
    assert "masked in this container (docker)" in finding.reason
    assert "/sys/devices/virtual/powercap" in finding.remedy
    assert "ENERGYPROF_SYSFS_ROOT=/host" in finding.remedy


def test_without_the_driver_the_remedy_loads_it(tmp_path: Path) -> None:
    sysfs.cpuinfo(tmp_path)
    (tmp_path / "sys/class/powercap").mkdir(parents=True)
    finding = rapl.find(tmp_path)
    assert (finding.state, finding.remedy) == ("blocked", "sudo modprobe -a rapl intel_rapl_msr")


def test_without_powercap_it_is_absent(tmp_path: Path) -> None:
    sysfs.cpuinfo(tmp_path)
    finding = rapl.find(tmp_path)
    assert finding.state == "absent"
    assert "no powercap" in finding.reason


def test_an_arm_processor_has_none(tmp_path: Path) -> None:
    sysfs.write(tmp_path / "proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x4e\n")
    finding = rapl.find(tmp_path)
    assert finding.state == "absent"
    assert "only Intel and AMD" in finding.reason


def test_a_zone_without_a_reading_and_a_socket_without_a_zone_are_missing(tmp_path: Path) -> None:
    sysfs.cpuinfo(tmp_path, sockets=3)
    sysfs.zone(tmp_path, "intel-rapl:0", "package-0")
    sysfs.zone(tmp_path, "intel-rapl:1", "package-1", energy_uj=None)
    found = rapl.find(tmp_path)
    assert [source.info.name for source in found.sources] == ["rapl:package-0"]
    zone, socket = found.missing
    assert "package-1" in zone
    assert socket == "3 sockets, but a counter of 2 of them alone: the others are not metered"
    with pytest.raises(MissingPart, match=r"rapl is not whole: .*package-1"):
        select((found,), ["rapl"])


def test_a_zone_that_does_not_say_what_it_counts_is_missing_and_hides_no_other(tmp_path: Path) -> None:
    sysfs.cpuinfo(tmp_path)
    (sysfs.zone(tmp_path, "intel-rapl:0", "package-0") / "name").unlink()
    sysfs.zone(tmp_path, "intel-rapl:0:0", "dram")
    found = rapl.find(tmp_path)
    assert [source.info.name for source in found.sources] == ["rapl:dram-intel-rapl:0:0"]
    (zone,) = found.missing
    assert zone.endswith("intel-rapl:0 does not say what it counts")
