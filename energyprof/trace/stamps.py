"""Times as loggers write them: numbers since 1970, ISO 8601, or the day in the order of some country."""

from __future__ import annotations

import math
import re
from datetime import datetime, timezone, tzinfo
from typing import Literal

# Of dates such as 04/09/2025: which of the two comes first. "": it is not known.
DateOrder = Literal["", "dmy", "mdy"]
# Which of two a time is that comes twice.
Opening = Literal["first", "second"]

# The size of a time shows its unit: 1e9 s was in 2001, 1e11 s will be in 5138.
_EPOCHS = ((1e9, 1.0), (1e12, 1e3), (1e15, 1e6), (1e18, 1e9))
_SHORTEST_EPOCH, _LONGEST_EPOCH = _EPOCHS[0][0], 100 * _EPOCHS[0][0]

_CLOCK = r"[T ,]+(?P<hour>\d\d?):(?P<minute>\d\d?)(?::(?P<second>\d\d?)(?:[.,](?P<fraction>\d+))?)?"
_HALF = r"(?:\s*(?P<half>[AP]M))?"
_ZONE = r"\s*(?:(?P<utc>Z|UTC|GMT)|(?P<sign>[+-])(?P<east_h>\d\d):?(?P<east_min>\d\d)?)?"
_ISO = re.compile(
    rf"(?P<year>\d{{4}})[-/](?P<month>\d\d?)[-/](?P<day>\d\d?){_CLOCK}{_HALF}{_ZONE}", re.IGNORECASE
)
_DAY_FIRST = re.compile(rf"(?P<day>\d\d?)\.(?P<month>\d\d?)\.(?P<year>\d{{4}}){_CLOCK}{_ZONE}", re.IGNORECASE)
_EITHER = re.compile(
    rf"(?P<first>\d\d?)[-/](?P<then>\d\d?)[-/](?P<year>\d{{4}}){_CLOCK}{_HALF}{_ZONE}", re.IGNORECASE
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# As C's ctime writes them: "Wed Apr  9 08:59:06 2025", with or without a zone before or after the year.
_NAMED = re.compile(
    rf"(?:[A-Z][a-z]{{2}},? )? *(?P<name>[A-Z][a-z]{{2}}) +(?P<day>\d\d?){_CLOCK}"
    rf"{_HALF}(?: (?:UTC|GMT))? (?P<year>\d{{4}}){_ZONE}"
)
# As mail has them, and date(1) of some distributions: "Wed, 09 Apr 2025 08:59:06 +0000".
_MAIL = re.compile(
    rf"(?:[A-Z][a-z]{{2}},? )? *(?P<day>\d\d?) (?P<name>[A-Z][a-z]{{2}}) (?P<year>\d{{4}})"
    rf"{_CLOCK}{_HALF}{_ZONE}"
)
# As Ada's programs write them: each number after a blank in place of its sign, and milliseconds as one.
_ADA = re.compile(r"(\d{4})- *(\d\d?)- *(\d\d?) +(\d\d?): *(\d\d?): *(\d\d?)\. +(\d{1,3})")

_OF_DAY = re.compile(r"(\d{1,3}):(\d\d):(\d\d(?:[.,]\d+)?)")
_DAY_ALONE = re.compile(r"\d{4}[-/]\d\d?[-/]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{4}")
HALF_A_DAY_S = 43200.0

_UNITS_S = {
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "usec", "usecs", "micros", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("ns", "nsec", "nsecs", "nanos", "nanosecond", "nanoseconds"), 1e-9),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
}
_UNIT_NAMES = {1.0: "seconds", 1e-3: "ms", 1e-6: "µs", 1e-9: "ns", 60.0: "minutes", 3600.0: "hours"}

# Up to the seconds: "2025-04-09T08:59:".
_MINUTE = 17


def seconds(text: str, zone: tzinfo | None, order: DateOrder = "") -> float:
    """Seconds since 1970 (UTC); ``zone`` is that of times without one.

    Raises:
        ValueError: it is not a time, or could be two.
    """
    number = _float(text)
    if number is None:
        return _date(text, zone, order)
    for least, per_second in _EPOCHS:
        if least <= number < 100 * least:
            return number / per_second
    raise ValueError(f"{text!r} is not a time since 1970 (in s, ms, µs or ns)")


def is_time(text: str) -> bool:
    """Whether it is a time, in whatever zone."""
    try:
        seconds(text, timezone.utc)
    except ValueError:
        return False
    return True


