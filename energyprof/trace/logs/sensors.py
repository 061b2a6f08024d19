"""What ``ipmitool sensor`` and ``ipmitool sdr`` print, again and again, with a time before it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from energyprof.trace.logs.table import Row, Table
from energyprof.trace.logs.text import chunks
from energyprof.trace.stamps import time_in

# A sensor in W: "NAME | 182.000 | Watts | ok | …" of sensor, "NAME | 182 Watts | ok" of sdr, and of sdr elist
# "NAME | 77h | ok | 7.1 | 182 Watts". The name may stand behind a time.
_STATUS = r"(?:ok|ns|nc|cr|nr|us|na|[lu]nc|[lu]cr|[lu]nr)"
_READING = r"(?P<{}>[\d.]+|na)"
_SENSOR = re.compile(
    rf"[^|]+?\s*\|\s*(?:{_READING.format('sdr')}\s*(?:\|\s*)?Watts\s*\|\s*{_STATUS}\s*(?:\|.*)?"
    rf"|\w+h\s*\|\s*{_STATUS}\s*\|[^|]*\|\s*{_READING.format('elist')} Watts\s*)$"
)
_AROUND = " \t,;:[]"


def sensors(path: Path, lines: Sequence[str], growing: bool) -> Table | None:
    """Its sensors in W as rows; without a column of times where none was printed before the first."""
    first = next((line for line in lines if _sensor(line)), None)
    if first is None:
        return None
    before = lines[: list(lines).index(first) + 1]
    timed = any(time_in(line.strip(), _AROUND) for line in before) or bool(_stamped(first)[0])
    titles = (*(("timestamp",) if timed else ()), "ipmi sensor", "ipmi value")

    def rows() -> Iterator[Row]:
        stamp = ""
        for number, some in chunks(path, growing=growing):
            for at, line in enumerate(some, number):
                match = _sensor(line)
                if match is None:
                    stamp = time_in(line.strip(), _AROUND) or stamp
                    continue
                own, name = _stamped(line)
                stamp = own or stamp
                yield Row(at, [*([stamp] if timed else []), name, match["sdr"] or match["elist"]])

    return Table(path, titles, 0, "", rows)


def _sensor(line: str) -> re.Match[str] | None:
    return _SENSOR.match(line) if "Watts" in line else None


def _stamped(line: str) -> tuple[str, str]:
    """The time before a sensor's name, "" if there is none, and the name."""
    words = line.partition("|")[0].split()
    for count in range(len(words) - 1, 0, -1):
        if time := time_in(" ".join(words[:count]), _AROUND):
            return time, " ".join(words[count:])
    return "", " ".join(words)
