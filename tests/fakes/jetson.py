"""Jetson boards as plain directory trees: rails, device tree, release, processors, clocks, power modes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fakes import sysfs
from fakes.sysfs import write
from fakes.waveform import Waveform


@dataclass(frozen=True)
class Rail:
    """One channel at work: its shunt is in µΩ, and "" as its label makes a channel without one."""

    label: str
    voltage_mv: int
    current_ma: int
    shunt_uohm: int = 5000

    @property
    def watts(self) -> float:
        return self.voltage_mv * self.current_ma / 1e6


NC = Rail("NC", 0, 0)

# I2C address: its three channels.
Chips = Mapping[str, Sequence[Rail]]

XAVIER: Chips = {
    "1-0040": (Rail("GPU", 19000, 200), Rail("CPU", 19000, 100), Rail("SOC", 19000, 150)),
    "1-0041": (Rail("CV", 19000, 0), Rail("VDDRQ", 19000, 50), Rail("SYS5V", 5000, 600)),
}
AGX_ORIN: Chips = {
    "1-0040": (
        Rail("VDD_GPU_SOC", 19000, 400, 2000),
        Rail("VDD_CPU_CV", 19000, 100, 2000),
        Rail("VIN_SYS_5V0", 5000, 1000, 2000),
    ),
    "1-0041": (NC, Rail("VDDQ_VDD2_1V8AO", 5000, 200, 2000), NC),
}
ONE_INPUT: Chips = {
    "1-0040": (Rail("VDD_IN", 5000, 2000), Rail("VDD_CPU_GPU_CV", 5000, 800), Rail("VDD_SOC", 5000, 400))
}
NANO: Chips = {
    "6-0040": (Rail("POM_5V_IN", 5000, 1000), Rail("POM_5V_GPU", 5000, 200), Rail("POM_5V_CPU", 5000, 300))
}
TX2: Chips = {
    "0-0040": (
        Rail("VDD_SYS_GPU", 19000, 100),
        Rail("VDD_SYS_SOC", 19000, 50),
        Rail("VDD_4V0_WIFI", 4000, 0),
    ),
    "0-0041": (
        Rail("VDD_IN", 19000, 400),
        Rail("VDD_SYS_CPU", 19000, 50),
        Rail("VDD_SYS_DDR", 19000, 60),
    ),
    "0-0042": (
        Rail("VDD_MUX", 19000, 600),
        Rail("VDD_5V0_IO_SYS", 5000, 300),
        Rail("VDD_3V3_SYS", 3300, 100),
    ),
}


def xavier_jetpack4(root: Path) -> None:
    """An AGX Xavier with L4T R32: six rails that lie side by side, by the IIO driver."""
    iio(root, XAVIER)
    board(root, "Jetson-AGX", "nvidia,p2972-0000", "nvidia,tegra194", release="R32", revision="7.4", cores=8)
    clocks(root, "17000000.gv11b", cores=8)
    nvpmodel(root, {0: "MAXN", 1: "MODE_10W", 2: "MODE_15W"}, mode=2)


def xavier_jetpack5(root: Path) -> None:
    """The same board with L4T R35: the rails by hwmon."""
    hwmon(root, XAVIER)
    model = "NVIDIA Jetson AGX Xavier Developer Kit"
    board(root, model, "nvidia,p2972-0000", "nvidia,tegra194", release="R35", revision="4.1", cores=8)
    clocks(root, "17000000.gv11b", cores=8)
    nvpmodel(root, {0: "MAXN", 3: "MODE_30W_ALL"}, mode=3)


def orin(root: Path) -> None:
    """An AGX Orin: three rails that add up, and the memory's, which may lie within one of them."""
    hwmon(root, AGX_ORIN)
    names = ("nvidia,p3737-0000+p3701-0005", "nvidia,p3701-0005", "nvidia,tegra234")
    model = "NVIDIA Jetson AGX Orin Developer Kit"
    board(root, model, *names, release="R35", revision="4.1", cores=12)
    clocks(root, "17000000.ga10b", cores=12)
    nvpmodel(root, {0: "MAXN", 1: "MODE_15W", 2: "MODE_30W", 3: "MODE_50W"}, mode=2)


def orin_nx(root: Path) -> None:
    """An Orin NX: VDD_IN is the module."""
    hwmon(root, ONE_INPUT)
    names = ("nvidia,p3768-0000+p3767-0000", "nvidia,p3767-0000", "nvidia,tegra234")
    model = "NVIDIA Jetson Orin NX Engineering Reference Developer Kit"
    board(root, model, *names, release="R36", revision="4.3", cores=8)
    clocks(root, "17000000.gpu", cores=8)
    nvpmodel(root, {0: "MAXN", 1: "10W", 2: "15W", 3: "25W"}, mode=3)


