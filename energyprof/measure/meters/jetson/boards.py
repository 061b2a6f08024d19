"""The Jetson boards: which rails add up to the module, which is its total, which lie within others.

Sources: Linux, arch/arm64/boot/dts/nvidia/tegra234-p3701.dtsi and -p3767.dtsi (rails of AGX Orin; of Orin NX
and Nano); jetson-stats, ``core/power.py`` (which rail is the total), with NVIDIA's answers in its developer
forum: 73608 (Nano), 81016 (AGX Xavier), 200883 (Xavier NX), 242804 (Orin NX).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field
from pathlib import Path
from typing import Literal

from energyprof.meter import Part
from energyprof.storable.frozen import dataclass

# total: what the module draws. share: one of the disjoint rails whose sum that is. nested: within the total,
# and beside the other nested ones. apart: may lie within another rail, or is not the module's.
Place = Literal["total", "share", "nested", "apart"]


@dataclass(frozen=True)
class JetsonBoard:
    """One module and what its rails feed. ``marks`` are in its device tree's ``compatible``."""

    name: str
    marks: tuple[str, ...]
    rails: Mapping[str, tuple[Place, Part]] = field(default_factory=dict)


# Without a total the six lie side by side, each behind its own shunt at the module's input: "Power Monitor"
# in the Jetson AGX Xavier Product Design Guide, DG-09840-001. "soc" would claim to hold the other parts.
AGX_XAVIER = JetsonBoard(
    "AGX Xavier",
    ("nvidia,p2972-", "nvidia,p2888-", "nvidia,jetson-xavier\n", "nvidia,jetson-xavier-industrial"),
    {
        "GPU": ("share", "gpu"),
        "CPU": ("share", "cpu"),
        "SOC": ("share", "board"),
        "CV": ("share", "board"),
        "VDDRQ": ("share", "dram"),
        "SYS5V": ("share", "board"),
    },
)

# VIN_SYS_5V0 feeds all but GPU, SoC, CPU and CV. The memory's rail shows 5 V as well, so it probably hangs on
# VIN_SYS_5V0, but no document says so.
AGX_ORIN = JetsonBoard(
    "AGX Orin",
    ("nvidia,p3701-", "+p3701-"),
    {
        "VDD_GPU_SOC": ("share", "gpu"),
        "VDD_CPU_CV": ("share", "cpu"),
        "VIN_SYS_5V0": ("share", "board"),
        "VDDQ_VDD2_1V8AO": ("apart", "dram"),
    },
)

# VDD_CPU_GPU_CV holds processor and GPU, so neither part alone may stand for it.
_ONE_INPUT: Mapping[str, tuple[Place, Part]] = {
    "VDD_IN": ("total", "soc"),
    "VDD_CPU_GPU_CV": ("nested", "soc"),
    "VDD_SOC": ("nested", "board"),
}
ORIN_NX = JetsonBoard("Orin NX or Nano", ("nvidia,p3767-", "+p3767-"), _ONE_INPUT)
XAVIER_NX = JetsonBoard("Xavier NX", ("nvidia,p3668-", "+p3668-"), _ONE_INPUT)

NANO = JetsonBoard(
    "Nano",
    ("nvidia,p3448-", "+p3448-", "nvidia,p3450-", "nvidia,jetson-nano"),
    {"POM_5V_IN": ("total", "soc"), "POM_5V_GPU": ("nested", "gpu"), "POM_5V_CPU": ("nested", "cpu")},
)

# The developer kit's carrier has six rails more; VDD_MUX is its own input and holds the module's.
_CARRIER: Mapping[str, tuple[Place, Part]] = {
    "VDD_MUX": ("apart", "machine"),
    "VDD_5V0_IO_SYS": ("apart", "board"),
    "VDD_3V3_SYS": ("apart", "board"),
    "VDD_3V3_IO_SLP": ("apart", "board"),
    "VDD_1V8_IO": ("apart", "board"),
    "VDD_3V3_SYS_M2": ("apart", "board"),
}
TX2 = JetsonBoard(
    "TX2",
    ("nvidia,p2771-", "nvidia,p3310-", "nvidia,p3489-", "nvidia,p3636-", "+p3636-", "nvidia,quill"),
    {
        "VDD_IN": ("total", "soc"),
        "VDD_SYS_GPU": ("nested", "gpu"),
        "VDD_SYS_SOC": ("nested", "board"),
        "VDD_SYS_CPU": ("nested", "cpu"),
        "VDD_SYS_DDR": ("nested", "dram"),
        "VDD_4V0_WIFI": ("nested", "board"),
        **_CARRIER,
    },
)

BOARDS = (AGX_XAVIER, AGX_ORIN, ORIN_NX, XAVIER_NX, NANO, TX2)

# On every known module that has one of these it is what the module draws.
TOTALS = ("VDD_IN", "POM_5V_IN")

# The first is a link to the second, by an absolute path: where a container mounts its host's /proc, it leads
# to the container's own /sys/firmware, which is masked.
_TREES = ("proc/device-tree", "sys/firmware/devicetree/base")


@dataclass(frozen=True)
class Identity:
    """What a Jetson's device tree says of it; both empty where a container hides the tree."""

    model: str
    compatible: tuple[str, ...]


def identify(root: Path) -> Identity | None:
    """The board's names for itself; ``None`` on a machine that is not a Jetson."""
    model = compatible = ""
    for tree in _TREES:
        model = model or _text(root / tree / "model")
        compatible = compatible or _text(root / tree / "compatible")
    names = tuple(filter(None, compatible.split("\0")))
    # JetPack 4 calls an AGX Xavier "Jetson-AGX"; a carrier of another maker may leave out the word.
    tegra = any(name.startswith("nvidia,tegra") for name in names)
    if "jetson" in model.lower() or tegra or (root / "etc/nv_tegra_release").exists():
        return Identity(model.strip("\0\n"), names)
    return None


def recognise(identity: Identity, labels: Collection[str]) -> JetsonBoard:
    """The board; where the device tree is silent or strange, as its rails suggest.

    A board that nobody knows has its name and no rails, except the total that its label gives away.
    """
    names = "".join(f"{name}\n" for name in identity.compatible)
    for board in BOARDS:
        if any(mark in names for mark in board.marks):
            return board
    if not identity.compatible:
        for board in BOARDS:
            needed = [label for label, (place, _) in board.rails.items() if place != "apart"]
            if all(label in labels for label in needed):
                return JetsonBoard(board.name, (), board.rails)
    rails: dict[str, tuple[Place, Part]] = {label: ("total", "soc") for label in TOTALS if label in labels}
    if rails:
        rails.update({label: ("nested", "board") for label in labels if label not in rails})
    return JetsonBoard(identity.model or "a Jetson without a name", (), rails)


def _text(path: Path) -> str:
    """The file's text, empty where it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
