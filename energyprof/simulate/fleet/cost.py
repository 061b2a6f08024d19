"""What training so many samples takes of a client, in joules, and how many its joules are enough for."""

from __future__ import annotations

from typing import Any

from energyprof.simulate.fleet.clients import Clients
from energyprof.simulate.fleet.device import Device
from energyprof.simulate.numerics import load


class Costs:
    """A client's joules by its samples: a line, or its kind's measured turns scaled to the client."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._curves = [_curve(device) for device in clients.devices]
        # No client's next sample costs less than its last one, and none has a start to be saved.
        self.linear = not any(self._curves) and not any(d.start_j or d.link_w for d in clients.devices)

    def work_j(self, part: Any, samples: Any) -> Any:
        """Joules of training ``samples`` at the clients ``part`` (indices or a slice); both ``(k,)``."""
        numpy, clients = load("numpy"), self._clients
        found = clients.joules_a_sample[part] * samples
        for kind, curve in enumerate(self._curves):
            if curve is None:
                continue
            mine = clients.kind[part] == kind
            scale = clients.joules_a_sample[part][mine] / curve.joules_a_sample
            found[mine] = scale * _along(numpy, curve.samples, curve.joules, samples[mine])
        return found

    def fixed_j(self, part: Any) -> Any:
        """Joules of a turn in which nothing is trained: start, receiving, sending."""
        clients = self._clients
        return clients.start_j[part] + clients.down_j[part] + clients.up_j[part]

    def affordable(self, part: Any, joules: Any) -> Any:
        """Samples that ``joules`` are enough for, start and link included; ``(k,)``, 0 or more."""
        numpy, clients = load("numpy"), self._clients
        left = numpy.maximum(joules - self.fixed_j(part), 0.0)
        found = left / clients.joules_a_sample[part]
        for kind, curve in enumerate(self._curves):
            if curve is None:
                continue
            mine = clients.kind[part] == kind
            scale = clients.joules_a_sample[part][mine] / curve.joules_a_sample
            found[mine] = _along(numpy, curve.joules, curve.samples, left[mine] / scale)
        return found


class _Curve:
    """Joules of a kind's measured turns, from nothing on."""

    def __init__(self, device: Device) -> None:
        numpy = load("numpy")
        points = numpy.array([(0.0, 0.0), *device.turn_j])
        self.samples, self.joules = points[:, 0], points[:, 1]
        self.joules_a_sample = device.power_w / device.samples_per_s


def _curve(device: Device) -> _Curve | None:
    return _Curve(device) if device.turn_j else None


def _along(numpy: Any, x: Any, y: Any, at: Any) -> Any:
    """Between the points in lines, beyond the last as before it; what is without end stays so."""
    slope = (y[-1] - y[-2]) / (x[-1] - x[-2])
    return numpy.where(at > x[-1], y[-1] + slope * (at - x[-1]), numpy.interp(at, x, y))
