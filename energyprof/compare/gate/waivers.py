"""Waivers: reasons of invalidity that a team overlooks for a while, each with why and until when.

A TOML file of one table a waiver::

    [[waiver]]
    code = "throttled"          # of energyprof.compare.reasons
    report = "nightly-*"        # or task = "unet": a report's label or its work's name, * for any text
    reason = "fan of node 3 is on order, ticket 4711"
    expires = 2026-12-24        # the last day on which it holds
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from energyprof.compare.reasons import CODES, Invalidity
from energyprof.errors import FileError, UsageError
from energyprof.files import read_text
from energyprof.storable.frozen import dataclass

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_KEYS = ("code", "report", "task", "reason", "expires")


@dataclass(frozen=True)
class Waiver:
    """One reason that is overlooked, where, why and until when."""

    code: str
    report: str  # a pattern of labels; "": of any report
    task: str  # a pattern of the works' names; "": of any work
    reason: str
    expires: str  # the last day on which it holds: "2026-12-24"

    def holds_for(self, found: Invalidity, task: str) -> bool:
        """Whether it is about this."""
        return (
            self.code == found.code
            and fnmatchcase(found.report, self.report or "*")
            and fnmatchcase(task, self.task or "*")
        )


@dataclass(frozen=True)
class Waivers:
    """Those of a file, by a day."""

    holding: tuple[Waiver, ...] = ()
    expired: tuple[Waiver, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """A line for each that no longer waives."""
        return tuple(
            f"the waiver of {one.code} for {one.report or one.task} expired on {one.expires}"
            f" ({one.reason}): it no longer waives"
            for one in self.expired
        )


@dataclass(frozen=True)
class Waived:
    """A reason that was found and overlooked."""

    invalidity: Invalidity
    waiver: Waiver

    @property
    def line(self) -> str:
        """For people: what was overlooked, where, why and until when."""
        found = self.invalidity
        where = ", ".join(filter(None, (found.report, found.run)))
        return f"waived until {self.waiver.expires}: {where}: {found.words} ({self.waiver.reason})"


NONE = Waivers()


def split(
    found: Iterable[Invalidity], task: str, by: Waivers
) -> tuple[tuple[Invalidity, ...], tuple[Waived, ...]]:
    """What stays of what was found in a report of this task, and what is waived."""
    kept, waived = [], []
    for one in found:
        waiver = next((waiver for waiver in by.holding if waiver.holds_for(one, task)), None)
        if waiver is None:
            kept.append(one)
        else:
            waived.append(Waived(one, waiver))
    return tuple(kept), tuple(waived)


def read_waivers(path: Path, today: str) -> Waivers:
    """The waivers in a file; those whose last day lies before ``today`` (ISO 8601) are expired.

    Raises:
        FileError: it cannot be read, or is not TOML.
        UsageError: a waiver in it is none; the message names it and the key.
    """
    try:
        data = tomllib.loads(read_text(path))
    except (ValueError, RecursionError) as error:  # not only TOML's own: a number of 5,000 digits
        raise FileError(f"{path}: not TOML: {' '.join(str(error).split())}") from None
    tables = data.get("waiver")
    if set(data) - {"waiver"} or not isinstance(tables, list):
        raise UsageError(f"{path}: give one [[waiver]] table for each waiver, and nothing else")
    found = [_waiver(table, f"{path}: waiver {i}") for i, table in enumerate(tables, 1)]
    day = today[:10]
    return Waivers(
        tuple(one for one in found if one.expires >= day), tuple(one for one in found if one.expires < day)
    )


def _waiver(table: Any, where: str) -> Waiver:
    if not isinstance(table, Mapping):
        raise UsageError(f"{where}: is not a table; write [[waiver]] above its keys")
    if unknown := sorted(set(table) - set(_KEYS)):
        raise UsageError(f"{where}: unknown key {unknown[0]!r}; there are {', '.join(_KEYS)}")
    code = _text(table, "code", where)
    waivable = [name for name, meaning in CODES.items() if meaning.waivable]
    if code not in waivable:
        known = "cannot be waived: without the figure there is nothing to judge" if code in CODES else ""
        raise UsageError(f"{where}: code {code!r} {known or 'is none'}; choose from {', '.join(waivable)}")
    report, task = (_text(table, key, where) if key in table else "" for key in ("report", "task"))
    if not report and not task:
        raise UsageError(f'{where}: give report = "a report\'s name", or task = "a work\'s name", it is for')
    return Waiver(code, report, task, _text(table, "reason", where), _day(table.get("expires"), where))


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    found = table.get(key)
    if not isinstance(found, str) or not found.strip() or not found.isprintable():
        raise UsageError(f'{where}: {key}: give a text in one line, such as {key} = "{_EXAMPLES[key]}"')
    return found.strip()


_EXAMPLES = {
    "code": "throttled",
    "report": "nightly-*",
    "task": "unet",
    "reason": "its fan is on order, ticket 4711",
}


def _day(found: Any, where: str) -> str:
    """The day as ISO 8601, given as TOML's date or as a text."""
    if isinstance(found, datetime.datetime):
        found = found.date()
    if isinstance(found, datetime.date):
        return found.isoformat()
    try:
        return datetime.date.fromisoformat(found).isoformat()
    except (TypeError, ValueError):
        raise UsageError(f"{where}: expires: give its last day, such as expires = 2026-12-24") from None


def printed(waived: Sequence[Waived]) -> tuple[str, ...]:
    """A line for each, no line twice."""
    return tuple(dict.fromkeys(one.line for one in waived))
