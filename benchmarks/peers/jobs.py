"""Runs adapters side by side, each on its machine, and collects what their tools say."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hardware import BENCHMARKS, Machine, entering, environment, mounted, nvml, programs

from peers import environments

# To start a tool costs about two seconds of one of the cores, and they all start at once.
START_S, START_EACH_S = 8.0, 1.2
# Zeus polls a GPU without a counter as fast as it can, each of its power domains in a process of its own: it
# starts slowly, and beside it everyone else would be late.
SPINS, SPINNING_JOBS, SPINNING_AT_ONCE = "zeus", 3, 2
# What a tool may take after its last window: energyprof writes a report, carbontracker measures to its end.
FINISH_S = 60.0


@dataclass(frozen=True)
class Job:
    """One tool on one machine; ``label`` is what the table calls the tool."""

    label: str
    tool: str  # whose environment it is
    machine: Machine
    meters: str
    windows: Sequence[tuple[float, float]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    adapter: str = ""  # the program among the peers; none: the tool's own


@dataclass(frozen=True)
class Window:
    """What a tool says about one window."""

    begin_s: float
    end_s: float
    energy_j: float | None
    u_j: float | None = None  # the uncertainty it states, k = 2
    read_u_j: float | None = None  # and that without the gain error of the sensor
    error: str = ""
    flags: Sequence[str] = ()


@dataclass(frozen=True)
class Answer:
    """All that came back from one job."""

    job: Job
    version: str
    windows: Sequence[Window]
    said: Mapping[str, Any]  # what else the adapter tells
    error: str  # why there is no more


def first_window_s(jobs: int, tools: Iterable[str]) -> float:
    """When so many that start now will all be ready, once each of the tools is installed."""
    for tool in tools:
        environments.python(tool)
    return time.monotonic() + START_S + START_EACH_S * jobs


def run(jobs: Sequence[Job]) -> list[Answer]:
    """Run all ``jobs`` at the same time; their answers in the same order."""
    with tempfile.TemporaryDirectory(prefix="energyprof-peers-") as name:
        folder = Path(name)
        library, own_programs = nvml.build(), programs(folder / "programs")
        # One tree for each machine, however many tools look at it.
        machines = list({id(job.machine): job.machine for job in jobs}.values())
        places = {id(machine): f"m{number}" for number, machine in enumerate(machines)}
        tree = {
            f"{places[id(machine)]}/{path}": node
            for machine in machines
            for path, node in {"empty": {"text": ""}, **machine.nodes()}.items()
        }
        with mounted(folder / "tree", tree) as root:
            running = []
            for number, job in enumerate(jobs):
                place = folder / f"job{number}"
                place.mkdir()
                variables = environment(job.machine, library, own_programs)
                words = entering(root / places[id(job.machine)], place / "scratch")
                running.append((job, place, _start(job, place, words, variables)))
            last_s = max((end_s for job in jobs for _, end_s in job.windows), default=0.0) + FINISH_S
            return [_answer(job, place, process, last_s) for job, place, process in running]


def _start(
    job: Job, place: Path, words: Sequence[str], variables: Mapping[str, str]
) -> subprocess.Popen[str]:
    order = {
        "meters": job.meters,
        "windows": job.windows,
        "settings": dict(job.settings),
        "answers": str(place / "answers.jsonl"),
    }
    (place / "order.json").write_text(json.dumps(order))
    command = [*words, str(environments.python(job.tool)), "-m", f"peers.{job.adapter or job.tool}"]
    with open(place / "order.json") as order_file, open(place / "output", "w") as output:
        return subprocess.Popen(
            command,
            cwd=place,
            env={**variables, "PYTHONPATH": str(BENCHMARKS), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=order_file,
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
        )


def _answer(job: Job, place: Path, process: subprocess.Popen[str], last_s: float) -> Answer:
    exit_code: int | None = None
    with contextlib.suppress(subprocess.TimeoutExpired):
        exit_code = process.wait(timeout=max(1.0, last_s - time.monotonic()))
    # Some tools leave processes behind, and one that hangs is still there.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    path = place / "answers.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    by_window: dict[int, dict[str, Any]] = {}
    said: dict[str, Any] = {}
    for line in lines:
        if "window" in line:
            by_window.setdefault(line.pop("window"), {}).update(line)
        else:
            said |= line
    windows = [
        Window(**{"begin_s": start_s, "end_s": end_s, "energy_j": None, **by_window.get(index, {})})
        for index, (start_s, end_s) in enumerate(job.windows)
    ]
    error = said.pop("error", "")
    if not error and exit_code is None:
        error = "hangs"
    if not error and exit_code:
        last_words = (place / "output").read_text(errors="replace").strip().splitlines()
        error = f"ends the program with {exit_code}: {last_words[-1] if last_words else ''}"
    error = error or next((window.error for window in windows if window.error), "")
    if late_s := said.pop("late_s", 0.0):
        print(f"{job.label} was ready {late_s:.1f} s late", file=sys.stderr)
    return Answer(job, said.pop("version", "?"), windows, said, error)
