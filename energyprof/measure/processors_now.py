"""How fast the processors run now, and how hot they are, as far as the kernel tells."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from statistics import fmean

_CLOCKS = "sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq"
# Linux kernel, Documentation/hwmon: coretemp and k10temp, and the outside driver for AMD.
_SENSORS = ("coretemp", "k10temp", "zenpower")
# Documentation/driver-api/thermal: what a zone on the processor calls itself.
_ZONES = ("x86_pkg_temp", "cpu-thermal", "CPU-therm", "soc-thermal")


def clock_mhz(root: Path = Path("/")) -> float | None:
    """The mean of all processors; ``None``: nothing tells.

    cpufreq's figure is in kHz (Documentation/admin-guide/pm/cpufreq.rst); where there is none, cpuinfo's.
    """
    found = [khz / 1e3 for khz in _numbers(sorted(root.glob(_CLOCKS)))]
    if not found:
        lines = _text(root / "proc/cpuinfo").splitlines()
        words = (line.partition(":")[2] for line in lines if line.startswith("cpu MHz"))
        found = [mhz for word in words if (mhz := _number(word)) is not None]
    return fmean(found) if found else None


def temperature_c(root: Path = Path("/")) -> float | None:
    """The hottest sensor of any processor; ``None``: there is none. The kernel gives thousandths."""
    paths: list[Path] = []
    for folder in root.glob("sys/class/hwmon/hwmon*"):
        if _text(folder / "name").strip() in _SENSORS:
            paths += folder.glob("temp*_input")
    for folder in root.glob("sys/class/thermal/thermal_zone*"):
        if _text(folder / "type").strip() in _ZONES:
            paths.append(folder / "temp")
    return max((found / 1e3 for found in _numbers(paths)), default=None)


def _numbers(paths: Iterable[Path]) -> list[float]:
    return [found for path in paths if (found := _number(_text(path))) is not None]


def _number(text: str) -> float | None:
    """A number above 0; a clock or a sensor that says 0 is switched off."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if 0 < found < 1e12 else None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
