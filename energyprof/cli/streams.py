"""The standard streams as people use them: terminals of any encoding, pipes whose reader may leave.

All that energyprof says leaves here, and here it is made fit for a terminal and a CI's log: names, notes and
messages come from other people's files and programs. What the user's own program prints does not pass.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from typing import Any, TextIO

from energyprof.formats.printable import WorkflowCommand, disarmed, json_escaped, printable


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


class CleanStream(io.TextIOWrapper):
    """Text without control characters but line ends and tabs, and without commands to a CI."""

    def __init__(self, buffer: Any, **settings: Any) -> None:
        super().__init__(buffer, **settings)
        self._begun = ""  # the line that is being written, as long as it may become a command
        # rich writes there what it draws for this stream, in the knowledge of which codes are its own.
        self.rich_proxied_file = _Styled(self)

    def write(self, text: str, /) -> int:
        """How many characters were taken."""
        shown = printable(text, keep="\n\t")
        if isinstance(text, WorkflowCommand):
            super().write(shown)
            self._begun = ""
        else:
            self.put(shown)
        return len(text)

    def put(self, shown: str) -> None:
        """Write what holds no control characters, or only our own, and let it be no command."""
        safe = disarmed(shown, self._begun)
        super().write(safe)
        line = self._begun + safe if "\n" not in safe else safe[safe.rindex("\n") + 1 :]
        self._begun = line[-_BLANKS:] if not line.strip(": \t") else f"x{line[-_LONGEST:]}"


class _Styled:
    """The stream as rich sees it: its styles pass, and on a terminal its moves of the cursor."""

    def __init__(self, stream: CleanStream) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """How many characters were taken."""
        codes = _MOVES if self._stream.isatty() else _STYLES
        parts = codes.split(text)
        parts[::2] = [printable(part, keep="\n\t") for part in parts[::2]]
        self._stream.put("".join(parts))
        return len(text)


class Uncoloured(io.TextIOBase):
    """Writes through to ``out``, where rich takes colours from what is printed: here there are none."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, text: str, /) -> int:
        """How many characters were taken."""
        self._out.write(printable(text, keep="\n\t"))
        return len(text)

    def flush(self) -> None:
        """Write through what is kept."""
        self._out.flush()


# ECMA-48: SGR; and cursor up, erase in line, show and hide, with which rich draws over what it drew.
_STYLES = re.compile(r"(\x1b\[[0-9;]*m)")
_MOVES = re.compile(r"(\x1b\[[0-9;?]*[A-Za-z]|\r)")
# So many characters of a line that was begun tell whether it becomes a command.
_BLANKS, _LONGEST = 80, 18


def write_json(text: str) -> None:
    """The JSON ``text`` on stdout, its data whole whatever they hold."""
    sys.stdout.write(json_escaped(text, sys.stdout.encoding))


def prepare() -> None:
    """Set both output streams up."""
    _occupy()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed (``2>&-``): what we say is lost, and nothing else
            setattr(sys, name, CleanStream(io.BufferedWriter(io.FileIO(os.devnull, "wb")), encoding="utf-8"))
        elif isinstance(stream, io.TextIOWrapper):
            kept = PipeTolerantStream(stream.fileno(), "wb", closefd=False)
            made = CleanStream(
                io.BufferedWriter(kept),
                encoding=stream.encoding,
                errors="replace",  # a terminal without ± shows a ? rather than a traceback
                line_buffering=stream.line_buffering,
                write_through=stream.write_through,
            )
            setattr(sys, name, made)


def _occupy() -> None:
    """Let no file of ours become a standard stream that is closed: the program would write into it.

    For the program it stays closed: descriptors of ours are not inherited.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if number == 0 else os.O_RDONLY)
