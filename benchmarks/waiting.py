"""Claim: following how long each step blocks a process (``workloads/waiting.py``) costs < 1 % of 5 ms.

Two processes train a small network in alternating blocks of steps, followed and not; the median over pairs of
blocks of the ratio of their times, in one run: ``python benchmarks/waiting.py``.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

PAIRS, STEPS = 40, 20


def train() -> None:
    """What each of the processes does."""
    import torch
    from torch.nn.parallel import DistributedDataParallel

    from energyprof.workloads.training import ranks
    from energyprof.workloads.waiting import Waiting

    torch.set_num_threads(1)
    device = torch.device("cpu")
    ranks.join(device)

    class Loop:
        """A loop as the workloads' own."""

        def __init__(self) -> None:
            layers = [torch.nn.Linear(400, 400) for _ in range(6)]
            self._model = DistributedDataParallel(torch.nn.Sequential(*layers))
            self._device = device

    followed, plain, waiting = Loop(), Loop(), Waiting()
    waiting.phase("train")
    batch = torch.ones(64, 400)

    def block(loop: Loop) -> float:
        start_s = time.perf_counter()
        for _ in range(STEPS):
            loop._model(batch).sum().backward()
            if loop is followed:
                waiting.step(loop)
        return time.perf_counter() - start_s

    block(followed), block(plain)
    ratios, steps_s = [], []
    for pair in range(PAIRS):
        order = (followed, plain) if pair % 2 else (plain, followed)
        took_s = {id(loop): block(loop) for loop in order}
        ratios.append(took_s[id(followed)] / took_s[id(plain)])
        steps_s.append(took_s[id(plain)] / STEPS)
    if ranks.rank() == 0:
        low, _, high = statistics.quantiles(ratios, n=4)
        print(
            f"a step of {1e3 * statistics.median(steps_s):.1f} ms takes "
            f"{100 * (statistics.median(ratios) - 1):+.2f} % if it is followed "
            f"(quartiles {100 * (low - 1):+.2f} to {100 * (high - 1):+.2f} %, {PAIRS} pairs of {STEPS} steps)"
        )
    ranks.leave()


if __name__ == "__main__":
    if "--process" in sys.argv:
        train()
    else:
        launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
        launcher += ["--local_addr", "localhost", "--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0"]
        sys.exit(subprocess.run([*launcher, __file__, "--process"], check=False).returncode)
