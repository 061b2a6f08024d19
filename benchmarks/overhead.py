"""Claim: the program that trains pays less for energyprof than for any peer, to import and in memory, and no
peer slows it measurably less.

    sudo .venv/bin/python benchmarks/overhead.py -o overhead.md

* Import: user + system time of ``python -c "import …"`` less that of ``pass``, each tool in an environment of
  its own, in the order ABBA, the median; and what all of a tool's processes take before and after the loop.
* Memory: the peaks of all processes of a run, added up, less those of a run without a tool.
* Slow-down: a loop of fixed work (``peers/loop.py``) alone and on all cores, with the tool and without, in
  turn and back again, a run without before and after each round; the mean ratio and its 95 % interval.

All tools run with their defaults on one fake machine: a processor package and a GPU with energy counters.
Needs Linux, root (``unshare``, ``mount``) and a C compiler. About ten minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import math
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import requires
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).parent))

from ending import ended
from peers import environments
from peers.costs import PARTS, Costs, beaten, remarks, table
from peers.fake import environment, in_namespace, show_machine
from peers.loop import work
from peers.session import Footprint, RunError, adopt, run

BENCHMARKS = Path(__file__).resolve().parent
ROOT = BENCHMARKS.parent

IMPORTS, ROUNDS = 10, 8
QUICK_IMPORTS, QUICK_ROUNDS = 3, 2
LOOP_S, QUICK_LOOP_S = 3.5, 1.0
CALIBRATION_STEPS = 1_000_000
TRIES = 2  # a tool that failed so often is left out

BARE = "without"
# What each tool's documentation has a program import.
IMPORT = {
    "energyprof": "from energyprof import mark, measure, progress",
    "zeus": "from zeus.monitor import ZeusMonitor",
    "codecarbon": "from codecarbon import OfflineEmissionsTracker",
    "carbontracker": "from carbontracker.tracker import CarbonTracker",
    "pyjoules": "from pyJoules.device import DeviceFactory; from pyJoules.energy_meter import EnergyMeter",
    "perun": "import perun",
}
DEFAULT_TOOLS = ("energyprof", "zeus", "codecarbon", "carbontracker", "pyjoules")


def python(tool: str) -> str:
    """The interpreter that has ``tool`` and what it needs, and nothing else; ours has what it needs only."""
    if tool not in ("energyprof", BARE):
        return str(environments.python(tool))
    folder = environments.FOLDER / "energyprof"
    wanted = sorted(line for line in requires("energyprof") or () if "extra ==" not in line)
    made = folder / "made-of.txt"
    if not made.exists() or made.read_text().splitlines() != wanted:
        print(f"setting up {folder} (once)", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, *wanted], check=True, stdout=sys.stderr)
        made.write_text("\n".join(wanted) + "\n")
    return str(folder / "bin/python")


def with_path(environment: Mapping[str, str], tool: str) -> dict[str, str]:
    """The environment in which ``tool`` finds ``peers``, and energyprof itself."""
    places = [BENCHMARKS, ROOT] if tool == "energyprof" else [BENCHMARKS]
    return {**environment, "PYTHONPATH": os.pathsep.join(map(str, places))}


def cpu_s(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> float:
    """User + system time of one run of ``command``."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def import_costs(
    tools: Sequence[str], count: int, environment: Mapping[str, str], folder: Path
) -> dict[str, list[float]]:
    """CPU times of the imports in s, less the bare interpreter's beside it; the profiler's in full."""
    bare = [python(BARE), "-c", "pass"]
    commands = {tool: [python(tool), "-c", IMPORT[tool]] for tool in tools}
    if "energyprof" in tools:
        words = ["--meters", "none", "--idle", "0", "--quiet", "--force", "--output", "r.json", "--", "true"]
        commands["exec"] = [python("energyprof"), "-m", "energyprof", "exec", *words]
    found: dict[str, list[float]] = {tool: [] for tool in commands}
    for turn in range(count + 1):
        for tool, command in commands.items() if turn % 2 else reversed(commands.items()):
            around = with_path(environment, "energyprof" if tool == "exec" else tool)
            pair = {}
            for side in ("bare", "tool") if turn % 2 else ("tool", "bare"):
                pair[side] = cpu_s(bare if side == "bare" else command, around, folder)
            if turn:  # the first warms the disk's cache, and compiles
                found[tool].append(pair["tool"] - (0.0 if tool == "exec" else pair["bare"]))
    return found


