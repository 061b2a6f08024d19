"""What the machine is: the facts that must agree before two reports may be compared.

Every reader takes a root: a container can look at its host's files, tests at a plain directory.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from energyprof.measure import identity, jetson_mode


def describe(
    root: Path = Path("/"), gpus: Sequence[Mapping[str, Any]] = (), named: str = ""
) -> dict[str, Any]:
    """The machine as described in a report; ``None`` where a fact is not available.

    ``gpus`` holds ``{name, uuid, memory_bytes, driver}`` each, as their driver's library tells it. ``named``
    is what the user calls the machine, where nothing else may identify it; "": nothing. Its ``id`` is empty
    where nothing does.
    """
    system = os.uname()
    processors = _processors(root)
    sockets, cores = _sockets_and_cores(root, processors)
    jetson = _jetson(root)
    facts: dict[str, Any] = {
        "host": system.nodename,
        "system": _distribution(root) or system.sysname,
        "kernel": system.release,
        "arch": system.machine,
        "cpu": _cpu_model(root, processors) or system.machine,
        "sockets": sockets,
        "cores": cores,
        "threads": len(processors) or os.cpu_count(),
        "memory_bytes": _memory_bytes(root),
        "virtual": hypervisor(root),
        "container": container(root),
        "jetson": jetson,
        "power_mode": jetson_mode.power_mode(root) if jetson else None,
        "jetson_clocks": jetson_mode.jetson_clocks(root) if jetson else None,
        "gpus": [dict(gpu) for gpu in gpus],
        "governor": _governor(root),
        "on_battery": _on_battery(root),
    }
    hardware = identity.hardware(root, gpus, contained=bool(facts["container"]))
    known = {"named": named} if named else {}
    return {"id": identity.of(hardware, named), **known, "hardware": hardware, **facts}


def sockets(root: Path = Path("/")) -> int | None:
    """How many processor packages there are; ``None`` where nothing tells."""
    return _sockets_and_cores(root, _processors(root))[0]


def packages(root: Path = Path("/")) -> dict[int, str]:
    """The number of the package of each processor, as far as the kernel tells: {0: "0", 1: "0"}."""
    found = {
        int(processor["processor"]): processor["physical id"]
        for processor in _processors(root)
        if processor["processor"].isdigit() and processor.get("physical id", "").isdigit()
    }
    if not found:  # ARM's cpuinfo has none, its sysfs does
        for folder in (root / "sys/devices/system/cpu").glob("cpu[0-9]*"):
            package = _text(folder / "topology/physical_package_id")
            if folder.name[3:].isdigit() and package.isdigit():
                found[int(folder.name[3:])] = package
    return found


def hypervisor(root: Path = Path("/")) -> str | None:
    """The hypervisor this system runs under, ``"unknown"`` if it hides its name, else ``None``.

    x86 guests carry the CPUID bit that Linux shows as the flag ``hypervisor``; ARM guests have no
    such flag and are known by their firmware tables or device tree.
    """
    product = " ".join(_text(root / "sys/class/dmi/id" / name) for name in ("sys_vendor", "product_name"))
    tree = _text(root / "proc/device-tree/hypervisor/compatible")
    flags = re.search(r"^flags\s*:.*$", _text(root / "proc/cpuinfo"), re.MULTILINE)
    if flags and "hypervisor" not in flags.group().split():
        return None
    told = " ".join([_text(root / "sys/hypervisor/type"), tree, product]).lower()
    for mark, name in (
        ("xen", "xen"),
        ("vmware", "vmware"),
        ("virtualbox", "virtualbox"),
        ("microsoft corporation virtual", "hyper-v"),
        ("parallels", "parallels"),
        ("kvm", "kvm"),
        ("qemu", "qemu"),
        ("google compute engine", "kvm"),
        ("amazon ec2", "nitro"),
    ):
        # Amazon's bare-metal machines carry the same vendor name: "c7g.metal".
        if mark in told and ".metal" not in told:
            return name
    return "unknown" if flags else None


def container(root: Path = Path("/")) -> str | None:
    """The kind of container this process runs in (docker, podman, lxc, …); ``None`` outside."""
    if (root / "run/.containerenv").exists():
        return "podman"
    groups = _text(root / "proc/1/cgroup") + _text(root / "proc/self/cgroup")
    for mark, name in (
        ("kubepods", "kubernetes"),
        ("docker", "docker"),
        ("libpod", "podman"),
        ("/lxc", "lxc"),
        ("containerd", "containerd"),
    ):
        if mark in groups:
            return name
    if (root / ".dockerenv").exists():
        return "docker"
    if (root / ".singularity.d").exists():
        return "apptainer"
    return _text(root / "run/systemd/container").strip() or None


def cpu_vendor(root: Path = Path("/")) -> str | None:
    """``"GenuineIntel"``, ``"AuthenticAMD"``, …; ``None`` where cpuinfo names no vendor (ARM)."""
    for processor in _processors(root):
        return processor.get("vendor_id")
    return None


def cpu_model(root: Path = Path("/")) -> str:
    """The processor's name as it calls itself, empty if it does not."""
    return _cpu_model(root, _processors(root))


