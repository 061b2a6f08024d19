"""energyprof: ``energyprof exec`` on a program that marks every window as a phase.

Run with the word ``program`` this file is that program: it reads the order that the adapter left behind.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from energyprof.report.flags import Flag
from peers.windows import Order, read_order, said, wait_until, work_until

# Coverage counts from the program's start, so that it should not wait long for its windows; to start takes
# a second, on a busy machine some more.
AHEAD_S = 6.0


def program(path: Path) -> None:
    """Mark the windows."""
    import energyprof

    windows, short_processes = json.loads(path.read_text())
    energyprof.mark("startup")
    for index, (start_s, end_s) in enumerate(windows):
        wait_until(start_s)
        energyprof.mark(f"window {index}")
        if short_processes:
            work_until(end_s)
        wait_until(end_s)
        energyprof.mark("between" if index + 1 < len(windows) else "shutdown")


def flags_of(owner: Mapping[str, Any]) -> list[str]:
    """The flags of a run or phase, in short."""
    return [str(Flag(**flag)) for flag in owner["flags"]]


def profile(order: Order) -> None:
    """Run the program under ``energyprof exec`` and answer with the report's phases."""
    windows, report = Path("windows.json"), Path("report.json")
    windows.write_text(json.dumps([order.windows, "short processes" in order.settings]))
    wait_until(order.windows[0][0] - AHEAD_S)
    command = [sys.executable, "-m", "energyprof", "exec", "--quiet", "--idle", "0"]
    command += ["--meters", order.meters, "--output", str(report), "--"]
    command += [sys.executable, "-m", "peers.energyprof", "program", str(windows)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    sys.stderr.write(done.stderr)
    if not report.exists():
        order.answer(error=" ".join(done.stderr.split()) or f"exit {done.returncode}")
        return
    data = json.loads(report.read_text())
    (run,) = data["runs"]
    order.answer(
        coverage=run["coverage"],
        estimated=data["origin"] != "measured",
        flags=flags_of(run),
        meters=[f"{meter['name']}: {meter['method']}" for meter in data["meters"]],
        notes=data["notes"],
    )
    zero_s = run["clock"]["monotonic_s"]
    for phase in run["phases"]:
        name, _, index = phase["name"].partition(" ")
        if name != "window":
            continue
        fields = {
            "window": int(index),
            "begin_s": zero_s + phase["start_s"],
            "end_s": zero_s + phase["end_s"],
            "flags": flags_of(phase),
        }
        joules, u_j = phase["energy_j"], phase["energy_u_j"]
        if joules is None:
            order.answer(**fields, error=", ".join(flags_of(phase)) or "not measured")
            continue
        # The fakes have no gain error: an uncertainty that holds one would cover nearly anything.
        read_u_j = math.sqrt(max(0.0, u_j**2 - (2 * phase["budget_j"].get("gain", 0.0)) ** 2))
        order.answer(**fields, energy_j=joules, u_j=u_j, read_u_j=read_u_j)


if __name__ == "__main__":
    if sys.argv[1:2] == ["program"]:
        program(Path(sys.argv[2]))
    else:
        order = read_order("energyprof")
        try:
            profile(order)
        except Exception as error:
            order.answer(error=said(error))
            raise
