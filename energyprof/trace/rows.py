"""What the meters said. This is the waist of the program.

Before it: hardware, threads, processes and clocks. After it: arithmetic on data that does not change.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Sample(NamedTuple):
    """One attempt to read a meter; both stamps are ``time.monotonic()`` less the run's zero, in s."""

    start_s: float  # just before the read
    end_s: float  # just after it
    value: float | None  # in the meter's unit; None: the read failed


class Row(NamedTuple):
    """One line of a trace: a sample, or an event."""

    run: int
    source: str  # a meter's name, or '@' and an event's
    sample: Sample  # of an event: its time twice, and no value
    note: str  # why there is no value
    fields: Mapping[str, Any] = MappingProxyType({})  # of an event
