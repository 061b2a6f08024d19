"""A Python that has our modules loaded, and forks for each program: only the first pays for starting up.

Every program is a process of its own, with its own folder, environment, arguments and streams, on the
processors of whoever asks for it, and ends as an interpreter ends, but for one thing: modules are not taken
apart, which would copy all memory and take ten times as long as the rest. What the interpreter reads as it
starts (``PYTHONUTF8``, a locale) is the first one's: a test of that starts a process anew. What the loader
reads (``LD_PRELOAD``) has a Python of its own, and so have programs of large libraries: it loads what they
ask for, once, and trainings that they start are forked too.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import rich.cells

import energyprof.cli.application
from energyprof.errors import EnergyprofError
from energyprof.storable import frozen
from fakes import forking
from fakes.constants import sitecustomize as constants

LOADER = ("LD_PRELOAD", "LD_LIBRARY_PATH")
ROOMS = ("cli", "formats", "study", "compare", "profile", "report", "measure", "trace", "decode", "simulate")
# What large libraries read as they load.
LIBRARIES = {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1", "KERAS_BACKEND": "torch"}
# What a help or a refusal is printed by.
PRINTERS = ("rich.markdown", "rich.columns", "rich.panel", "rich.traceback", "click._textwrap")


class Warm:
    """One such Python."""

    def __init__(self, loader: Mapping[str, str], libraries: bool) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in LOADER}
        self._server = subprocess.Popen(
            [sys.executable, __file__, *(["libraries"] if libraries else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # what had been read ahead, a wait for the exit code would not see
            env={**kept, **loader, **(LIBRARIES if libraries else {})},
            cwd="/",
        )

    def close(self) -> None:
        """End it; no program runs."""
        with self._server:
            assert self._server.stdin is not None
            self._server.stdin.close()

    def run(self, request: Mapping[str, Any], timeout_s: float) -> int:
        """The exit code, negative where a signal ended it.

        Raises:
            TimeoutExpired: it was killed, since it took longer than ``timeout_s``.
        """
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(request).encode() + b"\n")
        self._server.stdin.flush()
        pid = self._answer()
        assert self._server.stdout is not None
        if select.select([self._server.stdout], [], [], timeout_s)[0]:
            return self._answer()
        os.kill(pid, signal.SIGKILL)
        self._answer()
        raise subprocess.TimeoutExpired(request["arguments"], timeout_s)

    def _answer(self) -> int:
        assert self._server.stdout is not None
        return int(self._server.stdout.readline())


_pythons: dict[tuple[str, ...], Warm] = {}


def run(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    cwd: Path | None = None,
    input: str = "",
    timeout_s: float = 120,
    loaded: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """What a program does; ``arguments`` are Python's, from ``-c`` or ``-m`` on.

    ``loaded`` are large libraries that it uses, by the names of their modules.
    """
    loader = {name: environment[name] for name in LOADER if name in environment}
    key = (*(loader.get(name, "") for name in LOADER), "libraries" if loaded else "")
    if key not in _pythons:
        _pythons[key] = Warm(loader, bool(loaded))
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        streams = [Path(folder, name) for name in ("in", "out", "err")]
        for path, text in zip(streams, (input, "", ""), strict=True):
            path.write_text(text)
        request = {
            "arguments": list(arguments),
            "environment": dict(environment),
            "cwd": str(cwd or Path.cwd()),
            "processors": sorted(os.sched_getaffinity(0)),
            "streams": [str(path) for path in streams],
            "loaded": list(loaded),
        }
        code = _pythons[key].run(request, timeout_s)
        out, err = (path.read_text() for path in streams[1:])
    return subprocess.CompletedProcess(list(arguments), code, out, err)


@atexit.register
def close() -> None:
    """End every Python that waits for programs."""
    while _pythons:
        _pythons.popitem()[1].close()


def _preload() -> None:
    for name in ("energyprof.cli", *(f"energyprof.{room}" for room in ROOMS)):
        package = importlib.import_module(name)
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            # What an extra that is not installed would bring is not there for the program either.
            with contextlib.suppress(ImportError):
                if not found.name.endswith(".mlflow"):  # takes as long as all others together
                    importlib.import_module(found.name)
    for name in PRINTERS:
        importlib.import_module(name)
    rich.cells.cell_len("漢")  # by a table that the first letter beyond Latin loads
    _compile()
    # Options are read by libraries that typer loads with the first of them; this command is refused.
    sys.argv = ["energyprof", "exec", "--interval", "nan", "--", "true"]
    with contextlib.suppress(EnergyprofError):
        energyprof.cli.application.application(sys.argv[1:])()
    gc.freeze()


def _compile() -> None:
    """The ``__init__`` of every frozen class, which each program would compile for itself."""
    ours = [module for name, module in list(sys.modules.items()) if name.startswith("energyprof.")]
    for kind in {kind for module in ours for kind in vars(module).values() if isinstance(kind, type)}:
        if getattr(vars(kind).get("__init__"), "__module__", "") == frozen.__name__:
            setattr(kind, "__init__", frozen._compiled(kind))  # noqa: B010


def _serve(path: Sequence[str]) -> tuple[str, str]:
    """Fork for each request; what comes back, in the child, is -m or -c, and what to run."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Read past sys.stdin: what that had read ahead would be the program's input.
    with os.fdopen(os.dup(0), "rb") as requests:
        for line in requests:
            request = json.loads(line)
            _load(request["loaded"])
            pid = os.fork()
            if pid == 0:
                return _become(request, path)
            print(pid, flush=True)
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    sys.exit(0)


def _load(names: Sequence[str]) -> None:
    new = [name for name in names if name not in sys.modules]
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        for name in new:
            with contextlib.suppress(ImportError):  # the program will say so
                importlib.import_module(name)
    if new:
        gc.freeze()


def _become(request: Mapping[str, Any], path: Sequence[str]) -> tuple[str, str]:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None  # where that is was looked up in our own environment
    os.chdir(request["cwd"])
    os.sched_setaffinity(0, request["processors"])
    for number, stream in enumerate(request["streams"]):
        opened = os.open(stream, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    constants.install()
    kind, what, *words = request["arguments"]
    sys.argv = [what if kind == "-m" else "-c", *words]
    added = request["environment"].get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [request["cwd"] if kind == "-m" else "", *filter(None, added), *path]
    return kind, what


def _run(kind: str, what: str) -> int:
    """The exit code of the program; what else it raises, the interpreter has words for."""
    try:
        if kind == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as left:
        if not isinstance(left.code, int | None):
            raise
        return left.code or 0
    return 0


def _end(code: int) -> None:
    """What an interpreter does at its end, but for taking modules apart."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    gc.collect()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
    except OSError:
        sys.exit(code)  # the interpreter has words and a code for that, too
    # C libraries end as ever, while no other thread goes on.
    ctypes.PyDLL(None).exit(code & 0xFF)


if __name__ == "__main__":
    _path = sys.path[1:]
    if "libraries" in sys.argv:
        forking.install(_run, _end, _path)
    else:
        _preload()
    _end(_run(*_serve(_path)))