def time_in(text: str, around: str) -> str:
    """The time that a text is, without the characters of ``around`` before and behind it; "": it is none."""
    bare = text.strip(around)
    return bare if bare and is_time(bare) else ""


def elapsed(text: str, unit_s: float = 1.0) -> float:
    """Seconds since some start: a number of units of ``unit_s`` that is not a time since 1970.

    Raises:
        ValueError: it is none.
    """
    number = _float(text)
    if number is None or not 0 <= number * unit_s < _SHORTEST_EPOCH:
        raise ValueError(f"{text!r} is not a number of {_UNIT_NAMES.get(unit_s, 'units')} since the start")
    return number * unit_s


def of_day(text: str) -> float:
    """Seconds since midnight of a time of day that has no date.

    Raises:
        ValueError: it is none.
    """
    match = _OF_DAY.fullmatch(text.strip())
    if match is None or int(match[2]) > 59:
        raise ValueError(f"{text!r} is not a time of day")
    return int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3].replace(",", "."))


class DayAfterDay:
    """Turns times of day into seconds since the first midnight: where they go far back, a day has passed."""

    def __init__(self) -> None:
        self._midnight_s = self._last_s = 0.0

    def __call__(self, text: str) -> float:
        """Raises ValueError: it is no time of day."""
        time_s = of_day(text)
        if time_s < self._last_s - HALF_A_DAY_S:
            self._midnight_s += 2 * HALF_A_DAY_S
        self._last_s = time_s
        return self._midnight_s + time_s


def unit_of_title(title: str) -> float:
    """The unit of time that the last word of a title names, in s; seconds, if it names none."""
    words = re.findall(r"[A-Z]?[a-zµ]+|[A-Z]+", title)
    return _UNITS_S.get(words[-1].lower().replace("µ", "u"), 1.0) if words else 1.0


