"""The time of day in words. Durations come from ``time.monotonic()``, never from here."""

from __future__ import annotations

import time
from datetime import datetime, timezone


def utc(time_s: float) -> str:
    """A time in s since 1970 as ISO 8601, in UTC, to the millisecond."""
    moment = datetime.fromtimestamp(time_s, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc_now() -> str:
    """The time as ISO 8601, in UTC, to the millisecond."""
    return utc(time.time())
