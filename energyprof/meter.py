"""The contract of a meter: what it reads, of which part, within which boundary, how well."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, get_args

from energyprof.decode import Amount, Name, NonNegative, Positive, Share, Signed, Utc
from energyprof.storable.frozen import dataclass

# board: what a module feeds beside its chips. soc and machine hold all the others.
Part = Literal["cpu", "dram", "gpu", "board", "soc", "machine"]

# Joules of different boundaries are never added: a wall meter already holds what RAPL counts.
Boundary = Literal["component", "module", "node_dc", "wall_ac"]

# From the part to the whole: what lies within a boundary lies within the next.
BOUNDARIES: tuple[Boundary, ...] = ("component", "module", "node_dc", "wall_ac")

# Parts that hold all the others.
WHOLES: tuple[Part, ...] = ("soc", "machine")

Quantity = Literal["energy_j", "power_w"]

# measured: read from hardware · modelled: an estimate from something else that was read, such as CPU time ·
# simulated: computed for machines that never ran. Never mixed in silence.
Origin = Literal["measured", "modelled", "simulated"]
ORIGINS: tuple[Origin, ...] = get_args(Origin)  # from the firmest to the weakest


def joint_origin(origins: Iterable[Origin]) -> Origin:
    """What a sum of such parts is: no firmer than its weakest part."""
    return max(origins, key=ORIGINS.index, default="measured")


@dataclass(frozen=True)
class CalibratedRange:
    """Where a calibration was made, and what it is doubted by elsewhere (``report/transfer.py``)."""

    low_w: NonNegative  # the mean powers that the meter read
    high_w: NonNegative
    start: Utc  # of the recording
    end: Utc
    drift_u: Amount  # relative, standard (k = 1), 12 h outside that time
    slope_u: Amount  # relative, standard, of the power beyond the range
    temperature_c: tuple[float, float] | None = None  # of the device, where a probe told it


@dataclass(frozen=True)
class Calibration:
    """What a comparison with a better meter showed: true power = ``gain`` × reading + ``offset_w``."""

    gain: Positive
    gain_u: Amount  # relative, standard (k = 1)
    offset_w: Signed
    offset_u_w: Amount  # standard (k = 1)
    source: str  # the file, the reference meter and the day
    made: CalibratedRange | None = None  # None: nobody says where it holds


@dataclass(frozen=True)
class MeterInfo:
    """What must be known about a meter to turn its readings into joules; stored in every report."""

    name: Name  # unique on the machine: "rapl:package-0"
    kind: str  # its file in meters/: "rapl"
    part: Part
    boundary: Boundary
    reads: Quantity  # a counter that only grows, or an instantaneous power
    method: str  # how it is read, in a few words: "powercap energy_uj"
    resolution: Amount  # smallest step of a reading, in the unit it reads
    refresh_s: Amount  # how often the source renews its value; an open meter may have measured it
    gain_a: Amount  # relative gain error, half-width of a rectangular distribution (0.05 = ±5 %)
    gain_source: str  # where that number comes from
    max_power_w: Positive  # a reading that implies more is not believed
    wraps_at_j: Positive | None = None  # a counter's modulus; None if it never wraps
    device: str = ""  # UUID, CPU model, bus address
    # Meters of one lane are read by one thread, one after the other: only for reads of microseconds from one
    # driver, which could hang together at most. Every other meter has a thread of its own.
    lane: str = ""
    origin: Origin = "measured"
    offset_a_w: Amount = 0.0  # zero error, half-width of a rectangular distribution
    window_s: Amount = 0.0  # a power is the mean over so long before its read; 0: of that instant
    refresh_is_longest: bool = False  # no more is promised: how often it renews is learnt from its readings
    window_assumed: bool = False  # nobody states it: it may be anything up to that
    delay_s: Amount = 0.0  # what it shows is so old besides …
    delay_a_s: Amount = 0.0  # … give or take (half-width)
    may_be_zero: bool = False  # a part that can be switched off; of all others 0 W is not a reading
    may_stand_still: bool = False  # a power that shows one value for long although all is well
    ticks: bool = False  # a counter whose ticks are worth stamping: the sampler looks for their edges
    min_interval_s: Amount = 0.0  # never read more often: a device behind a slow bus or a network
    max_interval_s: Positive | None = None  # nor less often: a counter that its driver must see in time
    # Another meter that reads the same joules. This one is recorded to be held against it, and counted only
    # where the other is not; over 5 s they may differ by `tolerance` of their energy.
    checks: str = ""
    tolerance: Amount = 0.0
    external: bool = False  # read by something else at times of its own; joined by UTC after each run
    tested: str = ""  # the test that measured its renewals, window and delay, and the day; "": none did
    calibration: Calibration | None = None  # applied to joules, never to readings
    # How far the truth may lie below and above a reading, relative, 95 %, where that was found on devices:
    # ``gain_a`` is then the rectangle as wide as the wider of the two.
    gain_below: Share | None = None
    gain_above: Amount | None = None

    def corrected_j(self, joules: float, span_s: float) -> float:
        """The energy over ``span_s`` of which the meter says ``joules``, by its calibration if it has one."""
        if self.calibration is None:
            return joules
        return self.calibration.gain * joules + self.calibration.offset_w * span_s

    def is_reading(self, value: float) -> bool:
        """Whether a value can be what it says it is: the one rule for what 0 W, nan and too much mean."""
        if not 0 <= value <= (self.max_power_w if self.reads == "power_w" else math.inf):
            return False  # nan, too
        return math.isfinite(value) and (value > 0 or self.may_be_zero or self.reads == "energy_j")

    def paced_s(self, interval_s: float) -> float:
        """The time between two reads where ``interval_s`` is asked for; a counter is read thrice a wrap."""
        if self.external:
            return self.refresh_s
        longest_s = math.inf if self.max_interval_s is None else self.max_interval_s
        if self.wraps_at_j is not None:
            longest_s = min(longest_s, self.wraps_at_j / self.max_power_w / 3)
        # Reads at random times need room to be random in: twice the rest that the device must have.
        room = 2 if self.reads == "power_w" and self.refresh_s < self.min_interval_s else 1
        return max(min(interval_s, longest_s), room * self.min_interval_s)

    @property
    def gain_u(self) -> float:
        """The relative standard uncertainty of its gain (a rectangle of half-width a has a/√3)."""
        return max(self.gain_u_below, self.gain_u_above)

    @property
    def gain_u_below(self) -> float:
        """The same towards less than it reads."""
        return self._gain_u(self.gain_below)

    @property
    def gain_u_above(self) -> float:
        """The same towards more than it reads."""
        return self._gain_u(self.gain_above)

    def _gain_u(self, limit: float | None) -> float:
        if self.calibration is not None:
            return self.calibration.gain_u
        return self.gain_a / math.sqrt(3) if limit is None else limit / 2

    @property
    def offset_u_w(self) -> float:
        """The standard uncertainty of its zero."""
        return self.calibration.offset_u_w if self.calibration else self.offset_a_w / math.sqrt(3)


class Meter(Protocol):
    """An open meter. ``energy.py`` integrates; a meter only reads."""

    @property
    def info(self) -> MeterInfo:
        """What it is."""
        ...

    def read(self) -> float:
        """The counter in J or the power in W, now.

        Raises:
            MeterError: there is no reading. Never a guess, never 0 for "don't know".
        """
        ...

    def close(self) -> None:
        """Let go of the device; no read follows."""
        ...


class ExternalLog(Protocol):
    """A log of powers or counters that something else keeps; joined to a run when that is over."""

    @property
    def info(self) -> MeterInfo:
        """What it is; ``external`` is true."""
        ...

    def settle(self, end_s: float, ended_s: float) -> None:
        """Wait for the row after a run, for no longer than such a log may take.

        The run ended at ``end_s`` by the log's clock (s since 1970, UTC), ``ended_s`` on the monotonic one.

        Raises:
            MeterError: the log cannot be read.
        """
        ...

    def between(self, start_s: float, end_s: float) -> Sequence[tuple[float, float | None]]:
        """Its rows between two times in s since 1970 (UTC), with the one before and the one after.

        A row is its time and its value in the meter's unit, or ``None`` where the log has no number. They
        come in the log's order: times go back where its clock did.

        Raises:
            MeterError: the log cannot be read, or has no row there.
        """
        ...

    def close(self) -> None:
        """Let go of the log."""
        ...


class Probe(Protocol):
    """Reports a device's conditions once a second: clocks, temperature, limits, who uses it."""

    @property
    def name(self) -> str:
        """The device, as its meter is named: "nvml:0"."""
        ...

    def read(self) -> Mapping[str, Any]:
        """Numbers (``sm_mhz``, ``temperature_c``, ``power_limit_w``), words (``power_mode``), and two lists.

        ``throttled``: the reasons for which it runs slower than asked, in words joined by underscores.
        ``processes``: ``{"pid", "name"}`` of each process that works on it. What cannot be read is left out.

        Raises:
            MeterError: the device does not answer.
        """
        ...

    def close(self) -> None:
        """Let go of the device."""
        ...


@dataclass(frozen=True)
class Source:
    """A meter or an external log that can be opened on this machine."""

    info: MeterInfo
    open: Callable[[], Meter | ExternalLog]
    address: str = ""  # of a device that more than one kind of meter sees: "0000:03:00.0"


# real: a reading of hardware. estimate: a model, the last resort of ``auto``.
# cross-check: never chosen by ``auto``, since it reads or models what other meters read.
Role = Literal["real", "cross-check", "estimate"]


@dataclass(frozen=True)
class Finding:
    """What a search for one kind of meter found on this machine.

    ``found`` may come with ``notes`` (a zone that could not be read, an overlap left out);
    ``blocked`` has a ``remedy`` a user can paste; ``absent`` has only a ``reason``. ``missing``, each also in
    a note, should be among the sources and gives no reading: who asks for the kind asks for that, too.
    """

    kind: str
    role: Role
    state: Literal["found", "blocked", "absent"]
    sources: tuple[Source, ...] = ()
    reason: str = ""
    remedy: str = ""
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    asked: str = ""  # the words that asked for it, of a kind that needs an address: "shelly=192.0.2.7"
    probes: tuple[Callable[[], Probe], ...] = ()  # opened together with any of the sources
