"""Powers or a counter from a file written by another logger, joined to a run by its times."""

from __future__ import annotations

import collections
import functools
import itertools
import statistics
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone, tzinfo
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from energyprof.errors import MeterError, UsageError
from energyprof.measure.meters.network.address import Address, parse
from energyprof.meter import BOUNDARIES, Finding, MeterInfo, Part, Role, Source
from energyprof.trace.gains import INSTRUMENT
from energyprof.trace.table import UNITS, Columns, TableRow, Wanted, read_columns, rows

ROLE: Role = "real"
USAGE = "csv=wall.csv"

OPTIONS = ("part", "offset", "time", "power", "energy", "unit", "tz", "resolution", "window")

# What a log of components or of a module's rails may be of.
PARTS: tuple[Part, ...] = ("cpu", "gpu", "dram", "board", "soc")

# What a cheap plug with a display may be off by; better instruments say so in their datasheets.
# A whole node with eight GPUs, twice.
MAX_POWER_W = 20_000.0

# So many rows tell how often the logger writes, and with how many digits.
LOOKED_AT = 100
# Of a file that has no rows yet.
PERIOD_S = 1.0

# The row after a run is waited for over two of its periods, or so long.
PATIENCE_S = 10.0


def find_at(address: str, options: Mapping[str, str]) -> Finding:
    """The log in the file ``address``; blocked if it is not there, or not a table of times and values.

    Raises:
        UsageError: an option is invalid.
    """
    place = parse("csv", address, options, gain=INSTRUMENT, boundaries=BOUNDARIES, own=OPTIONS)
    wanted, path = _wanted(place), Path(address).expanduser().absolute()
    resolution, window_s = place.number("resolution", 0.0), place.number("window", 0.0)
    stated = "window" in place.own
    if resolution < 0 or window_s < 0:
        raise UsageError("csv: resolution= and window= cannot be negative")
    try:
        columns = read_columns(path, wanted)
        seen = list(itertools.islice(rows(path, columns, wanted.zone), LOOKED_AT))
        if seen and all(row.time_s is None for row in seen):
            raise MeterError(f"{path}: line {seen[0].line}: {seen[0].problem}")
    except FileNotFoundError:
        remedy = "start the logger before the run: the file must be there, if only with its header"
        return Finding("csv", ROLE, "blocked", reason=f"{path}: no such file", remedy=remedy)
    except PermissionError:
        reason = f"{path}: it may not be read"
        return Finding("csv", ROLE, "blocked", reason=reason, remedy=f"sudo chmod a+r {path}")
    except (OSError, MeterError) as error:
        reason = f"{path}: {error.strerror}" if isinstance(error, OSError) else str(error)
        return Finding("csv", ROLE, "blocked", reason=reason)
    # How often it writes, so that a gap is told from its usual pace.
    times = [row.time_s for row in seen if row.time_s is not None]
    gaps = [after - before for before, after in itertools.pairwise(times) if after > before]
    period_s = statistics.median(gaps) if gaps else PERIOD_S
    decimals = max((columns.decimals_of(row) for row in seen if columns.value_of(row) is not None), default=0)
    info = MeterInfo(
        name=place.name(),
        kind="csv",
        part=_part(place),
        boundary=place.boundary,
        reads=columns.reads,
        method=f"column {columns.title!r} in {columns.unit}",
        resolution=(resolution or 10.0**-decimals) * columns.factor,
        refresh_s=period_s,
        **place.gain,
        max_power_w=MAX_POWER_W,
        device=str(path),
        # A logger writes a mean since its last row, or a power of that moment.
        window_s=window_s if stated or columns.reads == "energy_j" else period_s,
        window_assumed=not stated and columns.reads == "power_w",
        min_interval_s=period_s,
        external=True,
    )
    notes = (
        ()
        if "gain" in options
        else (f"{info.name}: unknown instrument: {INSTRUMENT.source}; ±5 % is assumed",)
    )
    source = Source(info, functools.partial(CsvLog, info, path, wanted, place.number("offset", 0.0)))
    return Finding("csv", ROLE, "found", (source,), notes=notes)


def _part(place: Address) -> Part:
    """What the log is of: of the machine, or of the part that must be named. Raises UsageError."""
    whole = place.boundary in ("node_dc", "wall_ac")
    if whole == ("part" in place.own):
        said = f"boundary={place.boundary} is of the whole machine: leave out part="
        missing = f"boundary={place.boundary} needs part=: give {' or '.join(PARTS)}"
        raise UsageError(f"csv: {said if whole else missing}")
    return "machine" if whole else cast(Part, place.one_of("part", PARTS, ""))


