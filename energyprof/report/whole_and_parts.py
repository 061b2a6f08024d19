"""A node and its components: which meters are the parts, and a whole that reads less than they do."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence

from energyprof.meter import WHOLES, joint_origin
from energyprof.report.energy import MIN_COVERAGE, MeterEnergy
from energyprof.report.flags import Flag, flag
from energyprof.report.record import MeterRecord, Report

# Over less time a difference says more about when each was read than about what it reads.
LEAST_S = 5.0


def parts(meters: Iterable[MeterRecord]) -> tuple[MeterRecord, ...]:
    """The measured meters of components: of each part the first kind, each joule once."""
    kinds: dict[str, str] = {}
    return tuple(
        meter
        for meter in meters
        if meter.boundary == "component"
        and meter.origin == "measured"
        and not meter.info.checks
        and meter.part not in WHOLES
        and kinds.setdefault(meter.part, meter.info.kind) == meter.info.kind
    )


def below_parts(
    meters: Sequence[MeterRecord], energies: Mapping[str, MeterEnergy], span_s: float
) -> tuple[Flag, ...]:
    """A flag for each meter of a whole that read less than its parts, by more than their readings leave open.

    Gains do not enter: whichever is wrong, both cannot be right. Meters of one kind that each feed a part
    of the machine are one whole.
    """
    within = [energies[meter.name] for meter in parts(meters)]
    if not within or span_s < LEAST_S or not all(_is_known(energy) for energy in within):
        return ()
    parts_j = math.fsum(energy.joules or 0.0 for energy in within)
    wholes: dict[tuple[str, str], list[MeterRecord]] = {}
    for meter in meters:
        if meter.boundary != "component" and meter.origin == "measured" and not meter.info.checks:
            wholes.setdefault((meter.info.kind, meter.boundary), []).append(meter)
    flags = []
    for found in wholes.values():
        whole = [energies[meter.name] for meter in found]
        whole_j = math.fsum(energy.joules or 0.0 for energy in whole)
        unsure_j = 2 * math.hypot(*(energy.reading_u_j for energy in (*whole, *within)))
        if all(_is_known(energy) for energy in whole) and whole_j + unsure_j < parts_j:
            words = f"read {whole_j / span_s:.4g} W, less than its parts ({parts_j / span_s:.4g} W)"
            flags += [flag("below_parts", meter.name, words) for meter in found]
    return tuple(flags)


def _is_known(energy: MeterEnergy) -> bool:
    return energy.joules is not None and energy.coverage >= MIN_COVERAGE


def counted_by_parts(report: Report) -> Report:
    """The report with its components as the total, whose runs already are by them."""
    counted = {meter.name for meter in parts(report.meters)}
    meters = tuple(dataclasses.replace(meter, counted=meter.name in counted) for meter in report.meters)
    origin = joint_origin(meter.origin for meter in meters if meter.counted)
    return dataclasses.replace(report, meters=meters, boundary="component", origin=origin)