class Stamps:
    """Turns the times of one column into seconds; those of one minute at the price of a number.

    Where the clocks go back an hour, times come twice: they are the second ones from where they go back on.
    The first of all, with nothing before that tells, is taken as ``opening`` says, or refused.
    """

    def __init__(self, zone: tzinfo | None, order: DateOrder = "", opening: Opening | None = None) -> None:
        self._zone, self._order, self._opening = zone, order, opening
        self.opened: Opening | None = None  # which of the two it took; None: the first time came once
        # Taken as the first ones, they leave out the hour that follows: they are the second.
        self.late = False
        # By so much: neither was it seen to go back, nor did a time come that comes once.
        self._unsure_s = 0.0
        self._head, self._tail, self._minute_s = "", "", 0.0
        self._last_s = -math.inf  # the last time of a minute that came before

    def __call__(self, text: str) -> float:
        """As `seconds`."""
        text = text.strip()
        if text[:_MINUTE] == self._head:
            try:
                tail = self._tail
                second_s = float(
                    text[_MINUTE : -len(tail)] if tail and text.endswith(tail) else text[_MINUTE:]
                )
            except ValueError:
                return self._seconds(text)
            if 0 <= second_s < 60:
                return self._minute_s + second_s
        return self._anew(text)

    def _anew(self, text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            time_s = self._seconds(text)
            clock = re.match(r"(\d\d(?:\.\d+)?)([^\d.,].*)?$", text[_MINUTE:])
            if clock and text[_MINUTE - 1] == ":" and " M" not in text[-3:].upper():
                self._head, self._tail = text[:_MINUTE], clock[2] or ""
                self._minute_s = time_s - float(clock[1])
                if "M" in self._tail.upper():  # a half of the day, which the minute does not tell
                    self._head = ""
            return time_s
        if _SHORTEST_EPOCH <= number < _LONGEST_EPOCH and "_" not in text:
            return number
        return self._seconds(text)

    def _seconds(self, text: str) -> float:
        try:
            time_s = seconds(text, self._zone, self._order)
            if self._unsure_s:
                self.late, self._unsure_s = time_s - self._last_s >= self._unsure_s, 0.0
        except Twice as error:
            first_s, second_s = error.times_s
            if math.isinf(self._last_s):  # nothing before it tells
                if self._opening is None:
                    raise
                self.opened = self._opening
                self._unsure_s = second_s - first_s if self.opened == "first" else 0.0
                self._last_s = first_s if self.opened == "first" else second_s
            # A row that is out of place goes back by less.
            back = self._last_s - first_s >= (second_s - first_s) / 2
            time_s = second_s if back else first_s
            if back:
                self._unsure_s = 0.0
        self._last_s = time_s
        return time_s


class Twice(ValueError):
    """A time that came twice, since the clocks went back: ``times_s``, in s since 1970."""

    def __init__(self, message: str, times_s: tuple[float, float]) -> None:
        super().__init__(message)
        self.times_s = times_s


def ambiguous(text: str) -> bool:
    """Whether it is a date of which nobody can tell the day from the month."""
    match = _EITHER.fullmatch(text.strip())
    return match is not None and match["first"] != match["then"] and max(_pair(match)) <= 12


def order_of(text: str) -> DateOrder:
    """Which comes first in such a date, where one of the two cannot be a month."""
    match = _EITHER.fullmatch(text.strip())
    first, then = _pair(match) if match else (0, 0)
    return "dmy" if first > 12 >= then else "mdy" if then > 12 >= first else ""


def _pair(match: re.Match[str]) -> tuple[int, int]:
    return int(match["first"]), int(match["then"])


def _date(text: str, zone: tzinfo | None, order: DateOrder) -> float:
    local, found = _local(text, order)
    if found.get("utc") or " UTC " in text or " GMT " in text:
        return local.replace(tzinfo=timezone.utc).timestamp()
    if sign := found.get("sign"):
        east_s = (int(found["east_h"] or 0) * 60 + int(found["east_min"] or 0)) * (-60 if sign == "-" else 60)
        return local.replace(tzinfo=timezone.utc).timestamp() - east_s
    if zone is None:
        raise ValueError(f"{text!r} has no time zone: give it with tz=UTC or tz=Europe/Paris")
    first, second = local.replace(tzinfo=zone), local.replace(tzinfo=zone, fold=1)
    first_s, second_s = first.timestamp(), second.timestamp()
    if first_s < second_s:
        raise Twice(
            f"{text!r} comes twice in {zone}: the clocks were put back; log in UTC", (first_s, second_s)
        )
    if first_s > second_s:
        raise ValueError(f"{text!r} never was in {zone}: the clocks were put forward; log in UTC")
    return first_s


def _local(text: str, order: DateOrder) -> tuple[datetime, dict[str, str | None]]:
    """The date and time as written, and the parts that say of which zone they are."""
    if ada := _ADA.fullmatch(text.strip()):
        *whole, milli = (int(part) for part in ada.groups())
        return _moment(text, whole, milli * 1000), {}
    match = _ISO.fullmatch(text) or _DAY_FIRST.fullmatch(text) or _EITHER.fullmatch(text)
    match = match or _NAMED.fullmatch(text) or _MAIL.fullmatch(text)
    if match is None and _OF_DAY.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is a time of day without its date: log both")
    if match is None and _DAY_ALONE.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is a day without a time of day: log both")
    if match is None:
        raise ValueError(f"{text!r} is not a time: it must be seconds since 1970 or ISO 8601")
    found = match.groupdict()
    if "name" in found:
        if found["name"].lower() not in _MONTHS:
            raise ValueError(f"{text!r} is not a time: {found['name']!r} is not a month")
        month, day = _MONTHS.index(found["name"].lower()) + 1, int(found["day"])
    elif "first" in found:
        order = order or order_of(text)
        if not order and ambiguous(text):
            raise ValueError(f"{text!r} may be of two days: log in ISO 8601 (2025-04-09T08:59:06Z)")
        day, month = _pair(match) if order == "dmy" else _pair(match)[::-1]
    else:
        month, day = int(found["month"]), int(found["day"])
    hour = int(found["hour"])
    if half := found.get("half"):
        if not 1 <= hour <= 12:
            raise ValueError(f"{text!r} is not a time: the hour {hour} has no {half}")
        hour = hour % 12 + (12 if half.upper() == "PM" else 0)
    whole = [int(found["year"]), month, day, hour, int(found["minute"]), int(found["second"] or 0)]
    return _moment(text, whole, int((found["fraction"] or "0")[:6].ljust(6, "0"))), found


def _moment(text: str, whole: list[int], micro: int) -> datetime:
    year, month, day, hour, minute, second = whole
    try:
        moment = datetime(year, month, day, hour, minute, second, micro)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time: {error}") from None
    if not 1970 < year < 5000:
        raise ValueError(f"{text!r} is not a time of a logger: the year is {year}")
    return moment


def _float(text: str) -> float | None:
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else math.nan
