"""Long-term power limits of processor packages (Linux, power/powercap/powercap.rst).

The kernel cuts a limit to the register's unit, so what it reads afterwards is what is in force. ``enabled``
is never written: it sets bits that no file shows and that could not be put back.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from energyprof.measure.lever import Amounts, Lever, LeverFinding
from energyprof.measure.levers.sysfs import SysfsControl, number_of, remedy, text_of

POWERCAP = "sys/class/powercap"
UW = 1e-6
# 15 bits of 1/8 W: more would be cut to something else (drivers/powercap/intel_rapl_common.c).
MOST_W = 4095.0


def find(root: Path) -> LeverFinding:
    """The long-term limit of every package that has one."""
    zones = sorted((root / POWERCAP).glob("intel-rapl:[0-9]*"))
    levers = [lever for zone in zones if zone.name.count(":") == 1 for lever in _zone(zone, root)]
    reason = "" if levers else "no package with a power limit: AMD's and virtual machines have none"
    return LeverFinding("powercap", tuple(levers), reason)


def _zone(zone: Path, root: Path) -> Iterator[Lever]:
    package = text_of(zone / "name")
    if not package.startswith("package"):
        return
    for name in sorted(zone.glob("constraint_*_name")):
        if text_of(name) != "long_term":
            continue
        file = name.with_name(name.name.replace("_name", "_power_limit_uw"))
        most_uw = number_of(name.with_name(name.name.replace("_name", "_max_power_uw")))
        asked_uw = number_of(file)
        # What the firmware states as the most may be below what is set, or 0: nothing is cut to it.
        most_w = max((value * UW for value in (most_uw, asked_uw) if value), default=MOST_W)
        binds = text_of(zone / "enabled") != "0"
        yield Lever(
            "cpu.power_limit",
            package,
            SysfsControl(f"{POWERCAP}/{zone.name}/{file.name}", root),
            Amounts("W", UW, 1.0, min(most_w, MOST_W)),
            meter=f"rapl:{package}",
            remedy=remedy(file),
            notes=() if binds else ("its limits are switched off: none binds",),
        )
