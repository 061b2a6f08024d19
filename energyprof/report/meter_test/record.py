"""What a meter test found, and the file that keeps it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from energyprof.decode import Amount, Count, Misfit, Name, NonNegative, Share, Utc, decode
from energyprof.errors import FileError
from energyprof.files import Schema, parse, read_text
from energyprof.report.meter_test.steps import Step, Target
from energyprof.storable.frozen import dataclass
from energyprof.storable.values import fitted

# The schema and its history; a reader takes every version up to its own.
#   energyprof.meter-test/1   the first
SCHEMA_NAME = "energyprof.meter-test"
SCHEMA_VERSION = 1
SCHEMA = f"{SCHEMA_NAME}/{SCHEMA_VERSION}"
_SCHEMA = Schema(SCHEMA_NAME, SCHEMA_VERSION, "meter test")

# follows: its power rises with the load of its own part.
# elsewhere: it rises with the load of another part of that kind, and not, or far less, with its own.
# against: it falls where the load rises · unmoved: it moves, but not with any load of its part
# unclear: it moves, but too much by itself to tell whether the load moved it
# frozen: it shows one value throughout, or from some time on · dead: no reading, or none in whole steps
# coarse: a counter whose next step is further away than the test lasted
# sparse: its values came too rarely for the steps of this test, or each stands for more than a step
# unloaded: it reads, and no load of its part was made: whether it follows is not known
State = Literal[
    "follows", "elsewhere", "against", "unmoved", "unclear", "frozen", "dead", "coarse", "sparse", "unloaded"
]
BROKEN: tuple[State, ...] = ("elsewhere", "against", "unmoved", "frozen", "dead")
# A meter of which more reads fail than this share leaves gaps that no run should have.
MAY_FAIL = 0.05

# Processors and GPUs take tenths of a second to come to full power: a shorter window or delay may be that.
RAMP_S = 0.8

# Why a power cannot be what it says: more than the device may draw, or than any device of its kind does; less
# than any does under such a load.
Implausible = Literal["above_limit", "above_any", "below_any"]


@dataclass(frozen=True)
class Twin:
    """A meter of the same joules, and how this one compares with it."""

    meter: Name
    ratio: NonNegative  # this one's rise under load divided by the other's
    tolerance: NonNegative  # what they may differ by, as a share
    agrees: bool


@dataclass(frozen=True)
class Within:
    """A meter of a whole beside those of its parts, under the load that moved these most."""

    parts: tuple[str, ...]
    rise_w: float  # of the whole
    parts_rise_w: float
    agrees: bool


@dataclass(frozen=True)
class MeterResult:
    """What one meter was found to do. ``None``: the test could not tell."""

    meter: Name
    device: str
    method: str
    part: str
    state: State
    load: str = ""  # the targets that it should follow, in words; "": none was loaded
    follows: tuple[str, ...] = ()  # those that it follows
    idle_w: float | None = None
    half_w: float | None = None
    full_w: float | None = None
    renewed_s: Amount | None = None  # the usual time between two renewals
    renewed_most_s: Amount | None = None  # nine of ten come within it
    looked_s: Amount | None = None  # the time between the looks that told this: it may renew more often
    window_s: Amount | None = None  # over what it averages; 0: over nothing longer than finest_s
    delay_s: Amount | None = None  # by how much it is late; 0: by no more than finest_s
    finest_s: Amount | None = None
    decay_s: Amount = 0.0  # its mean falls off with this time constant; window_s is then twice that
    # Windows up to this explain its readings as well as window_s does, the shortest; None: no longer one.
    window_most_s: Amount | None = None
    quantum: NonNegative | None = None  # the smallest step between two values, in its own unit
    implausible: Implausible | None = None
    limit_w: Amount | None = None  # the bound that was passed
    factor: NonNegative | None = None  # a factor of a thousand that would make it plausible
    twin: Twin | None = None
    within: Within | None = None
    since_s: Amount | None = None  # from when on a frozen one shows one value; None: throughout
    set_back: Count = 0  # how often a counter was
    failed: Share = 0.0  # of its reads, or of the time
    problem: str = ""  # what its failed reads said

    @property
    def broken(self) -> bool:
        """Whether its readings cannot be relied on."""
        apart = any(beside is not None and not beside.agrees for beside in (self.twin, self.within))
        odd = self.implausible is not None or self.set_back > 0 or self.failed > MAY_FAIL
        return self.state in BROKEN or odd or apart


@dataclass(frozen=True)
class MeterTestRecord:
    """A test of a machine's meters."""

    schema: str
    created: Utc
    energyprof: str
    host: str
    targets: tuple[Target, ...]
    steps: tuple[Step, ...]
    results: tuple[MeterResult, ...]
    unloaded: tuple[str, ...] = ()  # what could not be loaded, and why
    notes: tuple[str, ...] = ()
    disturbed: tuple[str, ...] = ()  # why it is not to be relied on; empty: it is

    @property
    def passed(self) -> bool:
        """Whether every meter is well, and nothing disturbed the test."""
        return not self.disturbed and not any(result.broken for result in self.results)


def to_json(record: MeterTestRecord) -> str:
    """The record as indented JSON with a newline at its end."""
    data = {**fitted(dataclasses.asdict(record)), "passed": record.passed}
    for told, result in zip(data["results"], record.results, strict=True):
        told["broken"] = result.broken
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write(record: MeterTestRecord, path: Path, publish: Callable[[Path, str], None]) -> None:
    """Write ``record`` to ``path``, whole or not at all.

    Raises:
        FileError: the disk is full, or the folder cannot be written.
    """
    publish(path, to_json(record))


def read(path: Path) -> MeterTestRecord:
    """The record in the file ``path``.

    Raises:
        FileError: it cannot be read, or is no meter test.
    """
    data = parse(read_text(path), str(path), _SCHEMA)
    try:
        return decode(MeterTestRecord, data, "meter test")
    except Misfit as error:
        raise FileError(f"{path}: not a valid meter test: {error}") from None
