"""A recording for ``calibrate --node --load``: the node's meter and all others while its loads are driven."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

from energyprof.errors import UsageError
from energyprof.measure.meters import find_asked, sysfs_root
from energyprof.measure.selection import select
from energyprof.meter import Source
from energyprof.profile.open_meters import MeasurementSettings
from energyprof.profile.run import run_program
from energyprof.profile.session import SessionResult
from energyprof.report.record import MeterRecord, meter_record

NAME = "node-load"


def record_node(
    reference: str,
    settings: MeasurementSettings,
    seconds: float,
    python: str,
    check: Callable[[tuple[MeterRecord, ...], str], object],
) -> tuple[SessionResult, str]:
    """The report of a node that was taken through its levels, ``seconds`` each, and the reference's name.

    ``settings.meters`` name the meters, ``reference`` one of them or the words that ask for it. ``check`` is
    given the meters before anything is loaded, and raises where they cannot be calibrated.

    Raises:
        UsageError: there is no such meter, or it is several.
        MissingPart: it is not here.
        FileError: the report cannot be written.
    """
    words = dict.fromkeys((*settings.meters, reference) if "=" in reference else settings.meters)
    settings = replace(settings, meters=tuple(words))
    selection = select(find_asked(sysfs_root(), settings.meters), settings.meters)
    name = _name_of(reference, selection.sources)
    check(
        tuple(
            meter_record(source.info, settings.interval_s, counted=source.info.name in selection.counted)
            for source in selection.sources
        ),
        name,
    )
    command = [sys.executable, "-m", "energyprof.profile.node_load", f"{seconds:g}", "--python", python]
    return run_program(command, NAME, settings), name


def _name_of(reference: str, sources: tuple[Source, ...]) -> str:
    """The meter that the words ask for."""
    named = reference.partition("?")[0].replace("=", ":", 1)
    found = [s.info.name for s in sources if s.info.name in (reference, named)]
    found = found or [s.info.name for s in sources if s.info.name.startswith(f"{named}:")]
    if len(found) != 1:
        there = ", ".join(source.info.name for source in sources) or "none"
        raise UsageError(f"--reference {reference}: name one meter of a whole node; there is {there}")
    return found[0]
