"""Builds ``amdsmi.c`` and the kernel's side of AMD's cards, and gives a child the environment to find it."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

from fakes import hwmon, sysfs
from fakes.compiled import compiled

SONAME = "libamd_smi.so"
VARIABLES = ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")


def build() -> Path:
    """The folder that holds the library."""
    options = [f"-Wl,-soname,{SONAME}", "-lm"]
    sources = [Path(__file__).with_name(name) for name in ("amdsmi.c", "gpu_load.c")]
    return compiled(SONAME, sources, options).parent


def environment(folder: Path | None, root: Path, **settings: object) -> dict[str, str]:
    """The environment of a child that finds the library, if there is one, and the tree below ``root``.

    ``watts=200`` becomes ``FAKE_AMDSMI_WATTS=200``; names that end in ``_VISIBLE_DEVICES`` stay as they are.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FAKE_AMDSMI_", "ROCM_")) and name not in (*VARIABLES, "LD_LIBRARY_PATH")
    }
    kept |= {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "ENERGYPROF_SYSFS_ROOT": str(root),
    }
    if folder is not None:
        kept["LD_LIBRARY_PATH"] = str(folder)
    for name, value in settings.items():
        kept[name if name in VARIABLES else f"FAKE_AMDSMI_{name.upper()}"] = str(value)
    return kept


def card(root: Path, number: int, bdf: str, watts: float = 200.0, **files: object) -> Path:
    """The card as the kernel shows it in hwmon: the folder of its files."""
    micro = round(watts * 1e6)
    shown: dict[str, object] = {
        "power1_average": micro,
        "power1_label": "PPT",
        "power1_cap": 280_000_000,
        "power1_cap_max": 300_000_000,
        "power1_cap_default": 300_000_000,
        "freq1_input": 1_700_000_000,
        "freq2_input": 1_600_000_000,
        "temp1_input": 41_000,
    }
    folder = hwmon.chip(root, number, "amdgpu", {**shown, **files}, bdf)
    link = root / "sys/bus/pci/devices" / bdf
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to((folder / "device").resolve())
    return folder


def worked_s(work: Path, number: int, at_s: float) -> float:
    """For how long fakes/gpu_torch has worked on a GPU until a time of the last second or so, in s."""
    try:
        lines = (work / str(number)).read_bytes()[-_TAIL_BYTES:].decode().splitlines()[1:-1]
    except OSError:
        return 0.0
    before_s = done_s = 0.0
    for time_s, seconds in (map(float, line.split()) for line in lines):
        if time_s >= at_s:
            share = (at_s - before_s) / (time_s - before_s) if before_s else 0.0
            return done_s + share * (seconds - done_s)
        before_s, done_s = time_s, seconds
    return done_s


# A line a product, of 2 ms or longer.
_TAIL_BYTES = 16_384


def node(root: Path, number: int, bdf: str, unique_id: int = 0) -> None:
    """The card as a node of the compute driver; its ``gpu_id`` is 100 and the node's number."""
    domain, bus, rest = bdf.split(":")
    device, function = rest.split(".")
    place = int(bus, 16) << 8 | int(device, 16) << 3 | int(function)
    folder = root / f"sys/class/kfd/kfd/topology/nodes/{number}"
    sysfs.write(folder / "gpu_id", f"{100 + number}\n")
    lines = f"simd_count 440\nlocation_id {place}\ndomain {int(domain, 16)}\nunique_id {unique_id}\n"
    sysfs.write(folder / "properties", lines)


def metrics(root: Path, bdf: str, throttled: int, content: int = 3) -> None:
    """The card's ``gpu_metrics_v1_3`` with these bits in ``indep_throttle_status``."""
    table = struct.pack("<HBB108xQ", 120, 1, content, throttled)
    (root / "sys/bus/pci/devices" / bdf / "gpu_metrics").write_bytes(table)
