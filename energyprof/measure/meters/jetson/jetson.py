"""NVIDIA Jetson boards: the power of the module's supply rails, from its INA3221 monitors in sysfs."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from energyprof.errors import MeterError
from energyprof.measure import machine
from energyprof.measure.meters.jetson.boards import Identity, JetsonBoard, Place, identify, recognise
from energyprof.measure.meters.jetson.ina3221 import DRIVERS, Channel, Ina3221, Scale, look, read_channels
from energyprof.meter import Boundary, Finding, MeterInfo, Part, Role, Source
from energyprof.trace.gains import INA3221

ROLE: Role = "real"

# Half-width: the shunt's 1 % (Jetson AGX Xavier Product Design Guide, DG-09840-001, figure 5-14) and 0.25 %
# each for the chip's gain in current and in voltage (datasheet SBOS576), in quadrature. With its zero error
# of 80 µV, 0.3 W behind 5 mΩ at 19 V, the six rails of an AGX Xavier have U = 0.8 W + 1.2 % (k = 2).

# Twice what the largest Jetson module is rated at (AGX Thor, 130 W). The chip's alert limits would be no
# help: they are set to throttle, and a peak may pass them.
MAX_W = 260.0

# A full read occupies the bus for milliseconds: 20 Hz is as often as it should be asked.
MIN_INTERVAL_S = 0.05

LOAD = "sudo modprobe ina3221"
LOOK = "sudo dmesg | grep -i ina3221"
NEEDS_NOTHING = "as a rule this needs neither root nor a service"
CHMOD = {
    "ina3221x": f"sudo chmod a+r /{DRIVERS}/ina3221x/*/iio:device*/*",
    "ina3221": f"sudo chmod a+r /{DRIVERS}/ina3221/*/hwmon/hwmon*/*",
}
MOUNT = (
    "docker run -v /sys:/host/sys:ro -v /proc:/host/proc:ro"
    " -v /etc/nv_tegra_release:/host/etc/nv_tegra_release:ro -e ENERGYPROF_SYSFS_ROOT=/host …"
)


def find(root: Path) -> Finding:
    """Each rail of a Jetson; those that add up to the module have its boundary."""
    identity = identify(root)
    if identity is None:
        return Finding("jetson", ROLE, "absent", reason="not a Jetson")
    channels = read_channels(root)
    if not channels:
        return _nothing(root)
    readable: dict[Channel, Scale] = {}
    problems, denied = [], ""
    for channel in channels:
        try:
            readable[channel] = look(channel)
        except MeterError as error:
            problems.append(str(error))
            denied = CHMOD[channel.driver] if isinstance(error.__cause__, PermissionError) else denied
    if not readable:
        reason = "; ".join(problems) + (f"; {NEEDS_NOTHING}" if denied else "")
        return Finding("jetson", ROLE, "blocked", reason=reason, remedy=denied or LOOK)
    return _found(identity, channels, readable, problems, denied)


def _found(
    identity: Identity,
    channels: Sequence[Channel],
    readable: dict[Channel, Scale],
    problems: Sequence[str],
    denied: str,
) -> Finding:
    labels = [channel.label for channel in readable]
    board = recognise(identity, [channel.label for channel in channels])
    whole, notes = _whole(board, labels)
    interval_s = max(MIN_INTERVAL_S, sum(_read_s(c, scale) for c, scale in readable.items()))
    sources = []
    for channel, scale in readable.items():
        place, part = _place(board, channel.label)
        if place == "apart" and board.rails and not whole:
            notes.append(f"{channel.label} left out: it may lie within another rail")
            continue
        boundary: Boundary = "module" if place in ("total", "share") and whole else "component"
        name = f"jetson:{channel.label}"
        if labels.count(channel.label) > 1:
            name += f"@{channel.chip}"
        info = _info(name, part, boundary, channel, scale, interval_s)
        sources.append(Source(info, functools.partial(Ina3221, info, channel)))
    # Selections by kind take the first boundary for the total's.
    sources.sort(key=lambda source: source.info.boundary != "module")
    # The rails of a board that nobody knows may hold one another: ``auto`` must not add them up.
    role: Role = ROLE if board.rails else "cross-check"
    return Finding(
        "jetson",
        role,
        "found",
        tuple(sources),
        remedy=denied,
        notes=(*problems, *notes),
        missing=() if whole else tuple(problems),  # a rail within the module's total is not needed for it
    )


def _whole(board: JetsonBoard, labels: Sequence[str]) -> tuple[bool, list[str]]:
    """Whether the rails that can be read tell the module's power, and what must be known of them."""
    rails = {place: [label for label, (p, _) in board.rails.items() if p == place] for place in _PLACES}
    if not board.rails:
        return False, [
            f"{board.name} is not in the table of boards: its rails may hold one another, so their sum means "
            f"nothing; ask for one by its name"
        ]
    needed = rails["total"] or rails["share"]
    missing = [label for label in needed if label not in labels]
    if missing:
        return False, [f"{', '.join(missing)} not read: the other rails are not the whole {board.name}"]
    beside = [label for label in labels if label not in needed]
    nested = [label for label in beside if label in rails["nested"]]
    apart = [label for label in beside if label not in nested]
    notes = [f"the module is the sum of {', '.join(needed)}"] if rails["share"] else []
    if nested:
        notes.append(f"{', '.join(nested)}: inside {', '.join(needed)}, so not added to it")
    if apart:
        notes.append(f"{', '.join(apart)}: not proven to be outside the others, so not added to them")
    return True, notes


