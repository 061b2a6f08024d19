"""What the meters said. This is the waist of the program.

Before it: hardware, threads, processes and clocks. After it: arithmetic on data that does not change.
"""

from __future__ import annotations

from typing import NamedTuple


class Sample(NamedTuple):
    """One attempt to read a meter; both stamps are ``time.monotonic()`` less the run's zero, in s."""

    start_s: float  # just before the read
    end_s: float  # just after it
    value: float | None  # in the meter's unit; None: the read failed