def _wanted(place: Address) -> Wanted:
    """What the options say of the columns. Raises UsageError."""
    if "power" in place.own and "energy" in place.own:
        raise UsageError("csv: power= and energy= are two columns: a meter reads one of them")
    unit = place.one_of("unit", tuple(UNITS), "") if "unit" in place.own else ""
    reads = UNITS[unit][0] if unit else None
    if ("power" in place.own and reads == "energy_j") or ("energy" in place.own and reads == "power_w"):
        raise UsageError(
            f"csv: unit={unit} does not go with {'power' if 'power' in place.own else 'energy'}="
        )
    return Wanted(
        place.text("time"), place.text("power"), place.text("energy"), unit, _zone(place.text("tz"))
    )


def _zone(name: str) -> tzinfo | None:
    if name in ("", "UTC"):
        return timezone.utc if name else None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        message = f"csv: tz={name} is not a known time zone: give tz=UTC or one such as tz=Europe/Paris"
        raise UsageError(message) from None


class CsvLog:
    """The file, read anew for each run that is over."""

    def __init__(self, info: MeterInfo, path: Path, wanted: Wanted, offset_s: float) -> None:
        """``offset_s`` is added to the file's times."""
        self.info = info
        self._path, self._wanted, self._offset_s = path, wanted, offset_s

    def settle(self, end_s: float, ended_s: float) -> None:
        """Wait for the row after a run that ended just now: two of the log's periods.

        Raises:
            MeterError: the file cannot be read.
        """
        try:
            wait_s = ended_s + min(2 * self.info.refresh_s, PATIENCE_S) - time.monotonic()
            if wait_s > 0 and not self._reaches(end_s):
                time.sleep(wait_s)
        except OSError as error:
            raise MeterError(f"{self.info.name}: {self._path}: {error.strerror}") from error

    def between(self, start_s: float, end_s: float) -> Sequence[tuple[float, float | None]]:
        """Its rows from ``start_s`` to ``end_s`` (s since 1970, UTC), with the one before and the one after.

        They come in the file's order. A row within the window whose time cannot be read leaves one without a
        value at the time of the one before it.

        Raises:
            MeterError: the file cannot be read, or has no row there.
        """
        try:
            return self._rows(start_s, end_s)
        except OSError as error:
            raise MeterError(f"{self.info.name}: {self._path}: {error.strerror}") from error

    def close(self) -> None:
        """Nothing: the file is open only while it is read."""

    def _reaches(self, end_s: float) -> bool:
        """Whether the log's last row is one after ``end_s``."""
        found = rows(self._path, read_columns(self._path, self._wanted), self._wanted.zone)
        last = collections.deque((row.time_s for row in found if row.time_s is not None), maxlen=1)
        return bool(last) and last[0] + self._offset_s > end_s

    def _rows(self, start_s: float, end_s: float) -> list[tuple[float, float | None]]:
        before: tuple[float, TableRow] | None = None
        after: tuple[float, TableRow] | None = None
        within: list[tuple[float, float | None]] = []
        first_s = last_s = None
        bad: TableRow | None = None
        columns = read_columns(self._path, self._wanted)
        for row in rows(self._path, columns, self._wanted.zone):
            if row.time_s is None:
                bad = bad or row
                if within and after is None:
                    within.append((within[-1][0], None))
                continue
            time_s = row.time_s + self._offset_s
            first_s = time_s if first_s is None else min(first_s, time_s)
            last_s = time_s if last_s is None else max(last_s, time_s)
            # Of a long log most rows are before the run: their values are not looked at.
            if time_s < start_s and not within:
                if before is None or before[0] <= time_s:
                    before = (time_s, row)
            elif time_s > end_s:
                if after is None or after[0] > time_s:
                    after = (time_s, row)
            else:
                within.append((time_s, columns.value_of(row)))
        if not within:
            raise MeterError(self._nothing(start_s, end_s, first_s, last_s, bad))
        return [*_beside(before, columns), *within, *_beside(after, columns)]

    def _nothing(
        self, start_s: float, end_s: float, first_s: float | None, last_s: float | None, bad: TableRow | None
    ) -> str:
        """Why no row lies within the run."""
        if first_s is None or last_s is None:
            problem = f"line {bad.line}: {bad.problem}" if bad else "no row below its header"
            return f"{self.info.name}: {self._path}: {problem}"
        return (
            f"{self.info.name}: {self._path}: no row from {_utc(start_s)} to {_utc(end_s)}: the file covers"
            f" {_utc(first_s)} to {_utc(last_s)}; is the logger's clock wrong? offset=SECONDS corrects it"
        )


def _beside(found: tuple[float, TableRow] | None, columns: Columns) -> list[tuple[float, float | None]]:
    return [(found[0], columns.value_of(found[1]))] if found else []


def _utc(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
