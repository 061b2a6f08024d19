"""In which power mode a Jetson runs, and whether its clocks are held at their highest."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from energyprof.storable.frozen import dataclass

# The GPU's folder in /sys/class/devfreq: 57000000.gpu (Nano), 17000000.gp10b (TX2), 17000000.gv11b (Xavier),
# 17000000.ga10b or 17000000.gpu (Orin), gpu-gpc-0 (Thor).
GPU = re.compile(r"[0-9a-f]+\.(gpu|g[a-z]\d+b)|gpu-gpc-\d+")


@dataclass(frozen=True)
class Mode:
    """A power mode as nvpmodel's configuration describes it."""

    name: str
    gates: tuple[str, ...]  # its lines on parts of the chip that are powered on or off


def power_mode(root: Path) -> str | None:
    """The name of the mode that nvpmodel has set, "MODE_15W"; its number, "2", if it has no name."""
    number = mode_number(root)
    if number is None:
        return None
    known = modes(configuration(root)).get(number)
    return str(number) if known is None else known.name


def mode_number(root: Path) -> int | None:
    """The number of the mode that nvpmodel has set."""
    told = re.search(r"pmode:(\d+)", _text(root / "var/lib/nvpmodel/status"))
    return None if told is None else int(told[1])


def configuration(root: Path) -> str:
    """What nvpmodel's configuration says; "" where there is none."""
    conf = root / "etc/nvpmodel.conf"
    if conf.is_symlink() and conf.readlink().is_absolute():
        # To the file of the board: below the root, not below "/".
        conf = root / conf.readlink().relative_to("/")
    return _text(conf)


def modes(conf: str) -> dict[int, Mode]:
    """The modes of a configuration, by number."""
    found = {}
    for block in re.split(r"(?=<\s*(?:POWER_MODEL|PM_CONFIG|PARAM)\b)", conf):
        head = re.match(r"<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=([^\s>]+)", block)
        if head is not None:
            gates = [line.strip() for line in block.splitlines() if "PG_MASK" in line]
            found[int(head[1])] = Mode(head[2], tuple(sorted(gates)))
    return found


def jetson_clocks(root: Path) -> Literal["on", "off"] | None:
    """Whether the lowest frequency of every core and of the GPU is the highest, as jetson_clocks sets it.

    ``None`` where a frequency of either cannot be read and no other tells "off".
    """
    cores = sorted((root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq"))
    devices = (root / "sys/class/devfreq").glob("*")
    gpus = [folder for folder in devices if GPU.fullmatch(folder.name)]
    held = [_held(core / "scaling_min_freq", core / "scaling_max_freq") for core in cores]
    held += [_held(gpu / "min_freq", gpu / "max_freq") for gpu in gpus]
    if False in held:
        return "off"
    return "on" if cores and gpus and None not in held else None


def _held(lowest: Path, highest: Path) -> bool | None:
    low, high = _text(lowest).strip(), _text(highest).strip()
    return low == high if low and high else None


def _text(path: Path) -> str:
    """The file's text, empty where it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
