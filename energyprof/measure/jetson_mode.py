"""In which power mode a Jetson runs, and whether its clocks are held at their highest."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

# The GPU's folder in /sys/class/devfreq: 57000000.gpu (Nano), 17000000.gp10b (TX2), 17000000.gv11b (Xavier),
# 17000000.ga10b or 17000000.gpu (Orin), gpu-gpc-0 (Thor).
GPU = re.compile(r"[0-9a-f]+\.(gpu|g[a-z]\d+b)|gpu-gpc-\d+")


def power_mode(root: Path) -> str | None:
    """The name of the mode that nvpmodel has set, "MODE_15W"; its number, "2", if it has no name."""
    told = re.search(r"pmode:(\d+)", _text(root / "var/lib/nvpmodel/status"))
    if told is None:
        return None
    number = int(told[1])
    conf = root / "etc/nvpmodel.conf"
    if conf.is_symlink() and conf.readlink().is_absolute():
        # To the file of the board: below the root, not below "/".
        conf = root / conf.readlink().relative_to("/")
    for mode, name in re.findall(r"<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=([^\s>]+)", _text(conf)):
        if int(mode) == number:
            return str(name)
    return str(number)


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