def cpu_number(field: str, root: Path = Path("/")) -> int | None:
    """A whole number that cpuinfo gives of the first processor, such as "cpu family" or "model"."""
    for processor in _processors(root):
        text = processor.get(field, "")
        return int(text) if text.isdecimal() else None
    return None


def _text(path: Path) -> str:
    """The file's text, empty if it is missing or may not be read: the fact is then not available."""
    try:
        return path.read_text(errors="replace").replace("\0", "\n").strip("\n")
    except OSError:
        return ""


def _processors(root: Path) -> list[dict[str, str]]:
    """One mapping a hardware thread, from /proc/cpuinfo."""
    found = []
    for block in _text(root / "proc/cpuinfo").split("\n\n"):
        pairs = (line.partition(":") for line in block.splitlines())
        fields = {name.strip(): value.strip() for name, _, value in pairs}
        if "processor" in fields:
            found.append(fields)
    return found


def _cpu_model(root: Path, processors: Sequence[Mapping[str, str]]) -> str:
    for processor in processors:
        if name := processor.get("model name"):
            return " ".join(name.split())
    return _board(root)


def _sockets_and_cores(root: Path, processors: Sequence[Mapping[str, str]]) -> tuple[int | None, int | None]:
    """How many packages and how many physical cores; ARM's cpuinfo has neither, its sysfs does."""
    places = {(p["physical id"], p["core id"]) for p in processors if {"physical id", "core id"} <= p.keys()}
    if not places:
        for topology in (root / "sys/devices/system/cpu").glob("cpu[0-9]*/topology"):
            package = _text(topology / "physical_package_id")
            core = _text(topology / "core_id")
            # The cluster keeps apart cores whose id repeats from one cluster to the next.
            if package and core:
                places.add((package, _text(topology / "cluster_id") + "/" + core))
    if not places:
        return None, None
    return len({package for package, _ in places}), len(places)


def _memory_bytes(root: Path) -> int | None:
    found = re.search(r"^MemTotal:\s*(\d+) kB", _text(root / "proc/meminfo"), re.MULTILINE)
    if found:
        return int(found.group(1)) * 1024
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):  # a system without these names
        return None


def _distribution(root: Path) -> str | None:
    found = re.search(r'^PRETTY_NAME="?([^"\n]+)', _text(root / "etc/os-release"), re.MULTILINE)
    return found.group(1) if found else None


def _jetson(root: Path) -> str | None:
    """The board's model and its Linux-for-Tegra release: "NVIDIA Jetson …, L4T R35.4.1"."""
    model = _board(root)
    release = _text(root / "etc/nv_tegra_release")
    if "jetson" not in model.lower() and not release:
        return None
    version = re.search(r"# (R\d+) \(release\), REVISION: ([\d.]+)", release)
    parts = [model or "Jetson"]
    if version:
        parts.append(f"L4T {version.group(1)}.{version.group(2)}")
    return ", ".join(parts)


def _board(root: Path) -> str:
    """The device tree's name of the board; below another root the usual link to it leads nowhere."""
    trees = (root / "proc/device-tree", root / "sys/firmware/devicetree/base")
    return next(filter(None, (_text(tree / "model").partition("\n")[0] for tree in trees)), "")


def _governor(root: Path) -> str | None:
    """The frequency governor of all cores; several names joined by a comma if they differ."""
    cores = (root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    names = {_text(path).strip() for path in cores} - {""}
    return ",".join(sorted(names)) or None


def _on_battery(root: Path) -> bool | None:
    """Whether a battery feeds the machine; ``None`` without one. A mouse's does not count."""
    discharging = None
    for supply in sorted((root / "sys/class/power_supply").glob("*")):
        if _text(supply / "scope").strip() == "Device":
            continue
        kind = _text(supply / "type").strip()
        if kind in ("Mains", "USB") and _text(supply / "online").strip() == "1":
            return False
        if kind == "Battery":
            here = _text(supply / "status").strip() == "Discharging"
            discharging = here or bool(discharging)
    return discharging
