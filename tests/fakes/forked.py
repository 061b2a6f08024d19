"""Processes that train together, forked from one that has loaded torch: only that one pays for starting up.

``python forked.py COUNT BEFORE PROGRAM ARGUMENTS`` runs the program in each, as torchrun would: they meet at
a store of the first one's.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__)


def printed(count: int, program: Path | str, *arguments: str, before: str = "") -> Any:
    """What the program prints as JSON, trained by ``count`` processes; ``before`` they fork this is run."""
    done = subprocess.run(
        [sys.executable, str(HERE), str(count), before, str(program), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(map(str, (HERE.parents[2], HERE.parents[1]))),
        },
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _forked(rank: int, count: int, port: int) -> None:
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(count))
    os.environ.update(MASTER_ADDR="localhost", MASTER_PORT=str(port), TORCHELASTIC_USE_AGENT_STORE="True")
    runpy.run_path(sys.argv[0], run_name="__main__")


def main() -> int:
    import torch.distributed

    count, children = int(sys.argv[1]), []
    exec(sys.argv[2])
    sys.argv = sys.argv[3:]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    theirs, ours = os.pipe()
    for rank in range(count):
        child = os.fork()
        if child == 0:
            _forked(rank, count, int.from_bytes(os.read(theirs, 2), "big"))
            sys.stdout.flush()
            os._exit(0)
        children.append(child)
    # The store has threads, which no fork takes along: it comes after them.
    store = torch.distributed.TCPStore("localhost", 0, is_master=True, wait_for_workers=False)
    os.write(ours, store.port.to_bytes(2, "big") * count)
    ends = [os.waitpid(child, 0)[1] for child in children]
    return int(any(ends))


if __name__ == "__main__":
    sys.exit(main())
