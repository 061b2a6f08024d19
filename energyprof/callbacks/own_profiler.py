"""The profiler that a program starts for itself, and ends with its own end."""

import atexit
import contextlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

from energyprof.wire import WIRE_VARIABLE

# A profiler that has been told to end writes its report within this.
END_S = 20.0
# The Python that the profiler needs; the training side does with less.
NEEDED = (3, 10)


class _Started(NamedTuple):
    """The profiler that this process started."""

    process: "subprocess.Popen[bytes]"
    pid: int  # of the process that started it, which alone ends it
    path: str  # where its report will lie


_started: Optional[_Started] = None
_failed = False


def start(meters: str, interval_s: Optional[float], output: "Optional[os.PathLike[str]]") -> bool:
    """Start it; whether it measures. Where it cannot, that is said once, and the program goes on."""
    global _started, _failed
    if _failed:
        return False
    asked = {
        "pid": os.getpid(),
        "name": _name(),
        "meters": meters,
        "interval_s": None if interval_s is None else float(interval_s),
        "output": None if output is None else os.fspath(output),
    }
    try:
        _started = _begin(asked)
    except OSError as error:
        _failed = True
        warnings.warn(f"energyprof measures nothing: {error}", RuntimeWarning, stacklevel=4)
        return False
    atexit.register(_end, _started)
    return True


def stop() -> None:
    """End it, so that it writes its report."""
    if _started is not None:
        _end(_started)


def report_at(path: str) -> Any:
    """The `Report` that lies there."""
    # By its name: the training side, to which this belongs, is valid without it.
    return importlib.import_module("energyprof.report.file").read(Path(path))


def _begin(asked: Dict[str, Any]) -> _Started:
    """Raises OSError: it cannot be started."""
    command = [*_command(), "for-program", json.dumps(asked)]
    # A session of its own: Ctrl-C is the program's.
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    with process.stdout as said:
        line = said.readline()
    if not line:
        raise ProcessLookupError(f"its profiler ended with exit code {process.wait()}")
    told = json.loads(line.decode())
    os.environ[WIRE_VARIABLE] = told["wire"]
    return _Started(process, os.getpid(), told["report"])


def _end(started: _Started) -> None:
    global _started
    if started.pid != os.getpid() or started is not _started:
        return  # a fork's end
    _started = None
    os.environ.pop(WIRE_VARIABLE, None)
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        started.process.terminate()
        if started.process.wait(timeout=END_S) in (0, 4):
            print(f"energyprof: report {started.path}", file=sys.stderr)


def _command() -> List[str]:
    """What starts energyprof: this interpreter, if it is new enough, else the one on the PATH."""
    if sys.version_info[:2] >= NEEDED:
        return [sys.executable, "-m", "energyprof"]
    found = shutil.which("energyprof")
    if found is None:
        raise FileNotFoundError("this Python is too old to profile: put a newer one's energyprof on the PATH")
    return [found]


def _name() -> str:
    """What the program is called: its script, or what it is started with."""
    return Path(sys.argv[0] if sys.argv else "").stem or "python"
