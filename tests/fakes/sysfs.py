"""Builds the parts of ``/sys`` and ``/proc`` that the readers look at, in a plain directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

# Seen on machines: an Intel package (61 µJ a unit), an Intel server's DRAM and AMD (15.3 µJ).
INTEL_RANGE_UJ = 262143328850
DRAM_RANGE_UJ = 65712999613
AMD_RANGE_UJ = 65532610987

INTEL, AMD = "GenuineIntel", "AuthenticAMD"

# The type of the PMU `power`: a number that no machine that runs these tests has for a PMU of its own.
PERF_TYPE = 4242
# The events as Linux numbers them (arch/x86/events/rapl.c), and what a count is worth: 2^-32 J.
PERF_EVENTS = {"energy-cores": 1, "energy-pkg": 2, "energy-ram": 3, "energy-gpu": 4, "energy-psys": 5}
PERF_SCALE = "2.3283064365386962890625e-10"


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
    number: int = 85,
) -> None:
    """``/proc/cpuinfo`` as x86 has it, of family 6 and this model; ``cores`` are those of one socket."""
    flags = "fpu vme sse2" + (" hypervisor" if virtual else "")
    places = [
        (socket, core) for _ in range(threads_per_core) for socket in range(sockets) for core in range(cores)
    ]
    blocks = [
        f"processor\t: {thread}\nvendor_id\t: {vendor}\ncpu family\t: 6\n"
        f"model\t\t: {number}\nmodel name\t: {model}\n"
        f"physical id\t: {socket}\ncore id\t\t: {core}\nflags\t\t: {flags}\n"
        for thread, (socket, core) in enumerate(places)
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
    """Two sockets of six dies, numbered out of order past ten (0 to b), with memory under each."""
    cpuinfo(root, sockets=2, cores=24)
    dies = [(package, die) for package in (1, 0) for die in (5, 0, 3, 1, 4, 2)]
    for number, (package, die) in enumerate(dies):
        joules = 100 + 10 * package + die
        zone(root, f"intel-rapl:{number:x}", f"package-{package}-die-{die}", energy_uj=joules * 10**6)
        zone(
            root,
            f"intel-rapl:{number:x}:0",
            "dram",
            energy_uj=(joules + 100) * 10**6,
            range_uj=DRAM_RANGE_UJ,
        )


def amd(root: Path) -> None:
    """An EPYC: a package, and a core domain that cannot be believed."""
    cpuinfo(root, vendor=AMD)
    zone(root, "intel-rapl:0", "package-0", energy_uj=7_000_000, range_uj=AMD_RANGE_UJ)
    zone(root, "intel-rapl:0:0", "core", energy_uj=70_000_000, range_uj=AMD_RANGE_UJ)


def perf_pmu(
    root: Path,
    events: Sequence[str],
    places: Mapping[int, tuple[int, int]],
    cpumask: str = "",
    scale: str = PERF_SCALE,
    unit: str = "Joules",
) -> Path:
    """The PMU ``power`` with these events on these CPUs, each in its (package, die)."""
    pmu = root / "sys/bus/event_source/devices/power"
    write(pmu / "type", f"{PERF_TYPE}\n")
    write(pmu / "cpumask", (cpumask or ",".join(map(str, places))) + "\n")
    for event in events:
        write(pmu / "events" / event, f"event={PERF_EVENTS[event]:#04x}\n")
        write(pmu / "events" / f"{event}.scale", f"{scale}\n")
        write(pmu / "events" / f"{event}.unit", f"{unit}\n")
    for cpu, (package, die) in places.items():
        topology = root / f"sys/devices/system/cpu/cpu{cpu}/topology"
        write(topology / "physical_package_id", f"{package}\n")
        write(topology / "die_id", f"{die}\n")
    return pmu


def perf_client(root: Path) -> None:
    """The PMU of the laptop of ``intel_client``."""
    cpuinfo(root)
    perf_pmu(root, ["energy-cores", "energy-pkg", "energy-gpu", "energy-psys"], {0: (0, 0)})


def perf_sockets(root: Path) -> None:
    """A server of two sockets, one die each, with memory: one CPU of each socket counts."""
    cpuinfo(root, sockets=2, cores=12)
    perf_pmu(root, ["energy-cores", "energy-pkg", "energy-ram"], {0: (0, 0), 12: (1, 0)})


def perf_server(root: Path) -> None:
    """The PMU of the server of ``intel_server``: two sockets of six dies, a CPU of each."""
    cpuinfo(root, sockets=2, cores=24)
    places = {6 * package + die: (package, die) for package in (0, 1) for die in range(6)}
    perf_pmu(root, ["energy-cores", "energy-pkg", "energy-ram"], places, cpumask="0-5,6-11")


def perf_amd(root: Path) -> None:
    """The PMU of the EPYC of ``amd``."""
    cpuinfo(root, vendor=AMD)
    perf_pmu(root, ["energy-pkg"], {0: (0, 0)})


def perf_amd_of_linux_6_10(root: Path) -> None:
    """An EPYC of twelve core complexes, which this kernel takes for dies: one counter, twelve times."""
    cpuinfo(root, vendor=AMD, cores=96)
    perf_pmu(root, ["energy-pkg"], {8 * die: (0, die) for die in range(12)})
    for die in range(12):
        zone(root, f"intel-rapl:{die:x}", f"package-0-die-{die}", 7_000_000, AMD_RANGE_UJ)
        zone(root, f"intel-rapl:{die:x}:0", "core", 1_000_000 + die, AMD_RANGE_UJ)


def perf_virtual(root: Path) -> None:
    """A virtual machine: the PMU is there without its events."""
    cpuinfo(root, virtual=True)
    perf_pmu(root, [], {0: (0, 0)})


def stat(root: Path, busy_s: float, idle_s: float, threads: int = 2, hz: int = 100) -> Path:
    """``/proc/stat`` with the given thread-seconds; every kind of busy time gets a fifth."""
    fifth = round(busy_s * hz / 5)
    third = round(idle_s * hz / 3)
    # user nice system idle iowait irq softirq steal guest guest_nice
    counters = [fifth, fifth, fifth, third, third, fifth, fifth, third, fifth, fifth]
    lines = ["cpu  " + " ".join(map(str, counters))]
    lines += [f"cpu{number} " + "0 " * 9 + "0" for number in range(threads)]
    return write(root / "proc/stat", "\n".join([*lines, "ctxt 1", "btime 2"]) + "\n")
