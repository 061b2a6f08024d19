"""What the compute driver (KFD) tells of AMD's GPUs: the order in which HIP numbers them, and who uses them.

Linux, drivers/gpu/drm/amd/amdkfd/kfd_topology.c and kfd_process.c: files below /sys/class/kfd/kfd.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from energyprof.measure.meters.sensors import read_text
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class KfdNode:
    """One GPU as the compute driver sees it."""

    gpu_id: str
    bdf: str
    uuid: str  # as ROCR_VISIBLE_DEVICES takes it, "GPU-" and 16 hexadecimal digits; "" without one


def read_nodes(root: Path) -> list[KfdNode]:
    """The GPUs in the order of their nodes, which is the order in which HIP and ROCr number them."""
    folder = root / "sys/class/kfd/kfd/topology/nodes"
    numbers: list[int] = []
    with suppress(OSError):
        numbers = sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdigit())
    found = []
    for number in numbers:
        gpu_id = read_text(folder / str(number) / "gpu_id")
        if not gpu_id.isdigit() or int(gpu_id) == 0:  # a processor
            continue
        lines = (line.split() for line in read_text(folder / str(number) / "properties").splitlines())
        facts = {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}
        place, domain, unique = (facts.get(key, 0) for key in ("location_id", "domain", "unique_id"))
        bdf = f"{domain:04x}:{place >> 8 & 255:02x}:{place >> 3 & 31:02x}.{place & 7}"
        found.append(KfdNode(gpu_id, bdf, f"GPU-{unique:016x}" if unique else ""))
    return found


def processes(root: Path, gpu_id: str) -> list[dict[str, Any]] | None:
    """Each process that holds memory of the GPU; ``None`` where the driver lists none."""
    folder = root / "sys/class/kfd/kfd/proc"
    try:
        pids = sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdigit())
    except OSError:
        return None
    users = [pid for pid in pids if read_text(folder / str(pid) / f"vram_{gpu_id}") not in ("", "0")]
    return [{"pid": pid, "name": read_text(root / f"proc/{pid}/comm") or "unknown"} for pid in users]
