"""The contract of a meter: what it reads, of which part, within which boundary, how well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Part = Literal["cpu", "dram", "gpu", "soc", "machine"]

# Joules of different boundaries are never added: a wall meter already holds what RAPL counts.
Boundary = Literal["component", "module", "node_dc", "wall_ac"]

Quantity = Literal["energy_j", "power_w"]


@dataclass(frozen=True)
class MeterInfo:
    """What must be known of a meter to turn its readings into joules; stored in every report."""

    name: str  # unique on the machine: "rapl:package-0"
    kind: str  # its file in meters/: "rapl"
    part: Part
    boundary: Boundary
    reads: Quantity  # a counter that only grows, or an instantaneous power
    method: str  # how it is read, in a few words: "powercap energy_uj"
    resolution: float  # smallest step of a reading, in the unit it reads
    refresh_s: float  # how often the source renews its value
    gain_a: float  # relative gain error, half-width of a rectangular distribution (0.05 = ±5 %)
    gain_source: str  # where that number comes from
    max_power_w: float  # a reading that implies more is not believed
    wraps_at_j: float | None = None  # a counter's modulus; None if it never wraps
    device: str = ""  # UUID, CPU model, bus address
    # Meters of one lane are read by one thread, one after the other: only for reads of microseconds from one
    # driver, which could hang together at most. Every other meter has a thread of its own.
    lane: str = ""
    estimated: bool = False  # a model, not a meter


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


@dataclass(frozen=True)
class Source:
    """A meter that can be opened on this machine."""

    info: MeterInfo
    open: Callable[[], Meter]


# real: a reading of hardware. estimate: a model, the last resort of ``auto``.
# cross-check: never chosen by ``auto``, since it reads or models what other meters read.
Role = Literal["real", "cross-check", "estimate"]


@dataclass(frozen=True)
class Finding:
    """What a search for one kind of meter brought to light on this machine.

    ``found`` may come with ``notes`` (a zone that could not be read, an overlap left out);
    ``blocked`` has a ``remedy`` a user can paste; ``absent`` has only a ``reason``.
    """

    kind: str
    role: Role
    state: Literal["found", "blocked", "absent"]
    sources: tuple[Source, ...] = ()
    reason: str = ""
    remedy: str = ""
    notes: tuple[str, ...] = ()
