"""Claim: the energyprof on each node of a training takes at most 1 % of the processors that it trains on.

    python benchmarks/nodes.py

Two nodes on this machine (``run --nnodes 2`` over its loopback, torchrun, DistributedDataParallel), each with
a meter of its own, and a processor each to train on. Both profilers are stopped (SIGSTOP) and let go on in
alternating blocks of one training. What they take while they run is their processor time, which can be read
to a hundredth of a percent; how much longer the training takes for them is the ratio of its steps a second in
blocks side by side, which must not be shown to be more than 1 % (95 %) but scatters by far more than that on
a shared machine. Four minutes; the machine should have nothing else to do. What following each step costs
within the training is ``waiting.py``'s.
"""

from __future__ import annotations

import argparse
import bisect
import contextlib
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from energyprof.compare.statistics.intervals import interval, logs_of
from fakes.http_meters import closed_port
from fakes.powercap import LivePowercap
from fakes.waveform import constant

PAIRS, BLOCK_S, SETTLED_S = 120, 0.8, 0.2
LIMIT = 0.01
STARTS_WITHIN_S = 300.0

TRAINING = """
import os, time, torch, energyprof
from torch.nn.parallel import DistributedDataParallel
torch.set_num_threads(1)
torch.distributed.init_process_group("gloo")
layers = [torch.nn.Linear(400, 400) for _ in range(6)]
model, batch = DistributedDataParallel(torch.nn.Sequential(*layers)), torch.ones(64, 400)
energyprof.mark("train")
stamps, over = [], torch.zeros(1)
while not over:
    model(batch).sum().backward()
    stamps.append(time.monotonic())
    if len(stamps) % 20 == 0:
        over += os.path.exists("end")
        torch.distributed.all_reduce(over)
        energyprof.progress(samples=64 * len(stamps))
        open("began", "w").close()
open("stamps", "w").write(repr(stamps))
torch.distributed.destroy_process_group()
"""


def node(number: int, folder: Path, machine: Path, address: str) -> subprocess.Popen[bytes]:
    """The energyprof of one node, which starts its part of the training."""
    folder.mkdir()
    (folder / "train.py").write_text(TRAINING)
    words = ["run", "./train.py", "--idle", "0", "-q", "-o", "r.json", "--machine", f"machine {number}"]
    words += ["--nnodes", "2", "--node-rank", str(number), "--rdzv", address]
    environment = {
        **os.environ,
        "ENERGYPROF_SYSFS_ROOT": str(machine),
        "ENERGYPROF_TOKEN": "of this benchmark",
    }
    return subprocess.Popen([sys.executable, "-m", "energyprof", *words], cwd=folder, env=environment)


def rate(stamps: Sequence[float], start_s: float, end_s: float) -> float:
    """Steps a second from the first one in this time to the last."""
    inside = stamps[bisect.bisect_left(stamps, start_s) : bisect.bisect_right(stamps, end_s)]
    return (len(inside) - 1) / (inside[-1] - inside[0])


class Block(NamedTuple):
    """A stretch of the training with the profilers running, or stopped."""

    running: bool
    start_s: float
    end_s: float
    profilers_s: float  # processor time of all profilers


def cpu_s(profilers: Sequence[subprocess.Popen[bytes]]) -> float:
    """User + system time of these processes, without their children."""
    times = [psutil.Process(profiler.pid).cpu_times() for profiler in profilers]
    return sum(one.user + one.system for one in times)


def blocks(profilers: Sequence[subprocess.Popen[bytes]], pairs: int) -> list[Block]:
    """Pair by pair, in turned order."""
    found = []
    for pair in range(pairs):
        for running in (True, False) if pair % 2 else (False, True):
            for profiler in profilers:
                profiler.send_signal(signal.SIGCONT if running else signal.SIGSTOP)
            time.sleep(SETTLED_S)
            start_s, before_s = time.monotonic(), cpu_s(profilers)
            time.sleep(BLOCK_S)
            found.append(Block(running, start_s, time.monotonic(), cpu_s(profilers) - before_s))
    for profiler in profilers:
        profiler.send_signal(signal.SIGCONT)
    return found


def main() -> int:
    """Print the ratio; 1 if the claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=PAIRS, help="of blocks (default: %(default)s)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="n") as temporary, contextlib.ExitStack() as stack:
        address, profilers, folders = closed_port(), [], [Path(temporary) / str(n) for n in (0, 1)]
        for number, folder in enumerate(folders):
            machine = Path(temporary) / f"machine-{number}"
            stack.callback(LivePowercap(machine, constant(50.0)).close)
            profilers.append(node(number, folder, machine, address))
        until_s = time.monotonic() + STARTS_WITHIN_S
        while not all((folder / "began").exists() for folder in folders):
            if time.monotonic() > until_s or any(one.poll() is not None for one in profilers):
                raise SystemExit("the training did not begin")
            time.sleep(0.1)
        time.sleep(2.0)
        measured = blocks(profilers, asked.pairs)
        for folder in folders:
            (folder / "end").touch()
        for profiler in profilers:
            profiler.wait()
        stamps = json.loads((folders[0] / "stamps").read_text())
        joined = json.loads((folders[0] / "r.json").read_text())
    ratios = []
    for one, other in zip(measured[::2], measured[1::2], strict=True):
        rates = {block.running: rate(stamps, block.start_s, block.end_s) for block in (one, other)}
        ratios.append(rates[False] / rates[True])
    low, high = map(math.exp, interval(logs_of(ratios)) or (-math.inf, math.inf))
    ran = [block for block in measured if block.running]
    share = sum(b.profilers_s for b in ran) / sum(b.end_s - b.start_s for b in ran) / len(profilers)
    print(
        f"{len(joined['nodes'])} nodes, a step of {1e3 * (stamps[-1] - stamps[0]) / len(stamps):.1f} ms: "
        f"energyprof takes {100 * share:.2f} % of a node's processor; the training takes "
        f"{100 * (statistics.median(ratios) - 1):+.2f} % longer with it "
        f"(95 % of the mean: {100 * (low - 1):+.2f} to {100 * (high - 1):+.2f} %, "
        f"{len(ratios)} pairs of {BLOCK_S:g} s)"
    )
    return 0 if share <= LIMIT and low <= 1 + LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
