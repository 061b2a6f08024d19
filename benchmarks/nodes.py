"""Claim: a training on two nodes takes less than 1 % longer for the energyprof on each of them.

    python benchmarks/nodes.py

Two nodes on this machine (``run --nnodes 2`` over its loopback, torchrun, DistributedDataParallel), each with
a meter of its own. Both profilers are stopped (SIGSTOP) and let go on in alternating blocks of one training;
the ratio of its steps a second in blocks side by side, with its 95 % interval. Both share this machine's
processors: a profiler takes more here than where it has a node to itself. Four minutes; the machine should
have nothing else to do. What following each step costs within the training is ``waiting.py``'s.
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

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from energyprof.compare.statistics.intervals import interval, logs_of
from fakes.http_meters import closed_port
from fakes.powercap import LivePowercap
from fakes.waveform import constant

PAIRS, BLOCK_S, SETTLED_S = 40, 2.0, 0.2
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


def blocks(profilers: Sequence[subprocess.Popen[bytes]], pairs: int) -> list[tuple[bool, float, float]]:
    """Whether the profilers ran, from when to when, pair by pair in turned order."""
    found = []
    for pair in range(pairs):
        for running in (True, False) if pair % 2 else (False, True):
            for profiler in profilers:
                profiler.send_signal(signal.SIGCONT if running else signal.SIGSTOP)
            start_s = time.monotonic() + SETTLED_S
            time.sleep(SETTLED_S + BLOCK_S)
            found.append((running, start_s, time.monotonic()))
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
        rates = {running: rate(stamps, start_s, end_s) for running, start_s, end_s in (one, other)}
        ratios.append(rates[False] / rates[True])
    low, high = map(math.exp, interval(logs_of(ratios)) or (-math.inf, math.inf))
    print(
        f"{len(joined['nodes'])} nodes, a step of {1e3 * (stamps[-1] - stamps[0]) / len(stamps):.1f} ms: "
        f"{100 * (statistics.geometric_mean(ratios) - 1):+.2f} % longer with energyprof "
        f"(95 %: {100 * (low - 1):+.2f} to {100 * (high - 1):+.2f} %, {len(ratios)} pairs of {BLOCK_S:g} s)"
    )
    return 0 if high <= 1 + LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
