"""The command line: one file a command, their table in ``application.py``; here how an error is printed."""

from __future__ import annotations

import sys

from energyprof.cli import streams
from energyprof.errors import EnergyprofError


def main() -> None:
    """The console entry point; each of our errors is one line on stderr."""
    streams.prepare()
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
    except KeyboardInterrupt:
        sys.exit(130)
