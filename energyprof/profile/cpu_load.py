"""A program that keeps one processor as busy as it is told: ``python cpu_load.py CPU``.

It takes a share a line on stdin, and answers ``?`` with how many rounds it has done. It imports nothing of
ours and ends when its input does.
"""

import contextlib
import os
import select
import sys
import time

# Work and rest follow each other so fast that no meter tells them apart.
SLICE_S = 0.01
# What is computed between two looks at the clock takes some 0.1 ms.
ROUNDS = 1000


def main(cpu: int) -> None:
    """Work until stdin ends."""
    with contextlib.suppress(OSError, AttributeError):  # it was taken away meanwhile
        os.sched_setaffinity(0, {cpu})
    share, number, done = 0.0, 1, 0
    print("ready", flush=True)
    while True:
        until_s = time.perf_counter() + share * SLICE_S
        while time.perf_counter() < until_s:
            for _ in range(ROUNDS):
                number = (number * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
            done += ROUNDS
        rest_s = (1 - share) * SLICE_S if share > 0 else None
        if select.select([0], [], [], rest_s)[0]:
            words = os.read(0, 100).split()
            if not words:
                return
            if words[-1] == b"?":
                print(done, flush=True)
            else:
                share = float(words[-1])


if __name__ == "__main__":
    main(int(sys.argv[1]))