def xavier_nx(root: Path) -> None:
    """A Xavier NX with L4T R32."""
    iio(root, {"7-0040": ONE_INPUT["1-0040"]})
    names = ("nvidia,p3509-0000+p3668-0000", "nvidia,tegra194")
    model = "NVIDIA Jetson Xavier NX Developer Kit"
    board(root, model, *names, release="R32", revision="7.4", cores=6)
    clocks(root, "17000000.gv11b", cores=6)
    nvpmodel(root, {0: "MODE_15W_2CORE", 2: "MODE_15W_6CORE"}, mode=2)


def nano(root: Path) -> None:
    """A Nano with L4T R32: POM_5V_IN is the module."""
    iio(root, NANO)
    names = ("nvidia,p3449-0000-b00+p3448-0000-b00", "nvidia,jetson-nano", "nvidia,tegra210")
    model = "NVIDIA Jetson Nano Developer Kit"
    board(root, model, *names, release="R32", revision="7.4", cores=4)
    clocks(root, "57000000.gpu", cores=4)
    nvpmodel(root, {0: "MAXN", 1: "5W"}, mode=0)


def tx2(root: Path) -> None:
    """A TX2 on its developer kit, whose carrier has rails of its own."""
    iio(root, TX2)
    board(root, "quill", "nvidia,quill", "nvidia,p2597-0000+p3310-1000", "nvidia,tegra186",
          release="R32", revision="7.4", cores=6)  # fmt: skip
    clocks(root, "17000000.gp10b", cores=6)
    nvpmodel(root, {0: "MAXN", 1: "MAXQ", 3: "MAXP_CORE_ARM"}, mode=3)


TREES = {
    "xavier_jetpack4": xavier_jetpack4,
    "xavier_jetpack5": xavier_jetpack5,
    "orin": orin,
    "orin_nx": orin_nx,
    "xavier_nx": xavier_nx,
    "nano": nano,
    "tx2": tx2,
}


def iio(root: Path, chips: Chips) -> None:
    """The rails as JetPack 4's driver ina3221x shows them."""
    for number, (chip, rails) in enumerate(chips.items()):
        folder = _device(root, "ina3221x", chip) / f"iio:device{number}"
        for channel, rail in enumerate(rails):
            write(folder / f"rail_name_{channel}", rail.label + "\n")
            write(folder / f"in_voltage{channel}_input", f"{rail.voltage_mv}\n")
            write(folder / f"in_current{channel}_input", f"{rail.current_ma}\n")
            write(folder / f"in_power{channel}_input", f"{rail.voltage_mv * rail.current_ma // 1000}\n")
            write(folder / f"crit_current_limit_{channel}", "32760 ma\n")


def hwmon(root: Path, chips: Chips, update_ms: int = 7) -> None:
    """The rails as the mainline driver ina3221 shows them; a channel "NC" is switched off."""
    for number, (chip, rails) in enumerate(chips.items()):
        folder = _device(root, "ina3221", chip) / f"hwmon/hwmon{number + 3}"
        write(folder / "name", "ina3221\n")
        write(folder / "update_interval", f"{update_ms}\n")
        write(folder / "samples", "1\n")
        for channel, rail in enumerate(rails, 1):
            write(folder / f"in{channel}_label", rail.label + "\n")
            write(folder / f"in{channel}_enable", f"{int(rail is not NC)}\n")
            write(folder / f"in{channel}_input", f"{rail.voltage_mv}\n")
            write(folder / f"curr{channel}_input", f"{rail.current_ma}\n")
            write(folder / f"curr{channel}_crit", "32760\n")
            write(folder / f"shunt{channel}_resistor", f"{rail.shunt_uohm}\n")
            write(folder / f"in{channel + 3}_input", f"{rail.current_ma * rail.shunt_uohm // 1000}\n")
        write(folder / "in7_label", "sum of shunt voltages\n")
        write(folder / "in7_input", "1000\n")


def _device(root: Path, driver: str, chip: str) -> Path:
    """The folder of a chip, and the driver's link to it."""
    folder = root / "sys/devices/3160000.i2c" / f"i2c-{chip[0]}" / chip
    folder.mkdir(parents=True)
    link = root / "sys/bus/i2c/drivers" / driver / chip
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(folder)
    write(link.parent / "uevent", "")
    return folder


