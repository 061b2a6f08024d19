"""``--export statsd:HOST:PORT``: gauges by UDP, which waits for nobody."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping

from energyprof.errors import UsageError
from energyprof.formats.exports import host_and_port
from energyprof.formats.exports.metrics import known
from energyprof.profile.live import Snapshot


class Gauges:
    """One packet a snapshot: ``energyprof.NAME.power_watts:48.2|g``, a line a value."""

    def __init__(self, address: tuple[str, int], family: int, labels: Mapping[str, str]) -> None:
        self._address = address
        self._name = re.sub(r"[^A-Za-z0-9_-]+", "_", labels.get("workload", "") or "run")
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def see(self, now: Snapshot) -> None:
        """Send this one. Raises OSError: this machine has no way there."""
        lines = []
        for name, value in known(now).items():
            short = name.removeprefix("energyprof_")
            # A sign would change the gauge by that much: it is set to 0 first.
            signed = [f"energyprof.{self._name}.{short}:0|g"] if value < 0 else []
            lines += [*signed, f"energyprof.{self._name}.{short}:{value:.9g}|g"]
        self._socket.sendto("\n".join(lines).encode(), self._address)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()


def opened(place: str, labels: Mapping[str, str]) -> Gauges:
    """Raises UsageError: there is no such host."""
    host, port = host_and_port("statsd", place)
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    except OSError as error:
        raise UsageError(f"--export statsd:{place}: {error.strerror}") from None
    return Gauges((str(address[0]), int(address[1])), family, labels)
