"""What an adapter is asked and what it answers: windows of time, and what its tool says they took.

The order comes as JSON on stdin: ``{"meters": "rapl" | "nvml", "windows": [[start_s, end_s], …],
"settings": {…}, "answers": PATH}``, times on the monotonic clock, which all processes of a machine share.
An answer is one JSON line in ``PATH`` for each window, written as soon as it is known: a tool that ends its
program takes nothing back. Standard library only, as it runs in every peer's environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Order:
    """What one adapter is to measure."""

    meters: str
    windows: Sequence[tuple[float, float]]
    settings: Mapping[str, Any]  # the tool's, and "short processes": the program starts them in its windows
    answers: Path

    @property
    def options(self) -> dict[str, Any]:
        """What the tool is given."""
        return {name: value for name, value in self.settings.items() if name.isidentifier()}

    def answer(self, **fields: Any) -> None:
        """Write one line."""
        with open(self.answers, "a", encoding="utf-8") as file:
            file.write(json.dumps(fields) + "\n")


def read_order(package: str = "") -> Order:
    """The order on stdin; the version of ``package``, or of the one it names, is the first answer."""
    fields = json.load(sys.stdin)
    order = Order(fields["meters"], fields["windows"], fields["settings"], Path(fields["answers"]))
    order.answer(version=version(package or order.settings["package"]))
    return order


def wait_until(time_s: float) -> None:
    """Return at a time of the monotonic clock."""
    time.sleep(max(0.0, time_s - time.monotonic()))


def work_until(time_s: float) -> float:
    """Let short processes compute until a time; the CPU time they took, in s."""
    before = os.times()
    while time.monotonic() < time_s:
        subprocess.run([sys.executable, "-S", "-c", "sum(range(1_500_000))"], check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def measure(
    order: Order,
    begin: Callable[[int], None],
    end: Callable[[int], float | None],
) -> None:
    """Call ``begin`` and ``end`` at the edges of every window; ``end`` gives joules, or ``None`` for later.

    The window is what lies between the two calls: what a program would have done there.
    """
    if order.windows and time.monotonic() > order.windows[0][0]:
        order.answer(late_s=time.monotonic() - order.windows[0][0])
    for index, (start_s, end_s) in enumerate(order.windows):
        wait_until(start_s)
        begin_s = stop_s = time.monotonic()
        try:
            begin(index)
            begin_s = time.monotonic()
            if order.settings.get("short processes"):
                order.answer(cpu_s=work_until(end_s))
            wait_until(end_s)
            stop_s = time.monotonic()
            joules = end(index)
        except Exception as error:  # noqa: BLE001  # whatever a tool raises is its answer
            order.answer(window=index, begin_s=begin_s, end_s=stop_s, error=said(error))
        else:
            order.answer(window=index, begin_s=begin_s, end_s=stop_s, energy_j=joules)


def said(error: BaseException) -> str:
    """The error in one line."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words}"[:300]