def board(root: Path, model: str, *compatible: str, release: str, revision: str, cores: int) -> None:
    """What any Jetson has besides its rails."""
    tree = root / "sys/firmware/devicetree/base"
    write(tree / "model", model + "\0")
    write(tree / "compatible", "".join(f"{name}\0" for name in compatible))
    (root / "proc").mkdir(parents=True, exist_ok=True)
    (root / "proc/device-tree").symlink_to(tree)
    write(
        root / "etc/nv_tegra_release",
        f"# {release} (release), REVISION: {revision}, GCID: 33958178, BOARD: t186ref, EABI: aarch64\n",
    )
    write(root / "etc/os-release", 'PRETTY_NAME="Ubuntu 20.04.6 LTS"\n')
    blocks = [
        f"processor\t: {number}\nBogoMIPS\t: 62.50\nFeatures\t: fp asimd evtstrm aes\n"
        f"CPU implementer\t: 0x4e\nCPU architecture: 8\nCPU part\t: 0x004\n"
        for number in range(cores)
    ]
    write(root / "proc/cpuinfo", "\n".join(blocks) + "\n")
    write(root / "proc/meminfo", "MemTotal:       32692948 kB\nMemFree:        30000000 kB\n")
    sysfs.stat(root, 100, 1000, threads=cores)
    for number in range(cores):
        topology = root / f"sys/devices/system/cpu/cpu{number}/topology"
        write(topology / "physical_package_id", "0\n")
        write(topology / "cluster_id", f"{number // 2}\n")
        write(topology / "core_id", f"{number % 2}\n")


def clocks(root: Path, gpu: str, cores: int, held: bool = False) -> None:
    """The frequencies of cores and GPU; ``held``: as jetson_clocks leaves them."""
    for number in range(cores):
        frequencies = root / f"sys/devices/system/cpu/cpu{number}/cpufreq"
        write(frequencies / "scaling_governor", "schedutil\n")
        write(frequencies / "scaling_min_freq", "2265600\n" if held else "115200\n")
        write(frequencies / "scaling_max_freq", "2265600\n")
    folder = root / "sys/class/devfreq" / gpu
    write(folder / "min_freq", "1377000000\n" if held else "114750000\n")
    write(folder / "max_freq", "1377000000\n")
    write(root / "sys/class/devfreq/15340000.vic/min_freq", "115200000\n")
    write(root / "sys/class/devfreq/15340000.vic/max_freq", "1036800000\n")


def nvpmodel(root: Path, modes: Mapping[int, str], mode: int) -> None:
    """The modes in the board's file, the absolute link to it, and which of them is set."""
    lines = [
        f"< POWER_MODEL ID={number} NAME={name} >\nCPU_ONLINE CORE_0 1\n" for number, name in modes.items()
    ]
    write(root / "etc/nvpmodel/nvpmodel_board.conf", "\n".join([*lines, "< PM_CONFIG DEFAULT=0 >\n"]))
    (root / "etc/nvpmodel.conf").symlink_to("/etc/nvpmodel/nvpmodel_board.conf")
    write(root / "var/lib/nvpmodel/status", f"pmode:{mode:04d} fmode:quiet\n")


class LiveRails:
    """Lets the rails of a tree follow a waveform in real time: all of it on the rails named, shared equally.

    The steps of the chip are kept: a current is a whole number of mA.
    """

    def __init__(self, root: Path, wave: Waveform, labels: Sequence[str], renew_s: float = 0.005) -> None:
        self._wave, self._renew_s = wave, renew_s
        self._rails = [(path, _voltage_mv(path)) for label in labels for path in [_label_file(root, label)]]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the rails where they are."""
        self._ended.set()
        self._thread.join()

    def _renew(self) -> None:
        with contextlib.ExitStack() as stack:
            files = []
            for path, voltage_mv in self._rails:
                power, current = _reading_files(path)
                if power.exists():
                    files.append((stack.enter_context(open(power, "r+b", buffering=0)), 1000.0))
                files.append((stack.enter_context(open(current, "r+b", buffering=0)), 1e6 / voltage_mv))
            while not self._ended.wait(self._renew_s):
                watts = self._wave.power_w(time.monotonic()) / len(self._rails)
                for file, per_watt in files:
                    file.seek(0)
                    # One width and one write: a reader never meets half a number.
                    file.write(b"%8d\n" % round(watts * per_watt))


def _label_file(root: Path, label: str) -> Path:
    drivers = root / "sys/bus/i2c/drivers"
    paths = [*drivers.glob("*/*/iio:device*/rail_name_*"), *drivers.glob("*/*/hwmon/hwmon*/in?_label")]
    return next(path for path in paths if path.read_text().strip() == label)


def _voltage_mv(label: Path) -> int:
    channel = label.name.removeprefix("rail_name_")
    name = label.name.replace("label", "input") if label.name == channel else f"in_voltage{channel}_input"
    return int((label.parent / name).read_text())


def _reading_files(label: Path) -> tuple[Path, Path]:
    """Its power (hwmon has none) and its current."""
    if label.name.startswith("rail_name_"):
        channel = label.name[-1]
        return label.parent / f"in_power{channel}_input", label.parent / f"in_current{channel}_input"
    return label.parent / "no_power", label.parent / f"curr{label.name[2]}_input"
