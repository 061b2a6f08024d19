"""Trainings that a program starts, forked from it: it has loaded what they would load, and only that once.

``install`` puts another ``Popen`` in the place of Python's. For a training by this very interpreter it forks,
and the child becomes what would have been started: its arguments, environment, folder, streams and session;
none of our modules is loaded in it. All other programs start as ever. What a fork does not have is a command
line and an environment of its own in /proc.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import importlib.util
import io
import os
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

PROGRAMS = ("energyprof.workloads", "energyprof.workloads.training.process", "torch.distributed.run")

_run: Callable[[str, str], int]
_end: Callable[[int], None]
_path: Sequence[str]


def install(run: Callable[[str, str], int], end: Callable[[int], None], path: Sequence[str]) -> None:
    """From now on trainings are forked. ``run`` does what -m does, ``end`` ends the process with a code."""
    global _run, _end, _path
    _run, _end, _path = run, end, path
    subprocess.Popen = Popen  # type: ignore[misc]


class Popen(subprocess.Popen):  # type: ignore[type-arg]
    """That of Python, but for trainings."""

    def _execute_child(self, args: Any, executable: Any, *given: Any) -> None:
        words = _training(args)
        if not words:
            super()._execute_child(args, executable, *given)  # type: ignore[misc]
            return
        before, _, _, folder, environment, _, _, _, *streams = given
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
            self.pid = os.fork()
        if self.pid == 0:
            _become(words, environment, folder, (streams[0], streams[3], streams[5]), before, streams[11])
        self._child_created = True
        self._close_pipe_fds(*streams[:6])  # type: ignore[attr-defined]


def _training(words: Any) -> list[str]:
    """What follows -m, where that is a training."""
    words = [] if isinstance(words, (str, bytes, os.PathLike)) else [word for word in words if word != "-u"]
    known = words[:2] == [sys.executable, "-m"] and words[2] in PROGRAMS
    return words[2:] if known else []


def _become(
    words: list[str],
    environment: Mapping[str, str] | None,
    folder: str | None,
    streams: Sequence[int],
    before: Callable[[], None] | None,
    session: bool,
) -> None:
    code = 1
    try:
        for number, stream in enumerate(streams):
            if stream != -1:
                os.dup2(stream, number)
        if folder is not None:
            os.chdir(folder)
        if session:
            os.setsid()
        signal.set_wakeup_fd(-1)
        for number in signal.valid_signals():
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if before is not None:
            before()
        os.closerange(3, 4096)
        os.execv = _execv  # type: ignore[assignment]
        _begin(words, environment)
        code = _run("-m", words[0])
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
        if isinstance(left.code, str):
            print(left.code, file=sys.stderr)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:  # noqa: BLE001 - the interpreter has words for it
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(BaseException):
            _end(code)
        os._exit(code)


def _execv(path: str, arguments: Sequence[str], started: Callable[..., Any] = os.execv) -> None:
    words = _training(arguments)
    if not words:
        started(path, arguments)
    _begin(words, None)
    sys.exit(_run("-m", words[0]))


def _begin(words: list[str], environment: Mapping[str, str] | None) -> None:
    """What an interpreter does before it runs a program."""
    atexit._clear()
    if environment is not None:
        os.environ.clear()
        os.environ.update(environment)
    tempfile.tempdir = None
    for name in [name for name in sys.modules if name.partition(".")[0] in ("energyprof", "sitecustomize")]:
        del sys.modules[name]
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(os.fdopen(number, "wb", 0, closefd=False), write_through=True) for number in (1, 2)
    )
    added = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [os.getcwd(), *filter(None, added), *_path]
    sys.argv = words
    importlib.invalidate_caches()
    if importlib.util.find_spec("sitecustomize") is not None:
        importlib.import_module("sitecustomize")
