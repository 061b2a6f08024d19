"""The meters of a profile, opened once for all its trainings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from energyprof.errors import NoPower, UsageError
from energyprof.measure import gpus, machine
from energyprof.measure.left_out import with_left_out
from energyprof.measure.meters import find_asked, sysfs_root
from energyprof.measure.opening import opened
from energyprof.measure.selection import Selection, listing, select
from energyprof.meter import Calibration, ExternalLog, Meter, MeterInfo, Probe
from energyprof.report.file import Taken
from energyprof.report.machines import known_as
from energyprof.report.node_map import NodeMap
from energyprof.report.record import MeterRecord, meter_record
from energyprof.storable.frozen import dataclass

if TYPE_CHECKING:
    from energyprof.measure.calibration import CalibrationRecord
    from energyprof.report.meter_test.measured import KeptTest

# What makes a program, and so the meter, see fewer GPUs.
_LEFT_OUT_BY = {"nvml": "CUDA_VISIBLE_DEVICES", "amdgpu": "HIP_VISIBLE_DEVICES"}


@dataclass(frozen=True)
class MeasurementSettings:
    """How to measure: which meters, how often, how long to look at the idle machine, where to write."""

    meters: tuple[str, ...]  # kinds or names; ("auto",)
    interval_s: float  # between two reads of each meter
    idle_s: float  # how long the machine is looked at before and after each training
    path: Path
    calibrations: tuple[CalibrationRecord, ...] = ()
    meter_test: KeptTest | None = None  # what measured the meters' renewals and windows
    taken: Taken = "refused"  # what becomes of what lies at the path
    node_map: NodeMap | None = None  # from the components to the node
    machine: str = ""  # what the user calls it; "": it has to be known by its hardware
    require_power: bool = False  # an estimate, or no meter, will not do


@dataclass(frozen=True)
class OpenMeters:
    """The machine with its meters open; several reports may be made on it."""

    machine: Mapping[str, Any]
    selection: Selection
    records: tuple[MeterRecord, ...]  # of meters and logs
    meters: tuple[Meter, ...]
    logs: tuple[ExternalLog, ...]  # joined to a run when that is over
    probes: tuple[Probe, ...]
    interval_s: float
    idle_s: float
    node_map: NodeMap | None = None


@contextlib.contextmanager
def open_meters(settings: MeasurementSettings) -> Iterator[OpenMeters]:
    """The asked meters, open.

    Raises:
        UsageError: there are no meters of such a name.
        UsageError: a calibration or a meter test is of other meters.
        MissingPart: an asked meter is not here.
        NoPower: a real meter is required, and there is none.
    """
    root = sysfs_root()
    selection = with_left_out(select(find_asked(root, settings.meters), settings.meters), root)
    if settings.require_power and (selection.origin != "measured" or not selection.counted):
        why = "; ".join(selection.notes) or "no meter was asked for"
        raise NoPower(f"--require-power: nothing here measures the power: {why}")
    infos, tested = [source.info for source in selection.sources], settings.meter_test
    calibrations = _calibrations(settings, infos)
    if tested is not None:
        from energyprof.report.meter_test.measured import check_applies, warnings

        check_applies(tested, infos)
        selection = replace(selection, notes=(*selection.notes, *warnings(tested, infos)))
    facts = machine.describe(root, gpus.devices(root), settings.machine)
    if settings.node_map is not None:
        check_map(settings.node_map, facts, [source.info for source in selection.sources])
    with opened(selection) as (found, probes):
        records = tuple(
            meter_record(
                _as_measured(meter.info, tested),
                settings.interval_s,
                calibrations.get(meter.info.name),
                counted=meter.info.name in selection.counted,
            )
            for meter in found
        )
        yield OpenMeters(
            facts,
            selection,
            records,
            cast(tuple[Meter, ...], tuple(meter for meter in found if not meter.info.external)),
            cast(tuple[ExternalLog, ...], tuple(meter for meter in found if meter.info.external)),
            probes,
            settings.interval_s,
            settings.idle_s,
            settings.node_map,
        )


# Few runs have a calibration or a test of their meters: what these need is loaded for those alone.
def _calibrations(settings: MeasurementSettings, infos: Sequence[MeterInfo]) -> dict[str, Calibration]:
    """The calibration of each meter that has one, by its name. Raises UsageError: one is of other meters."""
    if not settings.calibrations:
        return {}
    from energyprof.measure.calibration import calibration_of, check_applies

    check_applies(settings.calibrations, infos)
    found = {info.name: calibration_of(info, settings.calibrations) for info in infos}
    return {name: calibration for name, calibration in found.items() if calibration is not None}


def _as_measured(info: MeterInfo, tested: KeptTest | None) -> MeterInfo:
    if tested is None:
        return info
    from energyprof.report.meter_test.measured import as_measured

    return as_measured(info, tested)


def check_map(by: NodeMap, machine: Mapping[str, Any], infos: Sequence[MeterInfo]) -> None:
    """Check that the calibration of a node is of this one, and its meters are in use.

    Raises:
        UsageError: it is not, or one of its meters is another device or not in use.
    """
    if by.machine and by.machine not in known_as(machine):
        raise UsageError("the calibration of the node was made on another machine: calibrate this one")
    devices = {info.name: info.device for info in infos}
    if missing := [name for name in by.meters if name not in devices]:
        raise UsageError(
            f"the calibration of the node needs {listing(missing)}, not in use:"
            f" {'there is ' + listing(list(devices)) if devices else 'there is no meter'}"
        )
    for term in by.terms:
        for name, device in zip(term.meters, term.devices, strict=False):
            if devices[name] != device:
                raise UsageError(
                    f"the calibration of the node was made with {device or 'one without a name'} as {name},"
                    f" which now is {devices[name] or 'one without a name'}: calibrate the node again"
                )


def idle_gpus(selection: Selection, used: int | None) -> list[str]:
    """A note on GPUs that are metered because they are there, but have nothing to do."""
    infos = [source.info for source in selection.sources if source.info.name in selection.counted]
    kinds = [info.kind for info in infos if info.part == "gpu"]
    metered = len(kinds)
    if used is None or metered <= used:
        return []
    train = f"at most {used} of which train" if used else "none of which trains"
    return [
        f"{metered} GPU(s) are metered, {train}: what the others use is in the total; "
        f"{' or '.join(dict.fromkeys(_LEFT_OUT_BY.get(kind, '--meters') for kind in kinds))} leaves them out"
    ]
