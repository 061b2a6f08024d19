"""One of several processes: hands its output to the profiler apart from the others' and becomes the program.

torchrun starts ``python -m energyprof.workloads.training.process ARGUMENTS``, which turns into what it would
have started itself: ``python -u ARGUMENTS``. Without a profiler the output stays where it was.
"""

import contextlib
import os
import socket
import sys
from typing import List

from energyprof.wire import OUTPUT_VARIABLE


def main(arguments: List[str]) -> None:
    """Become the program; does not come back."""
    path = os.environ.get(OUTPUT_VARIABLE)
    if path:
        with contextlib.suppress(OSError):  # the profiler is gone: nobody will read it anyway
            apart = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            apart.connect(path)
            apart.sendall((os.environ.get("LOCAL_RANK", "0") + "\n").encode())
            os.dup2(apart.fileno(), 1)
            os.dup2(apart.fileno(), 2)
    os.execv(sys.executable, [sys.executable, "-u", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
