"""The profiler of ``energyprof.measure()``: ``attach`` for a program that waits for it.

No person types it. It reads no options and draws nothing, so it loads neither typer nor rich, which would
take as long as all the rest of its start.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from energyprof.cli import profiling
from energyprof.cli.checked import INTERVAL_S
from energyprof.cli.metering import Metering
from energyprof.errors import UsageError
from energyprof.profile.attached import command_line
from energyprof.profile.processes import started_of
from energyprof.profile.program import label_of
from energyprof.profile.run import attach


def measure(words: Sequence[str]) -> int:
    """Meter the program that ``words`` say, in the JSON of ``callbacks.own_profiler``; the exit code.

    On stdout it says where its wire and its report are, once it measures.

    Raises:
        UsageError: what is said of the program does not fit.
    """
    asked = _asked(words)
    try:
        return _meter(asked)
    except UsageError:
        if started_of(asked["pid"]) is not None:
            raise
        return 0  # it was ended while we were starting: nobody is there to be told


def _meter(asked: Mapping[str, Any]) -> int:
    pid, name = asked["pid"], asked["name"]
    interval_s = INTERVAL_S if asked["interval_s"] is None else asked["interval_s"]
    output = None if asked["output"] is None else Path(asked["output"])
    label = label_of(command_line(pid), name)
    metering = Metering(meters=asked["meters"], interval=interval_s, idle=0.0)
    settings = profiling.measuring(metering, output, label, force=False)

    def begun(wire: str) -> None:
        print(json.dumps({"wire": wire, "report": str(settings.path)}), flush=True)

    result = attach(pid, name, math.inf, settings, begun)
    profiling.tell(result, as_json=False, quiet=True)
    return profiling.exit_code(result)


def _asked(words: Sequence[str]) -> dict[str, Any]:
    """What is asked. Raises UsageError: a person typed it."""
    try:
        asked = json.loads(" ".join(words))
        if asked.keys() >= {"pid", "name", "meters", "interval_s", "output"}:
            return dict(asked)
    except (ValueError, AttributeError):
        pass
    raise UsageError(
        "for-program: is what energyprof.measure() starts; to meter a program: energyprof attach PID"
    )
