"""The stretches that a program measured itself: they nest, repeat and lie beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from energyprof.report.phases import PhaseInterval


class _Opened(NamedTuple):
    time_s: float
    name: str


class Windows:
    """Takes what processes say of their windows, in any order of the processes."""

    def __init__(self) -> None:
        self._opened: dict[tuple[int, int], _Opened] = {}  # by process and number
        self._closed: list[PhaseInterval] = []

    def push(self, time_s: float, kind: str, fields: Mapping[str, Any]) -> None:
        """Take a ``window`` or ``close`` event; what was not opened cannot close."""
        key = fields.get("process", 1), fields["number"]
        if kind == "window":
            self._opened[key] = _Opened(time_s, fields["name"])
        elif (opened := self._opened.pop(key, None)) is not None:
            self._closed.append(PhaseInterval(opened.name, opened.time_s, time_s, fields["samples"]))

    def intervals(self, ended_s: float) -> tuple[PhaseInterval, ...]:
        """All windows in the order of their starts; those still open ended with the program."""
        ended = [
            PhaseInterval(opened.name, opened.time_s, max(opened.time_s, ended_s), None)
            for opened in self._opened.values()
        ]
        return tuple(sorted([*self._closed, *ended], key=lambda window: (window.start_s, -window.end_s)))
