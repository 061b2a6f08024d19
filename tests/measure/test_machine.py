"""What the machine is, on fake trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from energyprof.measure import machine
from fakes import jetson as boards
from fakes import sysfs

A100 = {"name": "NVIDIA A100", "uuid": "GPU-1", "memory_bytes": 80 << 30, "driver": "550"}


def server(root: Path) -> None:
    sysfs.cpuinfo(root, model="Fake  Xeon @ 3.00GHz", sockets=2, cores=4, threads_per_core=2)
    sysfs.write(root / "proc/meminfo", "MemTotal:       65900000 kB\nMemFree: 1 kB\n")
    sysfs.write(root / "etc/os-release", 'NAME="Fake"\nPRETTY_NAME="Fake Linux 12 (worm)"\n')


def test_the_facts_of_a_server(tmp_path: Path) -> None:
    server(tmp_path)
    facts = machine.describe(tmp_path, gpus=[A100])
    assert facts["cpu"] == "Fake Xeon @ 3.00GHz"
    assert (facts["sockets"], facts["cores"], facts["threads"]) == (2, 8, 16)
    assert facts["memory_bytes"] == 65900000 * 1024
    assert facts["system"] == "Fake Linux 12 (worm)"
    assert facts["gpus"] == [A100]
    for name in ("virtual", "container", "jetson", "governor", "on_battery"):
        assert facts[name] is None


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({}, "unknown"),
        ({"sys/class/dmi/id/sys_vendor": "QEMU"}, "qemu"),
        ({"sys/class/dmi/id/sys_vendor": "VMware, Inc."}, "vmware"),
        (
            {
                "sys/class/dmi/id/sys_vendor": "Microsoft Corporation",
                "sys/class/dmi/id/product_name": "Virtual Machine",
            },
            "hyper-v",
        ),
        ({"sys/class/dmi/id/sys_vendor": "Amazon EC2"}, "nitro"),
        ({"sys/hypervisor/type": "xen\n"}, "xen"),
    ],
)
def test_a_virtual_machine_is_known_by_its_flag_and_named_by_its_firmware(
    tmp_path: Path, files: dict[str, str], name: str
) -> None:
    sysfs.cpuinfo(tmp_path, virtual=True)
    for path, text in files.items():
        sysfs.write(tmp_path / path, text)
    assert machine.hypervisor(tmp_path) == name


def test_bare_metal_of_a_cloud_is_no_virtual_machine(tmp_path: Path) -> None:
    sysfs.cpuinfo(tmp_path)
    sysfs.write(tmp_path / "sys/class/dmi/id/sys_vendor", "Amazon EC2")
    assert machine.hypervisor(tmp_path) is None


@pytest.mark.parametrize(
    ("product", "name"), [("c7g.large", "nitro"), ("c7g.metal", None), ("Altra Server", None)]
)
def test_an_arm_guest_is_known_by_its_firmware_alone(tmp_path: Path, product: str, name: str | None) -> None:
    sysfs.write(tmp_path / "proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd\n")
    vendor = "Ampere" if "Server" in product else "Amazon EC2"
    sysfs.write(tmp_path / "sys/class/dmi/id/sys_vendor", vendor)
    sysfs.write(tmp_path / "sys/class/dmi/id/product_name", product)
    assert machine.hypervisor(tmp_path) == name


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        (".dockerenv", "", "docker"),
        ("run/.containerenv", "", "podman"),
        ("proc/1/cgroup", "0::/docker/abc\n", "docker"),
        ("proc/self/cgroup", "0::/kubepods/besteffort/pod1\n", "kubernetes"),
        ("proc/1/cgroup", "0::/init.scope\n", None),
        ("run/systemd/container", "systemd-nspawn\n", "systemd-nspawn"),
    ],
)
def test_a_container_is_named(tmp_path: Path, path: str, text: str, name: str | None) -> None:
    sysfs.write(tmp_path / path, text)
    assert machine.container(tmp_path) == name


def test_a_jetson_is_named_with_its_release(tmp_path: Path) -> None:
    sysfs.write(tmp_path / "proc/device-tree/model", "NVIDIA Jetson AGX Xavier Developer Kit\0")
    sysfs.write(tmp_path / "etc/nv_tegra_release", "# R35 (release), REVISION: 4.1, GCID: 33958178\n")
    sysfs.write(tmp_path / "proc/cpuinfo", "processor\t: 0\n\nprocessor\t: 1\n")
    for cpu in (0, 1):
        topology = tmp_path / f"sys/devices/system/cpu/cpu{cpu}/topology"
        sysfs.write(topology / "physical_package_id", "0\n")
        sysfs.write(topology / "cluster_id", f"{cpu}\n")
        sysfs.write(topology / "core_id", "0\n")
    facts = machine.describe(tmp_path)
    assert facts["jetson"] == "NVIDIA Jetson AGX Xavier Developer Kit, L4T R35.4.1"
    assert facts["cpu"] == "NVIDIA Jetson AGX Xavier Developer Kit"
    assert (facts["sockets"], facts["cores"], facts["threads"]) == (1, 2, 2)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("xavier_jetpack4", "MODE_15W"),
        ("xavier_jetpack5", "MODE_30W_ALL"),
        ("nano", "MAXN"),
        ("orin_nx", "25W"),
    ],
)
def test_a_jetson_tells_its_power_mode_by_name(tmp_path: Path, name: str, mode: str) -> None:
    boards.TREES[name](tmp_path)
    assert machine.describe(tmp_path)["power_mode"] == mode


@pytest.mark.parametrize(
    ("status", "conf", "mode"),
    [
        ("pmode:0002 fmode:cool\n", None, "2"),
        ("pmode:0007\n", "< POWER_MODEL ID=0 NAME=MAXN >\n", "7"),
        ("pmode:0010\n", "< POWER_MODEL ID=1 NAME=A >\n<POWER_MODEL ID=10 NAME=B>\n", "B"),
        ("garbage\n", "< POWER_MODEL ID=0 NAME=MAXN >\n", None),
        (None, "< POWER_MODEL ID=0 NAME=MAXN >\n< PM_CONFIG DEFAULT=0 >\n", None),
    ],
)
def test_a_power_mode_without_a_name_has_its_number(
    tmp_path: Path, status: str | None, conf: str | None, mode: str | None
) -> None:
    sysfs.write(tmp_path / "proc/device-tree/model", "NVIDIA Jetson Nano\0")
    if status is not None:
        sysfs.write(tmp_path / "var/lib/nvpmodel/status", status)
    if conf is not None:
        sysfs.write(tmp_path / "etc/nvpmodel.conf", conf)
    assert machine.describe(tmp_path)["power_mode"] == mode


@pytest.mark.parametrize(
    ("target", "inside"),
    [("/etc/nvpmodel/x.conf", "etc/nvpmodel/x.conf"), ("nvpmodel/x.conf", "etc/nvpmodel/x.conf")],
)
def test_the_file_of_power_modes_is_looked_for_below_the_root(
    tmp_path: Path, target: str, inside: str
) -> None:
    sysfs.write(tmp_path / "proc/device-tree/model", "NVIDIA Jetson Nano\0")
    sysfs.write(tmp_path / "var/lib/nvpmodel/status", "pmode:0000\n")
    sysfs.write(tmp_path / "etc/nvpmodel/x.conf", "< POWER_MODEL ID=0 NAME=MAXN >\n")
    (tmp_path / "etc/nvpmodel.conf").symlink_to(target)
    assert machine.describe(tmp_path)["power_mode"] == "MAXN"


@pytest.mark.parametrize(
    "gpu", ["57000000.gpu", "17000000.gp10b", "17000000.gv11b", "17000000.ga10b", "gpu-gpc-0"]
)
@pytest.mark.parametrize(("held", "state"), [(True, "on"), (False, "off")])
def test_clocks_are_held_where_the_lowest_is_the_highest(
    tmp_path: Path, gpu: str, held: bool, state: str
) -> None:
    sysfs.write(tmp_path / "proc/device-tree/model", "NVIDIA Jetson Nano\0")
    boards.clocks(tmp_path, gpu, cores=2, held=held)
    assert machine.describe(tmp_path)["jetson_clocks"] == state


@pytest.mark.parametrize(
    ("path", "text", "state"),
    [
        ("sys/devices/system/cpu/cpu1/cpufreq/scaling_min_freq", "115200\n", "off"),
        ("sys/class/devfreq/57000000.gpu/min_freq", "1\n", "off"),
        ("sys/devices/system/cpu/cpu1/cpufreq/scaling_min_freq", "", None),
        ("sys/class/devfreq/57000000.gpu/max_freq", "", None),
    ],
)
def test_one_free_clock_is_off_and_one_unknown_is_not_known(
    tmp_path: Path, path: str, text: str, state: str | None
) -> None:
    sysfs.write(tmp_path / "proc/device-tree/model", "NVIDIA Jetson Nano\0")
    boards.clocks(tmp_path, "57000000.gpu", cores=2, held=True)
    (tmp_path / path).write_text(text)
    assert machine.describe(tmp_path)["jetson_clocks"] == state


def test_power_mode_and_clocks_are_a_jetsons_and_not_part_of_what_it_is(tmp_path: Path) -> None:
    boards.clocks(tmp_path, "57000000.gpu", cores=2, held=True)
    facts = machine.describe(tmp_path)
    assert (facts["power_mode"], facts["jetson_clocks"]) == (None, None)
    sysfs.write(tmp_path / "proc/device-tree/model", "NVIDIA Jetson Nano\0")
    again = machine.describe(tmp_path)
    assert again["jetson_clocks"] is not None and again["id"] == facts["id"]


@pytest.mark.parametrize(
    ("governors", "expected"),
    [([], None), (["performance"] * 2, "performance"), (["powersave", "ondemand"], "ondemand,powersave")],
)  # fmt: skip
def test_the_governor_of_all_cores(tmp_path: Path, governors: list[str], expected: str | None) -> None:
    for cpu, name in enumerate(governors):
        path = f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor"
        sysfs.write(tmp_path / path, name + "\n")
    assert machine.describe(tmp_path)["governor"] == expected


@pytest.mark.parametrize(
    ("supplies", "on_battery"),
    [
        ({}, None),
        ({"AC": ("Mains", "0", ""), "BAT0": ("Battery", "", "Discharging")}, True),
        ({"AC": ("Mains", "1", ""), "BAT0": ("Battery", "", "Charging")}, False),
        ({"AC": ("Mains", "1", ""), "BAT0": ("Battery", "", "Discharging")}, False),
        ({"BAT0": ("Battery", "", "Full")}, False),
    ],
)
def test_a_laptop_tells_whether_it_runs_on_its_battery(
    tmp_path: Path, supplies: dict[str, tuple[str, str, str]], on_battery: bool | None
) -> None:
    for name, (kind, online, status) in supplies.items():
        folder = tmp_path / "sys/class/power_supply" / name
        sysfs.write(folder / "type", kind + "\n")
        sysfs.write(folder / "online", online + "\n")
        sysfs.write(folder / "status", status + "\n")
    assert machine.describe(tmp_path)["on_battery"] == on_battery


def test_a_mouse_is_not_the_machines_battery(tmp_path: Path) -> None:
    folder = tmp_path / "sys/class/power_supply/hidpp_battery_0"
    for name, text in (("type", "Battery"), ("scope", "Device"), ("status", "Discharging")):
        sysfs.write(folder / name, text + "\n")
    assert machine.describe(tmp_path)["on_battery"] is None


def test_an_empty_root_still_gives_a_description(tmp_path: Path) -> None:
    facts = machine.describe(tmp_path)
    assert facts["sockets"] is None
    assert facts["threads"] >= 1
