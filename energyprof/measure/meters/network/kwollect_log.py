"""The rows that Kwollect, Grid'5000's collector of metrics, keeps of one node."""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from energyprof.errors import MeterError
from energyprof.measure.meters.network.http import Client, NoAnswer, Service
from energyprof.measure.meters.network.polled import number
from energyprof.storable.frozen import dataclass

TimedPower = tuple[float, float | None]  # time in s since 1970 (UTC), power in W

# An answer of an hour has some hundred kB and takes a second or two.
CHUNK_S = 3600.0

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d(?::?\d\d)?)")


@dataclass(frozen=True)
class KwollectLog:
    """One metric of one node."""

    service: Service
    site: str
    node: str
    metric: str
    offset_s: float = 0.0  # added to its times, since its clock is off

    def rows(self, client: Client, start_s: float, end_s: float) -> dict[str, list[TimedPower]]:
        """Each power supply's rows between two times, in order; a supply is named by its port.

        Raises:
            NoAnswer: Kwollect does not answer, or with something else than rows.
        """
        by_supply: dict[str, dict[float, float | None]] = {}
        for n in range(math.ceil((end_s - start_s) / CHUNK_S)):
            from_s = start_s + n * CHUNK_S
            for supply, time_s, value in self._ask(client, from_s, min(from_s + CHUNK_S, end_s)):
                rows = by_supply.setdefault(supply, {})
                # Chunks overlap by a second. Two values of one port at one time: neither is to be believed.
                rows[time_s] = value if rows.get(time_s, value) == value else None
        return {supply: sorted(rows.items()) for supply, rows in by_supply.items()}

    def _ask(self, client: Client, start_s: float, end_s: float) -> Iterable[tuple[str, float, float | None]]:
        # Seconds since 1970: the API takes no time zone in a time that is written out.
        query: dict[str, str | int] = {
            "nodes": self.node,
            "metrics": self.metric,
            "start_time": math.floor(start_s - self.offset_s),
            "end_time": math.ceil(end_s - self.offset_s),
        }
        answer = client.get(f"/stable/sites/{self.site}/metrics", query)
        if not isinstance(answer, list):
            raise NoAnswer("it answers something other than a list of rows")
        for row in answer:
            if not isinstance(row, dict):
                raise NoAnswer("it answers something other than rows")
            if (row.get("device_id"), row.get("metric_id")) == (self.node, self.metric):
                yield _port(row), _seconds(row.get("timestamp")) + self.offset_s, _power(row)


def added(supplies: Mapping[str, list[TimedPower]], apart_s: float) -> list[TimedPower]:
    """The power of all supplies of a node together, at the times of the first.

    Rows of two supplies belong together if they are no more than ``apart_s`` apart. Where one supply has no
    value, the sum has none.
    """
    first, *others = (supplies[name] for name in sorted(supplies))
    together = []
    for time_s, value in first:
        values = [value, *(_nearest(rows, time_s, apart_s) for rows in others)]
        known = [v for v in values if v is not None]
        together.append((time_s, sum(known) if len(known) == len(values) else None))
    return together


def _nearest(rows: list[TimedPower], time_s: float, apart_s: float) -> float | None:
    at = bisect.bisect_left(rows, (time_s,))
    near = min(rows[max(0, at - 1) : at + 1], key=lambda row: abs(row[0] - time_s), default=None)
    return near[1] if near is not None and abs(near[0] - time_s) <= apart_s else None


def _port(row: Mapping[str, Any]) -> str:
    """The wattmeter's port: "wattmetre1-port33"; "" if the row does not name one."""
    labels = row.get("labels")
    ports = labels.get("_device_orig") if isinstance(labels, dict) else None
    return "+".join(map(str, ports)) if isinstance(ports, list) else str(ports or "")


def _power(row: Mapping[str, Any]) -> float | None:
    try:
        return number(row, "value")
    except MeterError:
        return None


def _seconds(stamp: Any) -> float:
    """s since 1970 of "2025-02-02T14:39:37.003778+01:00", with any number of decimals or none.

    Raises:
        NoAnswer: it is not a time, or has no zone.
    """
    parts = _TIME.fullmatch(stamp) if isinstance(stamp, str) else None
    if parts is None:
        raise NoAnswer(f"a row has no time with a zone: {str(stamp)[:40]!r}")
    day, clock, fraction, zone = parts.groups()
    zone = "+00:00" if zone == "Z" else f"{zone[:3]}:{zone[3:].lstrip(':') or '00'}"
    try:
        whole = datetime.fromisoformat(f"{day}T{clock}{zone}")
    except ValueError:
        raise NoAnswer(f"a row has no time with a zone: {stamp[:40]!r}") from None
    return whole.timestamp() + float(fraction or 0)
