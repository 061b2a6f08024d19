"""Builds the parts of ``/sys`` and ``/proc`` that the readers look at, in a plain directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# Seen on machines: an Intel package (61 µJ a unit), an Intel server's DRAM and AMD (15.3 µJ).
INTEL_RANGE_UJ = 262143328850
DRAM_RANGE_UJ = 65712999613
AMD_RANGE_UJ = 65532610987

INTEL, AMD = "GenuineIntel", "AuthenticAMD"


def write(path: Path, text: str) -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def cpuinfo(
    root: Path,
    vendor: str = INTEL,
    model: str = "Fake CPU @ 3.00GHz",
    sockets: int = 1,
    cores: int = 2,
    threads_per_core: int = 2,
    virtual: bool = False,
) -> None:
    """``/proc/cpuinfo`` as x86 has it; ``cores`` are those of one socket."""
    flags = "fpu vme sse2" + (" hypervisor" if virtual else "")
    places = [
        (socket, core) for _ in range(threads_per_core) for socket in range(sockets) for core in range(cores)
    ]
    blocks = [
        f"processor\t: {number}\nvendor_id\t: {vendor}\nmodel name\t: {model}\n"
        f"physical id\t: {socket}\ncore id\t\t: {core}\nflags\t\t: {flags}\n"
        for number, (socket, core) in enumerate(places)
    ]
    write(root / "proc/cpuinfo", "\n".join(blocks) + "\n")


def zone(
    root: Path,
    entry: str,
    name: str,
    energy_uj: int | str | None = 1_000_000,
    range_uj: int | None = INTEL_RANGE_UJ,
    constraints: Mapping[str, int] | None = None,
) -> Path:
    """A powercap zone: the directory in ``/sys/devices`` and the link to it in ``/sys/class``.

    ``entry`` is its name there, "intel-rapl:0:1"; ``energy_uj=None`` makes the counter fail with
    EISDIR when it is opened for reading; ``constraints`` are file names with their values.
    """
    control, *numbers = entry.split(":")
    folder = root / "sys/devices/virtual/powercap" / control
    for depth in range(len(numbers)):
        folder = folder / ":".join([control, *numbers[: depth + 1]])
    write(folder / "name", name + "\n")
    if energy_uj is None:
        (folder / "energy_uj").mkdir()
    else:
        write(folder / "energy_uj", f"{energy_uj}\n")
    if range_uj is not None:
        write(folder / "max_energy_range_uj", f"{range_uj}\n")
    for file, value in (constraints or {}).items():
        write(folder / file, f"{value}\n")
    link = root / "sys/class/powercap" / entry
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(folder)
    return folder


def mask_powercap(root: Path) -> None:
    """What Docker does: the links stay, the directories they lead to are covered."""
    (root / "sys/devices/virtual/powercap").rename(root / "covered")


def intel_client(root: Path) -> None:
    """A laptop: psys first, a package with core and uncore, and its second view over MMIO."""
    cpuinfo(root)
    zone(root, "intel-rapl:0", "psys", energy_uj=9_000_000)
    zone(root, "intel-rapl:1", "package-0", energy_uj=5_000_000)
    zone(root, "intel-rapl:1:0", "core", energy_uj=3_000_000)
    zone(root, "intel-rapl:1:1", "uncore", energy_uj=1_000_000)
    zone(root, "intel-rapl-mmio:0", "package-0", energy_uj=5_000_001)


def intel_server(root: Path) -> None:
    """Two sockets of six dies, numbered out of order past ten, with memory under each."""
    cpuinfo(root, sockets=2, cores=24)
    dies = [(package, die) for package in (1, 0) for die in (5, 0, 3, 1, 4, 2)]
    for number, (package, die) in enumerate(dies):
        joules = 100 + 10 * package + die
        zone(root, f"intel-rapl:{number}", f"package-{package}-die-{die}", energy_uj=joules * 10**6)
        zone(
            root,
            f"intel-rapl:{number}:0",
            "dram",
            energy_uj=(joules + 100) * 10**6,
            range_uj=DRAM_RANGE_UJ,
        )


def amd(root: Path) -> None:
    """An EPYC: a package, and a core domain that cannot be believed."""
    cpuinfo(root, vendor=AMD)
    zone(root, "intel-rapl:0", "package-0", energy_uj=7_000_000, range_uj=AMD_RANGE_UJ)
    zone(root, "intel-rapl:0:0", "core", energy_uj=70_000_000, range_uj=AMD_RANGE_UJ)


def stat(root: Path, busy_s: float, idle_s: float, threads: int = 2, hz: int = 100) -> Path:
    """``/proc/stat`` with the given thread-seconds; every kind of busy time gets a fifth."""
    fifth = round(busy_s * hz / 5)
    third = round(idle_s * hz / 3)
    # user nice system idle iowait irq softirq steal guest guest_nice
    counters = [fifth, fifth, fifth, third, third, fifth, fifth, third, fifth, fifth]
    lines = ["cpu  " + " ".join(map(str, counters))]
    lines += [f"cpu{number} " + "0 " * 9 + "0" for number in range(threads)]
    return write(root / "proc/stat", "\n".join([*lines, "ctxt 1", "btime 2"]) + "\n")