_PLACES: tuple[Place, ...] = ("total", "share", "nested", "apart")


def _place(board: JetsonBoard, label: str) -> tuple[Place, Part]:
    """What a rail is to the module; one that the table lacks stands apart."""
    return board.rails.get(label, ("apart", "board"))


def _read_s(channel: Channel, scale: Scale) -> float:
    """How long a read of the channel may take: hwmon waits for a conversion, for current and for voltage."""
    return 2 * scale.refresh_s if channel.driver == "ina3221" else 0.0


def _info(
    name: str, part: Part, boundary: Boundary, channel: Channel, scale: Scale, interval_s: float
) -> MeterInfo:
    return MeterInfo(
        name=name,
        kind="jetson",
        part=part,
        boundary=boundary,
        reads="power_w",
        method="INA3221 " + ("iio in_power" if channel.file("power").exists() else "voltage × current"),
        resolution=scale.step_w,
        refresh_s=scale.refresh_s,
        **INA3221.info(),
        max_power_w=MAX_W,
        # The bus may have another number after the next boot.
        device=f"INA3221 0x{channel.chip.rpartition('-')[2].lstrip('0')}",
        lane="jetson",
        offset_a_w=scale.offset_w,
        window_s=scale.window_s,
        may_be_zero=part != "soc",  # a rail can be off, or below one step; a module that runs draws something
        min_interval_s=interval_s,
    )


def _nothing(root: Path) -> Finding:
    """Why a Jetson shows no rail."""
    for driver, remedy in CHMOD.items():
        try:
            list((root / DRIVERS / driver).iterdir())
        except PermissionError as error:
            reason = f"{root / DRIVERS / driver}: {error.strerror}; {NEEDS_NOTHING}"
            return Finding("jetson", ROLE, "blocked", reason=reason, remedy=remedy)
        except OSError:
            continue
    if inside := machine.container(root):
        reason = f"no rail of an INA3221 below {root / DRIVERS} in this container ({inside})"
        return Finding("jetson", ROLE, "blocked", reason=reason, remedy=MOUNT)
    reason = f"no rail of an INA3221 below {root / DRIVERS}: its driver is not loaded, or names no rails"
    return Finding("jetson", ROLE, "blocked", reason=reason, remedy=LOAD)
