"""Several calibrations of one thing: the latest holds, and how they differ says how it drifts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from energyprof.compare.node_fit import middle_loads_w
from energyprof.errors import UsageError
from energyprof.measure.calibration import CalibrationRecord
from energyprof.report.node_map import NodeMap
from energyprof.report.transfer import own_drift
from energyprof.trace.stamps import seconds


def latest_calibrations(records: Sequence[CalibrationRecord]) -> tuple[CalibrationRecord, ...]:
    """One record a meter, the latest, with the drift that the meter's own show.

    Raises:
        UsageError: two of one meter are of two devices, or say not when they were made.
    """
    by_meter: dict[str, list[CalibrationRecord]] = {}
    for record in records:
        by_meter.setdefault(record.meter, []).append(record)
    return tuple(_latest(found) for found in by_meter.values())


def _latest(found: Sequence[CalibrationRecord]) -> CalibrationRecord:
    if len(found) == 1:
        return found[0]
    name = found[0].meter
    if len({record.device for record in found}) > 1:
        raise UsageError(f"--calibration: those of {name} were made on different devices: name one")
    ordered = []
    for record in found:
        if record.calibration.made is None:
            raise UsageError(f"--calibration: several are for {name}, and one says not when it was made")
        ordered.append((seconds(record.calibration.made.end, None), record))
    ordered.sort(key=lambda pair: pair[0])
    changes = []
    for (before_s, before), (after_s, after) in itertools.pairwise(ordered):
        change = after.calibration.gain / before.calibration.gain - 1
        changes.append((_hours(before_s, after_s, name), change))
    last = ordered[-1][1]
    made = last.calibration.made
    drift_u = own_drift(changes)
    calibration = replace(last.calibration, made=None if made is None else replace(made, drift_u=drift_u))
    return replace(last, calibration=calibration)


def latest_map(maps: Sequence[NodeMap]) -> NodeMap | None:
    """The latest of the maps of one node, with the drift that they show; ``None`` without any.

    Raises:
        UsageError: they are of several nodes, or of other meters.
    """
    if not maps:
        return None
    if len({(by.machine, by.boundary, by.meters) for by in maps}) > 1:
        raise UsageError("--calibration: the calibrations are of several nodes, or of other meters: name one")
    ordered = sorted(maps, key=lambda by: seconds(by.end, None))
    loads_w = middle_loads_w(ordered)
    changes = []
    for before, after in itertools.pairwise(ordered):
        hours = _hours(seconds(before.end, None), seconds(after.end, None), "the node")
        changes.append((hours, after.power_w(loads_w) / before.power_w(loads_w) - 1))
    return replace(ordered[-1], drift_u=own_drift(changes)) if changes else ordered[-1]


def _hours(before_s: float, after_s: float, name: str) -> float:
    """The time between two calibrations. Raises UsageError: they are one."""
    if before_s == after_s:
        raise UsageError(f"--calibration: two of {name} are of one recording: name one of them")
    return (after_s - before_s) / 3600