def one_run(tool: str, count: int, environment: Mapping[str, str]) -> Footprint:
    """One run of the loop program under ``tool``.

    Raises:
        RunError: the tool fails.
    """
    with tempfile.TemporaryDirectory(prefix="energyprof-overhead-") as name:
        folder = Path(name)
        program = [
            "nothing" if tool == BARE else tool,
            str(count),
            str((os.cpu_count() or 1) - 1),
            str(folder / "fifo"),
        ]
        command = [python(tool), "-m", "peers.loop", *program]
        if tool == "energyprof":
            command = [python(tool), "-m", "energyprof", "exec", "--output", "r.json", "--", *command]
        if tool == "perun":
            script = str(BENCHMARKS / "peers/loop.py")
            command = [str(Path(python(tool)).with_name("perun")), "monitor", script, *program]
        found = run(command, with_path(environment, tool), folder)
        if tool == "energyprof":
            phases = json.loads((folder / "r.json").read_text())["runs"][0]["phases"]
            joules = sum(phase["energy_j"] or 0.0 for phase in phases if phase["name"] == "train")
            found = replace(found, joules=joules)
        return found


def measure(
    tools: Sequence[str], rounds: int, count: int, environment: Mapping[str, str]
) -> tuple[list[Footprint], dict[str, Costs]]:
    """The runs without a tool, one before each round and one after the last, and every tool's costs."""
    for tool in (BARE, *tools):
        with contextlib.suppress(RunError):  # again in the first round
            one_run(tool, 1, environment)  # compiled files and the disk's cache are warm from here on
    bare = [one_run(BARE, count, environment)]
    costs = {tool: Costs() for tool in tools}
    for turn in range(rounds):
        print(f"round {turn + 1} of {rounds} …", file=sys.stderr, flush=True)
        these: dict[str, Footprint] = {}
        order = tools if turn % 2 else tools[::-1]
        for tool in order:
            if len(costs[tool].problems) == TRIES:
                continue
            try:
                these[tool] = one_run(tool, count, environment)
            except RunError as error:
                costs[tool].problems.append(str(error))
        bare.append(one_run(BARE, count, environment))
        for place, tool in enumerate(order, start=1):
            if tool in these:
                costs[tool].runs.append(these[tool])
                # What a run without would have taken at that time, between the one before and the one after.
                weight = place / (len(order) + 1)
                for part in PARTS:
                    before, after = (one.loops[part].took_s for one in bare[-2:])
                    expected_s = (1 - weight) * before + weight * after
                    costs[tool].ratios[part][turn] = these[tool].loops[part].took_s / expected_s
    return bare, costs


def this_machine() -> str:
    """Date, processor, system, interpreter."""
    model = "?"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
    return (
        f"{datetime.date.today()}, {os.cpu_count()} cores of {model}, Linux {platform.release()}, "
        f"Python {platform.python_version()}."
    )


def steps(loop_s: float) -> int:
    """How many steps take ``loop_s`` here."""
    took_s = math.inf
    for _ in range(5):
        start_s = time.perf_counter()
        work(CALIBRATION_STEPS)
        took_s = min(took_s, time.perf_counter() - start_s)
    return round(CALIBRATION_STEPS * loop_s / took_s)


def main() -> int:
    """Print the table; 1 if a peer costs less than energyprof."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--tools", default=",".join(DEFAULT_TOOLS), help=f"of: {', '.join(IMPORT)} (default: %(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="few and short runs: to see that it works")
    parser.add_argument("-o", "--output", type=Path, help="write the table to this file")
    asked = parser.parse_args()
    tools = [tool.strip() for tool in asked.tools.split(",")]
    if unknown := sorted(set(tools) - set(IMPORT)):
        parser.error(f"--tools: there is no {', '.join(unknown)}; there are {', '.join(IMPORT)}")
    for tool in tools:
        python(tool)
    in_namespace()
    adopt()
    start_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="energyprof-overhead-") as name:
        folder = Path(name)
        around = environment(folder)
        powercap = show_machine(folder)
        try:
            imports = import_costs(tools, QUICK_IMPORTS if asked.quick else IMPORTS, around, folder)
            count = steps(QUICK_LOOP_S if asked.quick else LOOP_S)
            bare, costs = measure(tools, QUICK_ROUNDS if asked.quick else ROUNDS, count, around)
        finally:
            powercap.close()
            subprocess.run(["umount", "--lazy", str(folder / "tree")], check=False)
    problems = beaten(imports, bare, costs)
    lines = [this_machine(), "", *table(imports, bare, costs), ""]
    lines += [f"{remark}  " for remark in remarks(imports, bare, costs, count)]
    return ended(lines, problems, "beaten", start_s, asked.output)


if __name__ == "__main__":
    sys.exit(main())
