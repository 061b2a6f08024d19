"""A meter and a better one in one recording, and their mean powers window by window."""

from __future__ import annotations

import math
from collections.abc import Sequence

from energyprof.compare.recording import Recording
from energyprof.compare.windows import PARTS, Part, parts_of, raw, steady, swing
from energyprof.errors import UsageError
from energyprof.measure.calibration import Efficiency
from energyprof.meter import BOUNDARIES, WHOLES
from energyprof.report.record import MeterRecord
from energyprof.report.uncertainty import SCALE, ZERO
from energyprof.report.whole_and_parts import parts
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class CalibrationRequest:
    """Which meter to compare with which, and how."""

    meter: str
    reference: str
    efficiency: Efficiency | None
    window_s: float | None  # None: as long as the slower meter needs


@dataclass(frozen=True)
class Pair:
    """The two meters, and those whose power is subtracted from the reference's."""

    meter: MeterRecord
    reference: MeterRecord
    others: tuple[MeterRecord, ...]

    @property
    def wider(self) -> bool:
        """Whether the reference reads more than the meter does."""
        return self.reference.boundary != self.meter.boundary

    @property
    def all(self) -> tuple[MeterRecord, ...]:
        """Meter, reference and the others, in this order."""
        return (self.meter, self.reference, *self.others)


@dataclass(frozen=True)
class Powers:
    """The mean powers in one window."""

    run: int
    start_s: float
    meter_w: float
    meter_u_w: float  # standard, without gain and zero
    reference_w: float
    others_w: tuple[float, ...]


def pair_of(recording: Recording, asked: CalibrationRequest) -> Pair:
    """The two meters, if one can tell something about the other.

    Raises:
        UsageError: it cannot, and why.
    """
    there = {meter.name: meter for meter in recording.meters}
    for name in (asked.meter, asked.reference):
        if name not in there:
            raise UsageError(
                f"{recording.where}: it has no meter {name}; it has {', '.join(there) or 'none'}"
            )
    meter, reference = there[asked.meter], there[asked.reference]
    if meter is reference:
        raise UsageError(f"--reference {reference.name}: is the meter itself; name a better one")
    for model in (meter, reference):
        if model.origin != "measured":
            raise UsageError(f"{model.name} is a model, not a meter: nothing to calibrate")
    within = BOUNDARIES.index(reference.boundary) - BOUNDARIES.index(meter.boundary)
    if within < 0:
        raise UsageError(
            f"{reference.name} ({reference.boundary}) covers less than {meter.name} ({meter.boundary}): "
            "a reference must read the same power, or more"
        )
    if within == 0:
        _check_same(meter, reference, asked.efficiency)
    elif reference.boundary == "wall_ac" and asked.efficiency is None:
        raise UsageError(
            f"{reference.name} reads before the power supply, {meter.name} after it: it loses 4 to 15 %, "
            "and guessing that is guessing the gain; give --efficiency from its data sheet, such as 0.94±0.01"
        )
    return Pair(meter, reference, _others(recording, meter) if within else ())


def _check_same(meter: MeterRecord, reference: MeterRecord, efficiency: Efficiency | None) -> None:
    """Raises UsageError if two meters of one boundary do not read the same joules."""
    both = f"{meter.name} reads the {meter.part}, {reference.name} the {reference.part}"
    if meter.part != reference.part:
        raise UsageError(f"{both}: these are not the same joules")
    cross_checks = meter.info.checks == reference.name or reference.info.checks == meter.name
    if meter.info.kind == reference.info.kind and meter.part != "machine" and not cross_checks:
        raise UsageError(f"{meter.name} and {reference.name} read two devices, not the same joules")
    if efficiency is not None:
        raise UsageError(f"--efficiency: no power supply lies between {meter.name} and {reference.name}")


def _others(recording: Recording, meter: MeterRecord) -> tuple[MeterRecord, ...]:
    """What else on the chips was measured, each joule once."""
    if meter.boundary != "component" or meter.part in WHOLES:
        return ()
    # Of the meter's own part its kind is the one that counts.
    ahead = sorted(recording.meters, key=lambda other: other.info.kind != meter.info.kind)
    return tuple(other for other in parts(ahead) if other.name not in (meter.name, meter.info.checks))


def powers_of(recording: Recording, pair: Pair, window_s: float) -> list[Powers]:
    """The mean powers in windows of ``window_s`` in which all were read and the load was steady.

    Raises:
        UsageError: a meter covers too little of the time.
    """
    infos = [raw(pair.meter.info), *(meter.info for meter in pair.all[1:])]
    runs = parts_of(recording, pair.all, infos, window_s / PARTS)
    swing_j = swing((part for found in runs.values() for part in found), _meter_j)
    return [
        _powers(run, window, window_s)
        for run, found in runs.items()
        for window in steady(found, _meter_j, swing_j)
    ]


def _meter_j(part: Part) -> float:
    return part.joules[0]


def _powers(run: int, window: Sequence[Part], window_s: float) -> Powers:
    meter_w, reference_w, *others_w = (
        math.fsum(joules) / window_s for joules in zip(*(part.joules for part in window), strict=True)
    )
    own_j = [
        u_j
        for part in window
        for term, u_j in part.energies[0].terms_j.items()
        if term not in (*SCALE, *ZERO)
    ]
    u_w = math.hypot(*own_j) / window_s
    return Powers(run, window[0].start_s, meter_w, u_w, reference_w, tuple(others_w))
