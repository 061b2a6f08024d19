"""What a program asks on the wire while it runs: joules so far, or of a window, or a report."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from energyprof.clock import ended
from energyprof.meter import Origin
from energyprof.report.energy import Energy
from energyprof.report.so_far import Key, Until
from energyprof.wire.listener import Message

# A window's last readings are waited for so long: of a slower meter the report will know more.
LONGEST_S = 2.0
LOOK_AGAIN_S = 0.01
# With so many readings beyond its end a counter's window is known; more are not asked for out of turn.
EXTRA_READINGS = 3
# Whoever is being answered when the program is over gets so long.
CLOSE_S = 1.0

Known = tuple[Energy, float]  # an energy, and the time in s that it is of


class Answers:
    """Answers in a thread of its own, in the order of the questions, so that nobody else waits."""

    def __init__(
        self,
        energy: Callable[[Key | None, Until], Known | None],
        read_now: Callable[[], None],
        report: Callable[[], Path | None],
        reply: Callable[[int, bytes], None],
        origin: Origin,
    ) -> None:
        """``energy``: of a window, or of all, by the readings that there are. ``reply``: to a connection."""
        self._energy, self._read_now, self._report, self._reply = energy, read_now, report, reply
        self._origin = origin
        self._asked: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def ask(self, message: Message) -> None:
        """Take a question; comes back at once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._answer, name="energyprof-answers", daemon=True)
            self._thread.start()
        self._asked.put(message)

    def close(self) -> None:
        """No more questions."""
        if self._thread is not None:
            self._asked.put(None)
            ended(self._thread, time.monotonic() + CLOSE_S)

    def _answer(self) -> None:
        while (message := self._asked.get()) is not None:
            try:
                said = self._said(message)
            except Exception as error:  # noqa: BLE001 - a question must not cost a training
                said = {"problem": f"{type(error).__name__}: {error}"}
            line = json.dumps({"asked": message.event, **said}) + "\n"
            self._reply(message.sender.connection, line.encode())

    def _said(self, message: Message) -> Mapping[str, Any]:
        if message.event == "report":
            path = self._report()
            return {"path": None if path is None else str(path)}
        number = message.fields["window"]
        window = None if number is None else (message.sender.pid, number)
        return self._waited_for(window, "over" if message.fields["over"] else "now")

    def _waited_for(self, window: Key | None, until: Until) -> Mapping[str, Any]:
        until_s, reads = time.monotonic() + LONGEST_S, 0
        while True:
            known = self._energy(window, until)
            if known is not None or time.monotonic() > until_s:
                return {} if known is None else {**_told(*known), "origin": self._origin}
            if reads < EXTRA_READINGS:
                self._read_now()
                reads += 1
            time.sleep(LOOK_AGAIN_S)


def _told(energy: Energy, time_s: float) -> Mapping[str, Any]:
    joules = energy.joules
    power_w = joules / time_s if joules is not None and time_s > 0 else None
    return {"energy_j": joules, "energy_u_j": energy.u_j, "time_s": time_s, "power_w": power_w}
