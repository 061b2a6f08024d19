"""The command line: one file a command, their table in ``application.py``; here how an error is printed."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading

from energyprof.cli import streams
from energyprof.errors import EnergyprofError
from energyprof.profile.unwinding import ENDS, Ended, end

# These may have read thousands of reports. To take them apart at the end, object by object, is a tenth of
# their time.
LEFT_AT_ONCE = ("compare", "check")


def main() -> None:
    """The console entry point; each of our errors is one line on stderr."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # until now: `__main__.py`
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in ENDS:
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup means it
            signal.signal(number, end)
    try:
        _run()
    except Ended as ended:
        _end_by(ended.number)
    except SystemExit as left:
        # Of a program's code `exec` alone knows what it was. All else that ends so was interrupted.
        if left.code == 128 + signal.SIGINT and sys.argv[1:2] != ["exec"]:
            _end_by(signal.SIGINT)
        if sys.argv[1:2] and sys.argv[1] in LEFT_AT_ONCE and type(left.code) is int:
            _leave(left.code)
        raise


def _end_by(number: int) -> None:
    """Let whoever waits for us see what ended us: a shell then ends its loop or script at Ctrl-C, too."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _leave(code: int) -> None:
    """End as the interpreter does, but for the memory, which the system takes back at once."""
    if threading.active_count() > 1:
        return  # it waits for the others
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _run() -> None:
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
        said = f"error: {error}"
        if "pip install" in said:
            from energyprof.profile.installed_from import advised

            said = advised(said)
        print(said, file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.filename is None:
            raise
        # Of whatever path was given: its name is too long, we may not look there, links lead round.
        print(f"error: {os.fsdecode(error.filename)}: {error.strerror}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
