"""What is to be scanned within a training: one lever, and the values that it is given in turn."""

from __future__ import annotations

from collections.abc import Sequence

from energyprof.errors import UsageError
from energyprof.measure.lever import Lever, LeverError
from energyprof.measure.levers import find_named
from energyprof.measure.meters import sysfs_root
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class ScanPlan:
    """One lever, and how its values are tried."""

    lever: str  # "gpu.power_limit", for all GPUs; "gpu.power_limit:nvml:0"
    values: tuple[str, ...]  # as people write them; what the lever was found at is tried beside them
    blocks: int  # each with every value once, in random order
    window_s: float  # of training for each value in each block …
    settle_s: float  # … after so long, in which the machine gets used to it
    first_block: int = 0


def planned_values(word: str) -> tuple[str, tuple[str, ...]]:
    """The lever in "gpu.power_limit=200W,250W" and its values; without any the rungs of its range.

    Raises:
        UsageError: there is no such lever, or not with these values, or it cannot be turned in a training.
        MissingPart: this machine does not have it.
        LeverError: it cannot be read, or this user may not write it.
    """
    label, _, listed = word.partition("=")
    levers = find_named(sysfs_root(), label.strip())
    if at_start := [lever for lever in levers if lever.acts == "at start"]:
        raise UsageError(
            f"--lever {word}: a training reads {at_start[0].name} when it starts, so it cannot be scanned "
            f'within one: make it a factor of a study, "lever.{at_start[0].name}"'
        )
    parts = [part.strip() for part in listed.split(",") if part.strip()]
    # What was before the clocks were locked is said once, for all values.
    known = [part for part in parts if part.startswith("was=")]
    values = [",".join([part, *known]) for part in parts if part not in known] or list(levers[0].values.rungs)
    if len(values) < 2 and not listed:
        raise UsageError(
            f"--lever {word}: name the values to try: {label}=VALUE,VALUE ({levers[0].values.range})"
        )
    for lever in levers:
        _check(lever, values)
    return label.strip(), tuple(dict.fromkeys(values))


def _check(lever: Lever, values: Sequence[str]) -> None:
    for value in values:
        lever.own(value)
    lever.control.read()
    if lever.remedy:
        raise LeverError(f"--lever {lever.label}: you may not write it; try: {lever.remedy}")
