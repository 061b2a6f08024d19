"""A program that keeps one GPU as busy as it is told: ``python -m energyprof.workloads.gpu_load NUMBER``.

It says what the GPU is in a line of JSON, or in one line why there is none and exits 2. Then it takes a share
a line on stdin, answers ``?`` with how many products it has made, and ends when its input does.
"""

import json
import os
import random
import select
import sys
import time
from typing import Any

# Work and rest follow each other at lengths of chance: some sensors look at 25 ms of every 100 ms only.
SLICES_S = (0.008, 0.016)
# A product of matrices of this size keeps any GPU busy; smaller ones leave the largest partly idle.
SIZE = 4096


def main(number: int) -> int:
    """Work until stdin ends; the exit code."""
    try:
        import torch
    except ImportError:
        return _refuse(f"no PyTorch in {sys.executable}")
    if not torch.cuda.is_available():
        return _refuse(f"the PyTorch in {sys.executable} sees no GPU")
    if number >= torch.cuda.device_count():
        return _refuse(f"the PyTorch in {sys.executable} sees {torch.cuda.device_count()} GPU(s)")
    try:
        _work(torch, number)
    except RuntimeError as error:  # out of memory, a build without this GPU's kernels
        return _refuse(" ".join(str(error).split())[:200])
    return 0


def _work(torch: Any, number: int) -> None:
    device = torch.device("cuda", number)
    properties = torch.cuda.get_device_properties(number)
    matrix = torch.rand(SIZE, SIZE, device=device, dtype=torch.float16)
    product = torch.empty_like(matrix)
    torch.matmul(matrix, matrix, out=product)
    torch.cuda.synchronize(device)
    uuid = str(getattr(properties, "uuid", ""))
    print(json.dumps({"name": properties.name, "uuid": uuid, "torch": torch.__version__}), flush=True)
    share, done = 0.0, 0
    while True:
        start_s = time.perf_counter()
        until_s = start_s + share * random.uniform(*SLICES_S)
        while time.perf_counter() < until_s:
            torch.matmul(matrix, matrix, out=product)
            torch.cuda.synchronize(device)
            done += 1
        # On a small GPU a single product takes longer than that.
        rest_s = (time.perf_counter() - start_s) * (1 - share) / share if share > 0 else None
        if select.select([0], [], [], rest_s)[0]:
            words = os.read(0, 100).split()
            if not words:
                return
            if words[-1] == b"?":
                print(done, flush=True)
            else:
                share = float(words[-1])


def _refuse(why: str) -> int:
    print(why, flush=True)
    return 2


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
