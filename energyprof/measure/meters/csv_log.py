"""One meter of a log that another program writes: its rows of a run, read anew when that is over."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path

from energyprof.errors import MeterError
from energyprof.meter import MeterInfo
from energyprof.trace.logs.layout import layout_of
from energyprof.trace.logs.opening import open_table
from energyprof.trace.logs.reader import Problem, Reader
from energyprof.trace.logs.wanted import Wanted

Point = tuple[float, "float | None"]

# The row after a run is waited for over two of its periods, or so long.
PATIENCE_S = 10.0
# A value that stands until the next one comes ends so long before it.
BEFORE_S = 4e-6


class CsvLog:
    """The file, read anew for each run that is over."""

    def __init__(self, info: MeterInfo, path: Path, wanted: Wanted, series: str, offset_s: float) -> None:
        """``series``: which of the log's meters; ``offset_s`` is added to the file's times."""
        self.info = info
        self._path, self._wanted, self._series, self._offset_s = path, wanted, series, offset_s
        self._problem = Problem()

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

    def between(self, start_s: float, end_s: float) -> Sequence[Point]:
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

    def _readings(self) -> Iterator[tuple[float | None, float | None]]:
        """Every row of this meter: its time, and its value in W or J."""
        layout = layout_of(open_table(self._path, growing=True), self._wanted)
        reader = Reader(layout, self._wanted.zone, growing=True)
        self._problem = reader.problem
        sum_j, missed_s, last_w = 0.0, None, None
        for _ in reader.batches():
            for series in reader.series:
                times, values = series.times_s, series.values
                if series.name == self._series:
                    factor, reads = series.column.factor, series.column.reads
                    for time_s, value in zip(times, values, strict=True):
                        found = None if value is None else value * factor
                        if time_s is not None:
                            time_s += self._offset_s
                        if reads == "interval_j":
                            if time_s is not None and layout.format.at_start:
                                time_s += self.info.refresh_s
                            if found is None:
                                missed_s = time_s if time_s is not None else missed_s
                            else:
                                if missed_s is not None:
                                    yield missed_s, 0.0  # as of a counter that began anew
                                    sum_j, missed_s = 0.0, None
                                found = sum_j = sum_j + found
                        elif layout.format.held:
                            if time_s is not None and last_w is not None:
                                yield time_s - BEFORE_S, last_w
                            last_w = found
                        yield time_s, found
                times.clear()
                values.clear()

    def _reaches(self, end_s: float) -> bool:
        """Whether the log's last row is one after ``end_s``."""
        last_s = None
        for time_s, _ in self._readings():
            last_s = last_s if time_s is None else time_s
        return last_s is not None and last_s > end_s

    def _rows(self, start_s: float, end_s: float) -> list[Point]:
        before: Point | None = None
        after: Point | None = None
        within: list[Point] = []
        first_s = last_s = None
        for time_s, value in self._readings():
            if time_s is None:
                if within and after is None:
                    within.append((within[-1][0], None))
                continue
            first_s = time_s if first_s is None else min(first_s, time_s)
            last_s = time_s if last_s is None else max(last_s, time_s)
            if time_s < start_s and not within:
                if before is None or before[0] <= time_s:
                    before = (time_s, value)
            elif time_s > end_s:
                if after is None or after[0] > time_s:
                    after = (time_s, value)
            else:
                within.append((time_s, value))
        if not within:
            raise MeterError(self._nothing(start_s, end_s, first_s, last_s))
        return [*([before] if before else []), *within, *([after] if after else [])]

    def _nothing(self, start_s: float, end_s: float, first_s: float | None, last_s: float | None) -> str:
        """Why no row lies within the run."""
        if first_s is None or last_s is None:
            bad = self._problem
            problem = f"line {bad.line}: {bad.what}" if bad.count else "no row below its header"
            return f"{self.info.name}: {self._path}: {problem}"
        return (
            f"{self.info.name}: {self._path}: no row from {_utc(start_s)} to {_utc(end_s)}: the file covers"
            f" {_utc(first_s)} to {_utc(last_s)}; is the logger's clock wrong? offset=SECONDS corrects it"
        )


def _utc(time_s: float) -> str:
    try:
        return datetime.fromtimestamp(time_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{time_s:g} s after 1970"
