"""The command line: one file a command, their table in ``application.py``; here how an error is printed."""

from __future__ import annotations

import os
import signal
import sys

from energyprof.cli import streams
from energyprof.errors import EnergyprofError


def main() -> None:
    """The console entry point; each of our errors is one line on stderr."""
    streams.prepare()
    # Of a parent that ignores it, we inherited that: the kernel would tell no exit code of what we start.
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    words = sys.argv[1:]
    try:
        if words[:1] == ["for-program"]:
            from energyprof.cli.for_program import measure

            sys.exit(measure(words[1:]))
        from energyprof.cli.application import application

        application(words)()
    except EnergyprofError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.filename is None:
            raise
        # Of whatever path was given: its name is too long, we may not look there, links lead round.
        print(f"error: {os.fsdecode(error.filename)}: {error.strerror}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
