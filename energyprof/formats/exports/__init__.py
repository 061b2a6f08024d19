"""A run's values while it goes on, for the dashboards that others have: one file a kind, one contract.

An exporter follows a run as the screen does: a slow or dead endpoint delays nothing but itself.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from energyprof.errors import MissingPart, UsageError
from energyprof.profile.live import Snapshot
from energyprof.profile.watchers import Watcher

# Kind -> its file in this folder, what it needs beyond the standard library, an example.
KINDS: Mapping[str, tuple[str, str, str]] = {
    "prometheus": ("prometheus", "prometheus_client", "prometheus:9464"),
    "textfile": ("textfile", "prometheus_client", "textfile:/var/lib/node_exporter/energyprof.prom"),
    "otlp": ("otlp", "opentelemetry.exporter.otlp.proto.http", "otlp:http://127.0.0.1:4318/v1/metrics"),
    "statsd": ("statsd", "", "statsd:127.0.0.1:8125"),
}


class Exporter(Protocol):
    """Takes every snapshot of a run."""

    def see(self, now: Snapshot) -> None:
        """Pass it on. Whatever it raises ends this exporter alone."""
        ...

    def close(self) -> None:
        """The run is over."""
        ...


@contextlib.contextmanager
def exporting(words: Sequence[str], labels: Mapping[str, str]) -> Iterator[Sequence[Watcher]]:
    """Those who pass a run on to what ``words`` name; ``labels`` tell it from other runs.

    Raises:
        UsageError: one of them names no kind, or no place.
        MissingPart: what it needs is not installed.
    """
    with contextlib.ExitStack() as stack:
        watchers = []
        for word in words:
            exporter = opened(word, labels)
            stack.callback(_closed, exporter)
            watchers.append(Watcher(f"--export {word}", exporter.see))
        yield watchers


def opened(word: str, labels: Mapping[str, str]) -> Exporter:
    """The exporter that a word such as prometheus:9464 names. Raises as `exporting`."""
    kind, _, place = word.partition(":")
    if kind not in KINDS or not place:
        examples = ", ".join(example for _, _, example in KINDS.values())
        raise UsageError(f"--export {word}: give one of {examples}")
    file, needed, _ = KINDS[kind]
    try:
        module = importlib.import_module(f"energyprof.formats.exports.{file}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("energyprof"):
            raise
        raise MissingPart(f"--export {kind} needs {needed}: pip install 'energyprof[export]'") from None
    exporter: Exporter = module.opened(place, labels)
    return exporter


def host_and_port(word: str, place: str) -> tuple[str, int]:
    """An address such as 9464 (this machine alone) or 0.0.0.0:9464. Raises UsageError: it is none."""
    host, _, port = place.rpartition(":")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(f"--export {word}:{place}: give a port such as 9464, or an address and a port")
    return host.strip("[]") or "127.0.0.1", int(port)


def _closed(exporter: Exporter) -> None:
    with contextlib.suppress(Exception):  # an endpoint that is gone must not cost the report
        exporter.close()
