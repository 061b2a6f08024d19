"""The time of day. Durations come from ``time.monotonic()``, never from here."""

from __future__ import annotations

import time

from energyprof.units import utc


def utc_now() -> str:
    """The time as ISO 8601, in UTC, to the millisecond."""
    return utc(time.time())
