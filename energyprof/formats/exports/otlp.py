"""``--export otlp:URL``: OpenTelemetry metrics over HTTP.

Energy and power have the names of OpenTelemetry's semantic conventions for hardware: ``hw.host.*`` where the
meter is of the whole machine, else ``hw.*`` of what the meters count. Energy is a counter, as these have it.
"""

from __future__ import annotations

import logging
import urllib.parse
from collections.abc import Callable, Iterable, Mapping

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from energyprof import __version__
from energyprof.errors import UsageError
from energyprof.formats.exports.metrics import METRICS, Metric, of_run
from energyprof.profile.live import Snapshot

# A run's screen is renewed twice a second; collectors are content with less.
EVERY_MS, TIMEOUT_S = 5000, 5
_CONVENTIONS = {"energyprof_energy_joules": "hw.energy", "energyprof_power_watts": "hw.power"}
_UNITS = {"joules": "J", "watts": "W", "seconds": "s"}


class Metrics:
    """Sends the newest snapshot now and then, in a thread of the library's own."""

    def __init__(self, url: str, labels: Mapping[str, str]) -> None:
        self._labels = {"hw.id": "energyprof", "hw.type": "counted", **labels}
        self._now: Snapshot | None = None
        # It logs every attempt that fails, to stderr, for as long as the run lasts.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        reader = PeriodicExportingMetricReader(
            OTLPMetricExporter(endpoint=url, timeout=TIMEOUT_S),
            export_interval_millis=EVERY_MS,
            export_timeout_millis=1000 * TIMEOUT_S,
        )
        resource = Resource.create({"service.name": "energyprof", "service.version": __version__})
        self._provider = MeterProvider([reader], resource, shutdown_on_exit=False)
        meter = self._provider.get_meter("energyprof", __version__)
        for metric in METRICS:
            name = _CONVENTIONS.get(metric.name, metric.name.replace("_", ".", 1))
            unit = _UNITS.get(metric.name.rpartition("_")[2], "1")

            observe = self._observer(metric)
            if name == "hw.energy":
                meter.create_observable_counter(name, [observe], unit, metric.help)
            else:
                meter.create_observable_gauge(name, [observe], unit, metric.help)

    def see(self, now: Snapshot) -> None:
        """Send this one when the time has come."""
        self._now = now

    def close(self) -> None:
        """Send the last, and no more."""
        self._provider.shutdown(1000 * TIMEOUT_S)

    def _observer(self, metric: Metric) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_: CallbackOptions) -> Iterable[Observation]:
            now = self._now
            found = None if now is None else metric.value(now)
            return (
                [] if now is None or found is None else [Observation(found, {**self._labels, **of_run(now)})]
            )

        return observe


def opened(place: str, labels: Mapping[str, str]) -> Metrics:
    """Raises UsageError: it is not an address."""
    parts = urllib.parse.urlsplit(place)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--export otlp:{place}: give an address such as http://127.0.0.1:4318/v1/metrics")
    return Metrics(place, labels)
