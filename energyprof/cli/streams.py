"""The standard streams as people use them: terminals of any encoding, pipes whose reader may leave."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any


class PipeTolerantStream(io.FileIO):
    """A stream whose reader may leave (``energyprof check … | head``): the rest is dropped without an error.

    The exit code is the verdict. If it were the pipe's, a missing reader would make a build fail, or pass.
    """

    def write(self, data: Any, /) -> int:
        """How many bytes were taken, dropped ones included."""
        try:
            return super().write(data)
        except BrokenPipeError:
            pass
        except OSError as error:  # full: said once, where it can be; the exit code stays the verdict's
            name = {1: "stdout", 2: "stderr"}.get(self.fileno(), "output")
            with contextlib.suppress(OSError):
                os.write(2, f"error: {name} cannot be written: {error.strerror}\n".encode())
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
        return memoryview(data).nbytes


def prepare() -> None:
    """Set both output streams up."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            kept = PipeTolerantStream(stream.fileno(), "wb", closefd=False)
            made = io.TextIOWrapper(
                io.BufferedWriter(kept),
                encoding=stream.encoding,
                errors="replace",  # a terminal without ± shows a ? rather than a traceback
                line_buffering=stream.line_buffering,
                write_through=stream.write_through,
            )
            setattr(sys, name, made)
