"""Times as loggers write them: seconds since 1970 and their thousandths, or ISO 8601."""

from __future__ import annotations

import re
from datetime import datetime, timezone, tzinfo

# The size of a time shows its unit: 1e9 s was in 2001, 1e11 s will be in 5138.
_EPOCHS = ((1e9, 1.0), (1e12, 1e3), (1e15, 1e6), (1e18, 1e9))

_ISO = re.compile(
    r"(\d{4})[-/](\d\d?)[-/](\d\d?)[T ]+(\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?"
    r"\s*(?:(Z|UTC)|([+-])(\d\d):?(\d\d)?)?",
    re.IGNORECASE,
)


def seconds(text: str, zone: tzinfo | None) -> float:
    """Seconds since 1970 (UTC); ``zone`` is that of times without one.

    Raises:
        ValueError: it is not a time, or could be two.
    """
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return _iso(text, zone)
    for least, per_second in _EPOCHS:
        if least <= number < 100 * least:
            return number / per_second
    raise ValueError(f"{text!r} is not a time since 1970 (in s, ms, µs or ns)")


def _iso(text: str, zone: tzinfo | None) -> float:
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time: it must be seconds since 1970 or ISO 8601")
    year, month, day, hour, minute = (int(match[group]) for group in range(1, 6))
    micro = int((match[7] or "0")[:6].ljust(6, "0"))
    try:
        local = datetime(year, month, day, hour, minute, int(match[6] or 0), micro)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time: {error}") from None
    if match[8]:
        return local.replace(tzinfo=timezone.utc).timestamp()
    if match[9]:
        east_s = (int(match[10]) * 60 + int(match[11] or 0)) * (-60 if match[9] == "-" else 60)
        return local.replace(tzinfo=timezone.utc).timestamp() - east_s
    if zone is None:
        raise ValueError(f"{text!r} has no time zone: give it with tz=UTC or tz=Europe/Paris")
    first, second = local.replace(tzinfo=zone), local.replace(tzinfo=zone, fold=1)
    if first.utcoffset() != second.utcoffset():
        raise ValueError(f"{text!r} comes twice or never in {zone}: the clocks were changed; log in UTC")
    return first.timestamp()
