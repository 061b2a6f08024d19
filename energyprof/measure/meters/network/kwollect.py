"""Grid'5000's wattmeters: the log that Kwollect keeps of a node's power, read after a run."""

from __future__ import annotations

import bisect
import functools
import re
import time
from collections.abc import Mapping, Sequence

from energyprof.errors import MeterError, UsageError
from energyprof.measure.meters.network.address import parse
from energyprof.measure.meters.network.http import Client, NoAnswer, Service, base_of
from energyprof.measure.meters.network.kwollect_log import KwollectLog, TimedPower, added
from energyprof.measure.meters.network.polled import BMC_WINDOW_S, blocked
from energyprof.meter import Finding, MeterInfo, Role, Source
from energyprof.storable.frozen import dataclass
from energyprof.trace import gains
from energyprof.trace.gains import Gain

ROLE: Role = "real"
USAGE = "kwollect=nancy/grappe-3"

API = "https://api.grid5000.fr"


@dataclass(frozen=True)
class Metric:
    """One kind of power that Kwollect keeps of a node."""

    period_s: float  # from one row to the next
    window_s: float  # a row is the mean over so long, or over up to so long
    resolution_w: float
    gain: Gain


# Grid'5000's wiki: the wattmeters (OmegaWatt) measure 50 times a second and keep the mean of each second; the
# BMCs are asked every 5 s. No accuracy is published for the wattmeters: 2 % is twice that of a class 1 meter.
METRICS = {
    "wattmetre_power_watt": Metric(1.0, 1.0, 0.1, gains.WATTMETER),
    "bmc_node_power_watt": Metric(5.0, BMC_WINDOW_S, 1.0, gains.BMC),
}
WATTMETER = "wattmetre_power_watt"

MAX_POWER_W = 20_000.0

LIMIT_S = 20.0
ATTEMPTS = 3
# How far back the search looks for rows.
RECENT_S = 120.0
# So many rows beyond a run's ends are asked for.
MARGIN = 3

_NAMES = re.compile(r"(?P<site>[a-z0-9-]+)/(?P<node>[a-z0-9-]+)")


@dataclass(frozen=True)
class Patience:
    """How long to wait for the last rows of a run, in s."""

    settle_s: float = 6.0  # rows appear some seconds late
    limit_s: float = 60.0  # no row after this long: it will not come
    pause_s: float = 2.0


PATIENCE = Patience()


def find_at(address: str, options: Mapping[str, str]) -> Finding:
    """The log of the wattmeter of one node."""
    own = ("metric", "api", "offset")
    name = options.get("metric", WATTMETER)
    if name not in METRICS:
        raise UsageError(f"kwollect: metric={name} is invalid: give {' or '.join(METRICS)}")
    metric = METRICS[name]
    place = parse("kwollect", address, options, gain=metric.gain, own=own)
    names = _NAMES.fullmatch(address)
    if names is None:
        raise UsageError(f"kwollect={address}: the address is SITE/NODE, such as --meters {USAGE}")
    service = Service(
        "kwollect",
        base_of("kwollect", place.text("api", API), "https"),
        login="basic",
        limit_s=LIMIT_S,
        proxies="environment",
    )
    log = KwollectLog(service, names["site"], names["node"], name, place.offset_s)
    try:
        with Client(service) as client:
            now_s = time.time()
            supplies = log.rows(client, now_s - RECENT_S, now_s)
    except MeterError as error:
        return blocked("kwollect", ROLE, error)
    if not supplies:
        cluster = log.node.rpartition("-")[0]
        reason = f"it has no {name} of {log.node} in the last {RECENT_S:g} s"
        url = f"{service.base}/stable/sites/{log.site}/clusters/{cluster}"
        remedy = f"see what it has: curl {url} | jq .metrics"
        return Finding("kwollect", ROLE, "blocked", reason=reason, remedy=remedy)
    info = MeterInfo(
        name=place.name(),
        kind="kwollect",
        part="machine",
        boundary=place.boundary,
        reads="power_w",
        method=f"Kwollect {name}",
        resolution=metric.resolution_w,
        refresh_s=metric.period_s,
        **place.gain,
        max_power_w=MAX_POWER_W,
        device=", ".join(sorted(filter(None, supplies))),
        window_s=metric.window_s,
        window_assumed=name != WATTMETER,
        external=True,
    )
    notes = (f"{len(supplies)} power supplies, added up",) if len(supplies) > 1 else ()
    source = Source(info, functools.partial(Kwollect, info, log, frozenset(supplies)))
    return Finding("kwollect", ROLE, "found", (source,), notes=notes)


class Kwollect:
    """The log of one node's power."""

    def __init__(
        self, info: MeterInfo, log: KwollectLog, supplies: frozenset[str], patience: Patience = PATIENCE
    ) -> None:
        """``supplies`` are those the node is known to have. Raises MeterError without httpx."""
        self.info = info
        self._log, self._supplies, self._patience = log, supplies, patience
        self._client = Client(log.service)

    def settle(self, end_s: float, ended_s: float) -> None:
        """Wait until every supply has a row after ``end_s``, but not for ever: rows come some seconds late.

        Raises:
            MeterError: Kwollect does not answer.
        """
        patience = self._patience
        time.sleep(max(0.0, ended_s + patience.settle_s - time.monotonic()))
        while time.monotonic() < ended_s + patience.limit_s:
            rows = self._rows(end_s, end_s + MARGIN * self.info.refresh_s)
            if all(rows.get(supply) and rows[supply][-1][0] >= end_s for supply in self._supplies):
                return
            time.sleep(patience.pause_s)

    def between(self, start_s: float, end_s: float) -> Sequence[TimedPower]:
        """The rows from the one before ``start_s`` to the one after ``end_s``, in order.

        Raises:
            MeterError: Kwollect does not answer, or has no row in between.
        """
        margin_s = MARGIN * self.info.refresh_s
        supplies = {supply: list[TimedPower]() for supply in self._supplies}
        supplies.update(self._rows(start_s - margin_s, end_s + margin_s))
        rows = added(supplies, self.info.refresh_s / 2)
        times = [row[0] for row in rows]
        if not any(start_s <= time_s <= end_s for time_s in times):
            raise MeterError(f"{self.info.name}: Kwollect has no row of this run")
        before = max(0, bisect.bisect_right(times, start_s) - 1)
        after = bisect.bisect_left(times, end_s) + 1
        return rows[before:after]

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self._client.close()

    def _rows(self, start_s: float, end_s: float) -> dict[str, list[TimedPower]]:
        """Each supply's rows. A run of hours is worth a second try."""
        for _ in range(ATTEMPTS - 1):
            try:
                return self._log.rows(self._client, start_s, end_s)
            except NoAnswer:
                time.sleep(self._patience.pause_s)
        try:
            return self._log.rows(self._client, start_s, end_s)
        except NoAnswer as error:
            raise MeterError(f"{self.info.name}: {error}") from error
