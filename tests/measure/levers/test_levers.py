"""Which levers a machine has, what they read, which values they take, and what they refuse in one line."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from energyprof.errors import MissingPart, UsageError
from energyprof.measure.lever import Lever, LeverError
from energyprof.measure.levers import amd, control_at, cpufreq, find_asked, jetson, powercap, process
from fakes import levers as fakes
from fakes.sysfs import write


def named(levers: tuple[Lever, ...]) -> dict[str, str]:
    """What each lever reads now, as people write it."""
    return {lever.label: lever.values.shown(lever.control.read()) for lever in levers}


def test_a_policy_has_a_governor_and_a_highest_frequency(tmp_path: Path) -> None:
    fakes.cpufreq(tmp_path, policies=(0, 10))
    assert named(cpufreq.find(tmp_path).levers) == {
        "cpu.governor:policy0": "schedutil",
        "cpu.max_freq:policy0": "3.60 GHz",
        "cpu.governor:policy10": "schedutil",
        "cpu.max_freq:policy10": "3.60 GHz",
    }


def test_a_policy_without_online_processors_is_left_out(tmp_path: Path) -> None:
    fakes.cpufreq(tmp_path)
    write(tmp_path / fakes.CPU / "cpufreq/policy1/affected_cpus", "\n")
    assert {lever.device for lever in cpufreq.find(tmp_path).levers} == {"policy0"}


@pytest.mark.parametrize(
    ("file", "text", "shown"),
    [
        ("intel_pstate/no_turbo", "0\n", "on"),
        ("intel_pstate/no_turbo", "1\n", "off"),
        ("cpufreq/boost", "1\n", "on"),
    ],
)
def test_boost_is_on_or_off_whatever_the_driver_calls_it(
    tmp_path: Path, file: str, text: str, shown: str
) -> None:
    write(tmp_path / fakes.CPU / file, text)
    assert named(cpufreq.find(tmp_path).levers) == {"cpu.boost": shown}


def test_of_intel_pstate_powersave_is_said_to_be_the_dynamic_governor(tmp_path: Path) -> None:
    fakes.cpufreq(tmp_path, driver="intel_pstate", governors="performance powersave")
    governor = cpufreq.find(tmp_path).levers[0]
    assert governor.notes == ("with intel_pstate, powersave follows the load",)


def test_turning_a_governor_keeps_the_preference_that_it_sets(tmp_path: Path) -> None:
    fakes.cpufreq(tmp_path, policies=(0,), driver="amd-pstate-epp", governors="performance powersave")
    folder = tmp_path / fakes.CPU / "cpufreq/policy0"
    write(folder / "energy_performance_available_preferences", "performance balance_power power\n")
    write(folder / "energy_performance_preference", "balance_power\n")
    governor, preference = cpufreq.find(tmp_path).levers[:2]
    assert [name for name, _ in governor.also] == [preference.label]
    assert governor.also[0][1].read() == "balance_power"


@pytest.mark.parametrize(
    ("asked", "own"),
    [
        ("cpu.max_freq=2GHz", "2000000"),
        ("cpu.max_freq=2000 MHz", "2000000"),
        ("cpu.max_freq=3.6GHz", "3600000"),
        ("cpu.governor=powersave", "powersave"),
    ],
)
def test_a_value_is_written_in_the_controls_own_words(tmp_path: Path, asked: str, own: str) -> None:
    fakes.cpufreq(tmp_path)
    assert [lever.own(value) for lever, value in find_asked(tmp_path, [asked])] == [own, own]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("cpu.max_freq=2", "with its unit, such as 1.2GHz"),
        ("cpu.max_freq=2W", "with its unit, such as 1.2GHz"),
        ("cpu.max_freq=0.5GHz", "use 800 MHz … 3.60 GHz"),
        ("cpu.max_freq=4GHz", "use 800 MHz … 3.60 GHz"),
        ("cpu.max_freq=-1GHz", "with its unit"),
        ("cpu.max_freq=1e9Hz", "with its unit"),
        ("cpu.governor=turbo", "choose from performance, schedutil, powersave"),
        ("cpu.max_freq", "write NAME=VALUE"),
        ("cpu.max_freq=", "write NAME=VALUE"),
        ("cpu.speed=2GHz", "no lever 'cpu.speed'"),
        ("cpu.threads=0", "1 or more"),
        ("cpu.cores=4096", "name some of"),
        ("cpu.cores=1-0", "name some of"),
    ],
)
def test_what_is_no_value_is_one_line(tmp_path: Path, asked: str, words: str) -> None:
    fakes.cpufreq(tmp_path)
    with pytest.raises(UsageError, match="lever") as error:
        find_asked(tmp_path, [asked])
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_device_is_named_whole_or_by_its_number(tmp_path: Path) -> None:
    fakes.cpufreq(tmp_path)
    for asked in ("cpu.max_freq:policy1=2GHz", "cpu.max_freq:1=2GHz"):
        assert [lever.device for lever, _ in find_asked(tmp_path, [asked])] == ["policy1"]
    with pytest.raises(MissingPart, match="there are policy0, policy1"):
        find_asked(tmp_path, ["cpu.max_freq:policy7=2GHz"])


def test_a_control_is_asked_once(tmp_path: Path) -> None:
    fakes.cpufreq(tmp_path)
    with pytest.raises(UsageError, match=r"cpu\.max_freq:policy1 is asked for twice"):
        find_asked(tmp_path, ["cpu.max_freq=2GHz", "cpu.max_freq:1=3GHz"])


def test_what_is_not_here_is_said_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(MissingPart, match="this kernel offers no cpufreq"):
        find_asked(tmp_path, ["cpu.max_freq=2GHz"])


def test_levers_are_turned_in_the_order_in_which_one_sets_the_other(tmp_path: Path) -> None:
    fakes.cpufreq(tmp_path, policies=(0,))
    fakes.package_limit(tmp_path)
    asked = ["cpu.power_limit=60W", "cpu.max_freq=2GHz", "cpu.governor=performance"]
    assert [lever.name for lever, _ in find_asked(tmp_path, asked)] == [
        "cpu.governor",
        "cpu.max_freq",
        "cpu.power_limit",
    ]


@pytest.mark.parametrize("kind", ["Processor", "cpufreq-cpu0", "thermal-cpufreq-0"])
def test_a_frequency_that_heat_holds_down_is_not_what_was_asked(tmp_path: Path, kind: str) -> None:
    fakes.cpufreq(tmp_path, policies=(0,))
    write(tmp_path / fakes.CPU / "cpufreq/policy0/scaling_max_freq", "1800000\n")
    write(tmp_path / "sys/class/thermal/cooling_device0/type", f"{kind}\n")
    state = write(tmp_path / "sys/class/thermal/cooling_device0/cur_state", "2\n")
    lever = cpufreq.find(tmp_path).levers[-1]
    with pytest.raises(LeverError, match="heat holds it at 1800000 kHz"):
        lever.control.read()
    state.write_text("0\n")
    assert lever.control.read() == "1800000"  # a user's own limit


def test_a_frequency_that_the_firmware_holds_down_is_not_what_was_asked(tmp_path: Path) -> None:
    fakes.cpufreq(tmp_path, policies=(0,))
    write(tmp_path / fakes.CPU / "cpufreq/policy0/scaling_max_freq", "1800000\n")
    write(tmp_path / fakes.CPU / "cpufreq/policy0/bios_limit", "1800000\n")
    with pytest.raises(LeverError, match="the firmware holds it"):
        cpufreq.find(tmp_path).levers[-1].control.read()


def test_of_a_package_the_long_term_limit_is_turned(tmp_path: Path) -> None:
    file = fakes.package_limit(tmp_path, limit_uw=95_000_000)
    (lever,) = powercap.find(tmp_path).levers
    assert named((lever,)) == {"cpu.power_limit:package-0": "95.0 W"}
    assert lever.meter == "rapl:package-0"
    lever.control.write(lever.own("60W"))
    assert file.read_text() == "60000000"


def test_limits_that_are_switched_off_are_said_not_to_bind(tmp_path: Path) -> None:
    file = fakes.package_limit(tmp_path)
    write(file.with_name("enabled"), "0\n")
    assert powercap.find(tmp_path).levers[0].notes == ("its limits are switched off: none binds",)


def test_a_refused_write_is_one_line_with_the_kernels_reason(tmp_path: Path) -> None:
    file = fakes.package_limit(tmp_path)
    file.unlink()
    file.symlink_to("/dev/full")
    with pytest.raises(LeverError, match=r"'60000000' was not taken: No space left on device"):
        powercap.find(tmp_path).levers[0].control.write("60000000")


def test_a_shorter_text_leaves_nothing_of_the_longer_one(tmp_path: Path) -> None:
    file = fakes.package_limit(tmp_path, limit_uw=125_000_000)
    lever = powercap.find(tmp_path).levers[0]
    lever.control.write("9000000")
    assert lever.control.read() == "9000000"
    assert file.read_text() == "9000000"


def card(root: Path, number: int, place: str, cap_uw: int) -> Path:
    """An AMD card with a limit; its folder in hwmon."""
    device = root / "sys/devices/pci0000:00" / place
    folder = device / f"hwmon/hwmon{number}"
    write(folder / "name", "amdgpu\n")
    write(folder / "power1_average", "50000000\n")
    for suffix, value in (("", cap_uw), ("_min", 0), ("_max", 300_000_000)):
        write(folder / f"power1_cap{suffix}", f"{value}\n")
    (folder / "device").symlink_to(device)
    link = root / f"sys/class/hwmon/hwmon{number}"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(folder)
    return folder


def test_a_card_is_found_again_by_its_place_on_the_bus(tmp_path: Path) -> None:
    card(tmp_path, 5, "0000:03:00.0", 203_000_000)
    card(tmp_path, 4, "0000:83:00.0", 225_000_000)
    first, second = amd.find(tmp_path).levers
    assert named((first, second)) == {
        "gpu.power_limit:amdgpu:0": "203 W",
        "gpu.power_limit:amdgpu:1": "225 W",
    }
    assert control_at(first.control.address, tmp_path).read() == "203000000"
    assert control_at(second.control.address, tmp_path).read() == "225000000"


@pytest.mark.parametrize(
    "address",
    [
        "sysfs:etc/passwd",
        "sysfs:sys/../etc/passwd",
        "sysfs:/etc/passwd",
        "cpufreq:sys/devices/system/cpu/cpufreq/../../../../../etc/passwd",
        "sysfs:sys/class/powercap/gone",
        "process:cores",
        "teapot:1",
        "",
    ],
)
def test_a_journals_address_leads_to_no_other_file(tmp_path: Path, address: str) -> None:
    write(tmp_path / "etc/passwd", "root\n")
    with pytest.raises(LeverError):
        control_at(address, tmp_path)


class TestJetson:
    @pytest.fixture(autouse=True)
    def board(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", fakes.on_path(fakes.jetson(tmp_path)))

    def test_a_mode_is_read_past_warnings_and_entered(self, tmp_path: Path) -> None:
        mode, clocks = jetson.find(tmp_path).levers
        assert named((mode, clocks)) == {"jetson.mode": "MODE_15W", "jetson.clocks": "off"}
        mode.control.write(mode.own("MAXN"))
        assert mode.control.read() == "0"

    def test_a_mode_that_a_reboot_enters_is_not_offered_and_not_entered(self, tmp_path: Path) -> None:
        mode = jetson.find(tmp_path).levers[0]
        assert mode.values.range == "MAXN, MODE_15W"
        assert mode.notes == ("MODE_10W only by a reboot",)
        with pytest.raises(LeverError, match="by a reboot only"):
            mode.control.write("1")
        assert mode.control.read() == "2"
        assert not (tmp_path / "rebooted").exists()

    def test_clocks_are_held_and_put_back_to_what_they_were(self, tmp_path: Path) -> None:
        clocks = jetson.find(tmp_path).levers[1]
        before = clocks.control.read()
        clocks.control.write(clocks.own("on"))
        assert clocks.values.shown(clocks.control.read()) == "on"
        clocks.control.write(before)
        assert clocks.control.read() == before

    def test_a_restore_that_fails_and_exits_0_is_an_error(self, tmp_path: Path) -> None:
        clocks = jetson.find(tmp_path).levers[1]
        write(tmp_path / "bin/jetson_clocks", "#!/bin/sh\necho 'Error: Failed to restore'\n")
        with pytest.raises(LeverError, match="Failed to restore"):
            clocks.control.write("/sys/x/scaling_min_freq:1")

    @pytest.mark.slow
    def test_what_a_killed_one_had_begun_ends_before_the_next_begins(self, tmp_path: Path) -> None:
        program = tmp_path / "bin/nvpmodel"
        slow = f"-m) touch {tmp_path}/begun; [ $2 = 0 ] && sleep 0.5; "
        program.write_text(program.read_text().replace("-m) ", slow, 1))
        words = "from energyprof.measure.levers.jetson import PowerMode; PowerMode().write('0')"
        with subprocess.Popen([sys.executable, "-c", words]) as killed:
            while not (tmp_path / "begun").exists():
                time.sleep(0.01)
            killed.kill()
        jetson.PowerMode().write("2")
        assert jetson.PowerMode().read() == "2"
        time.sleep(0.6)
        assert jetson.PowerMode().read() == "2"

    def test_without_its_programs_it_says_which_are_missing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", "")
        finding = jetson.find(tmp_path)
        assert finding.levers == ()
        assert finding.reason == "nvpmodel, jetson_clocks not on the PATH"


def test_threads_and_cores_are_what_a_program_inherits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in process.THREADS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    threads, cores = process.find(tmp_path).levers
    before = threads.control.read(), cores.control.read()
    assert threads.values.shown(before[0]) == "3"
    threads.control.write(threads.own("1"))
    assert threads.values.shown(threads.control.read()) == "1"
    threads.control.write(before[0])
    assert (threads.control.read(), cores.control.read()) == before
