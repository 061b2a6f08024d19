"""The machine's batteries: what they give while the plug is pulled."""

from __future__ import annotations

import functools
from pathlib import Path

from energyprof.errors import MeterError
from energyprof.measure.meters.denied import found_or_blocked
from energyprof.measure.meters.sensors import read_text, step
from energyprof.meter import Finding, MeterInfo, Role, Source
from energyprof.trace.gains import BATTERY

ROLE: Role = "cross-check"

# Linux, drivers/acpi/battery.c: it asks the battery at most once in cache_time = 1000 ms.
PERIOD_S = 1.0
# Fuel gauges smooth the current over seconds; none states how.
WINDOW_S = 5.0

# No kernel interface tells how good a battery's gauge is.
# Twice the 240 W that USB Power Delivery 3.1 brings; laptops draw less from a battery.
MAX_POWER_W = 480.0

# Documentation/ABI/testing/sysfs-class-power: what is no battery.
WIRED = ("Mains", "USB", "Wireless")


def find(root: Path) -> Finding:
    """Each battery that is being discharged; absent on mains."""
    folder = root / "sys/class/power_supply"
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        entries = []
    # Documentation/ABI/testing/sysfs-class-power: of scope Device is the battery of a mouse.
    batteries = [
        entry
        for entry in entries
        if read_text(entry / "type") == "Battery"
        and read_text(entry / "scope") != "Device"
        and read_text(entry / "present") != "0"
    ]
    if not batteries:
        return Finding("battery", ROLE, "absent", reason=f"no battery in {folder}")
    sources: list[Source] = []
    errors: list[MeterError] = []
    notes: list[str] = []
    for entry in batteries:
        status = read_text(entry / "status")
        if status != "Discharging":
            notes.append(f"{entry.name} left out: it is {status.lower() or 'of unknown status'}")
            continue
        if supply := _beside(entry):
            notes.append(f"{entry.name} left out: {supply} gives power beside it")
            continue
        try:
            info = _info(entry)
        except MeterError as error:
            errors.append(error)
            continue
        sources.append(Source(info, functools.partial(Battery, info, entry)))
    on_mains = Finding("battery", ROLE, "absent", reason="on mains: pull the plug to measure with it")
    return found_or_blocked("battery", ROLE, sources, errors, notes) or on_mains


def _info(entry: Path) -> MeterInfo:
    """What the battery tells of itself. Raises MeterError if it gives no power."""
    power_w, step_w, method = _power(f"battery:{entry.name}", entry)
    device = " ".join(filter(None, (read_text(entry / "manufacturer"), read_text(entry / "model_name"))))
    return MeterInfo(
        name=f"battery:{entry.name}",
        kind="battery",
        part="machine",
        boundary="node_dc",
        reads="power_w",
        method=method,
        resolution=min(step_w, power_w),
        refresh_s=PERIOD_S,
        **BATTERY.info(),
        max_power_w=MAX_POWER_W,
        device=device,
        window_s=WINDOW_S,
        window_assumed=True,
        min_interval_s=PERIOD_S,
    )


def _power(name: str, entry: Path) -> tuple[float, float, str]:
    """The power in W, its step, and how it was read. Raises MeterError."""
    # Which sign means discharging differs between drivers; the status tells.
    power, current, volts = (_micro(name, entry / f"{what}_now") for what in ("power", "current", "voltage"))
    if power:
        return power / 1e6, step(power), "power_supply power_now"
    if current and volts:
        power_w = current / 1e6 * volts / 1e6
        step_w = step(current) * volts / 1e6 + step(volts) * current / 1e6
        return power_w, step_w, "power_supply voltage_now × current_now"
    zero = power == 0 or current == 0
    problem = "it shows 0 W while discharging" if zero else "it shows neither its power nor its current"
    raise MeterError(f"{name}: {entry}: {problem}")


def _micro(name: str, path: Path) -> int | None:
    """The absolute value of a whole number; ``None`` without one. Raises MeterError if it may not be read."""
    try:
        text = path.read_text(errors="replace").strip().removeprefix("-")
    except PermissionError as error:
        raise MeterError(f"{name}: {path}: {error.strerror}") from error
    except OSError:  # not there, or no reading at the moment
        return None
    return int(text) if text.isdigit() else None


def _beside(entry: Path) -> str:
    """What gives power beside a discharging battery, as a supply too weak for the load does; "": nothing."""
    if "[force-discharge]" in read_text(entry / "charge_behaviour"):
        return ""
    for supply in sorted(entry.parent.iterdir()):
        online = read_text(supply / "type") in WIRED and read_text(supply / "online") not in ("", "0")
        if online and read_text(supply / "scope") != "Device":
            return supply.name
    return ""


class Battery:
    """One battery's power, as long as it is the one that gives it."""

    def __init__(self, info: MeterInfo, entry: Path) -> None:
        """Raises MeterError if it is not being discharged now."""
        self.info = info
        self._entry = entry
        self.read()

    def read(self) -> float:
        """W, now.

        Raises:
            MeterError: it is charged, full, gone or not alone, or its gauge shows nothing.
        """
        self._check()
        power_w = _power(self.info.name, self._entry)[0]
        self._check()  # the plug may have come between
        return power_w

    def close(self) -> None:
        """Nothing: its files are open only while they are read."""

    def _check(self) -> None:
        status = read_text(self._entry / "status")
        if status != "Discharging":
            what = f"it is {status.lower()}" if status else "it is gone"
            raise MeterError(
                f"{self.info.name}: {what}: only a discharging battery shows what the machine draws"
            )
        if supply := _beside(self._entry):
            raise MeterError(f"{self.info.name}: {supply} gives power beside it")
