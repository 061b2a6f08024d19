"""``--export prometheus:9464``: a page that a Prometheus server reads."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from energyprof.errors import UsageError
from energyprof.formats.exports import host_and_port
from energyprof.formats.exports.metrics import METRICS, known, of_run
from energyprof.profile.live import Snapshot


class Newest:
    """A collector of the newest snapshot: nothing is shown before the first, or of what is not known."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._labels = dict(labels)
        self.now: Snapshot | None = None

    def collect(self) -> Iterator[Family]:
        """A family a known value; called by the server's thread."""
        now = self.now
        if now is None:
            return
        labels, values = {**self._labels, **of_run(now)}, known(now)
        for metric in METRICS:
            if metric.name in values:
                family = GaugeMetricFamily(metric.name, metric.help, labels=list(labels))
                family.add_metric(list(labels.values()), values[metric.name])
                yield family


class Page:
    """The page; on this machine alone unless an address was given."""

    def __init__(self, host: str, port: int, labels: Mapping[str, str]) -> None:
        """Raises OSError: the address cannot be had."""
        self._newest = Newest(labels)
        registry = CollectorRegistry()
        registry.register(self._newest)
        self._server, self._thread = start_http_server(port, addr=host, registry=registry)

    def see(self, now: Snapshot) -> None:
        """Show this one from now on."""
        self._newest.now = now

    def close(self) -> None:
        """Take the page away."""
        self._server.shutdown()
        with contextlib.suppress(OSError):
            self._server.server_close()


def opened(place: str, labels: Mapping[str, str]) -> Page:
    """Raises UsageError: the address cannot be had."""
    host, port = host_and_port("prometheus", place)
    try:
        return Page(host, port, labels)
    except OSError as error:
        raise UsageError(
            f"--export prometheus:{place}: {error.strerror or error}; give another port"
        ) from None
