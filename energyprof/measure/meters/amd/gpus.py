"""Which AMD GPUs there are, and which of them the runtime's variables let a program see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from energyprof.errors import MeterError
from energyprof.measure.meters.amd.kfd import KfdNode, read_nodes
from energyprof.measure.meters.amd.library import AmdSmi, AmdSmiError
from energyprof.measure.meters.sensors import Sensor, read_sensors, read_text
from energyprof.storable.frozen import dataclass

# One package of GPUs and processor, whose counter holds both.
SUPERCHIPS = ("MI300A",)


@dataclass(frozen=True)
class Gpu:
    """One card, by its index in the order of the PCI bus."""

    index: int
    bdf: str  # "0000:03:00.0"
    name: str
    uuid: str  # the library's, else the driver's; "" without one
    listed: bool  # by the library
    sensor: Sensor | None  # the kernel's power of it
    node: KfdNode | None
    hip: int  # its place among what HIP numbers

    @property
    def label(self) -> str:
        """Its meter's name and its own: "amdgpu:0 (AMD Instinct MI210)"."""
        return f"amdgpu:{self.index}" + (f" ({self.name})" if self.name else "")

    @property
    def device(self) -> str:
        """What tells it from others: its UUID, else its place."""
        return self.uuid or self.bdf

    @property
    def superchip(self) -> bool:
        """Whether its counter holds a processor too."""
        return any(name in self.name for name in SUPERCHIPS)


def read_gpus(smi: AmdSmi | None, root: Path) -> tuple[list[Gpu], list[str]]:
    """All cards that the library or the kernel show, and what to know of those that do not answer."""
    notes: list[str] = []
    listed: dict[str, tuple[str, str]] = {}  # place -> UUID, name
    for handle in smi.gpus() if smi else ():
        try:
            bdf = smi.bdf(handle) if smi else ""
            listed.setdefault(bdf, (_told(smi.uuid, handle), _told(smi.name, handle)) if smi else ("", ""))
        except AmdSmiError as error:
            notes.append(f"a GPU does not say where it is: {error}")
    sensors: dict[str, Sensor] = {}
    for sensor in read_sensors(root / "sys/class/hwmon"):
        if sensor.chip == "amdgpu" and sensor.reads == "power_w":
            sensors.setdefault(sensor.place, sensor)
    nodes = {node.bdf: node for node in read_nodes(root)}
    places = sorted({*listed, *sensors})
    numbered = [*(bdf for bdf in nodes if bdf in places), *(bdf for bdf in places if bdf not in nodes)]
    gpus = []
    for index, bdf in enumerate(places):
        uuid, name = listed.get(bdf, ("", ""))
        folder, node = root / "sys/bus/pci/devices" / bdf, nodes.get(bdf)
        uuid = uuid or (f"GPU-{unique}" if (unique := read_text(folder / "unique_id")) else "")
        name = name or read_text(folder / "product_name")
        gpus.append(Gpu(index, bdf, name, uuid, bdf in listed, sensors.get(bdf), node, numbered.index(bdf)))
    return gpus, notes


def _told(question: object, handle: object) -> str:
    try:
        return str(question(handle))  # type: ignore[operator]
    except MeterError:
        return ""


def visible(gpus: Sequence[Gpu], environment: Mapping[str, str]) -> tuple[list[Gpu], list[str]]:
    """The GPUs that a program may use, and what to know about the choice.

    The rules of ROCm's "GPU isolation techniques": ``ROCR_VISIBLE_DEVICES`` (indices or UUIDs) is applied
    first, then ``HIP_VISIBLE_DEVICES``, or ``CUDA_VISIBLE_DEVICES`` in its place, to what is left. A list
    ends at its first invalid entry.
    """
    chosen = sorted(gpus, key=lambda gpu: gpu.hip)
    notes: list[str] = []
    by: list[str] = []
    hip = "HIP_VISIBLE_DEVICES" if "HIP_VISIBLE_DEVICES" in environment else "CUDA_VISIBLE_DEVICES"
    for variable in ("ROCR_VISIBLE_DEVICES", hip):
        asked = environment.get(variable)
        if asked is None:
            continue
        before, chosen = chosen, []
        for entry in (part.strip() for part in asked.split(",")):
            if entry.isdigit():
                matches = before[int(entry) : int(entry) + 1]
            else:
                matches = [gpu for gpu in before if entry.upper().startswith("GPU-") and _is(gpu, entry)]
            if len(matches) != 1:
                if entry not in ("", "-1"):
                    notes.append(f"{variable}: {entry!r} names no AMD GPU; the list ends there")
                break
            chosen += [gpu for gpu in matches if gpu not in chosen]
        if len(chosen) < len(before):
            by.append(variable)
    left = [f"amdgpu:{gpu.index}" for gpu in gpus if gpu not in chosen]
    if chosen and left:
        notes.append(f"{', '.join(left)} left out by {' and '.join(by)}")
    return sorted(chosen, key=lambda gpu: gpu.index), notes


def _is(gpu: Gpu, entry: str) -> bool:
    known = {gpu.uuid.lower(), f"gpu-{gpu.uuid.lower()}", gpu.node.uuid.lower() if gpu.node else ""}
    return entry.lower() in known - {""}
