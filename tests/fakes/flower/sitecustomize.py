"""Flower's programs, forked from the SuperLink or SuperNode that starts them: only these two load Flower.

A Python that has this folder in its PYTHONPATH and runs one of these two forks before it has threads. That
fork, a child of its, makes a process of its own of each of Flower's programs that it, or one of those, starts
by name. Arguments, environment, folder and streams are as ever, and so is who ends with whom.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from importlib.metadata import EntryPoint, entry_points
from typing import Any

PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Who has whom started.
FORKED = {
    "flower-superlink": ("flower-superexec", "flwr-serverapp"),
    "flower-supernode": ("flower-superexec", "flwr-clientapp"),
}
RUNS = os.path.basename(sys.orig_argv[1]) if len(sys.orig_argv) > 1 else ""


class Forked:
    """A process that was forked, as ``Popen`` is of one that was started."""

    def __init__(self, pid: int, alive: socket.socket) -> None:
        self.pid, self._alive = pid, alive

    def terminate(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> None:
        self._alive.settimeout(timeout)
        try:
            self._alive.recv(1)  # it has the other end, and says nothing
        except TimeoutError:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0) from None


class Popen(subprocess.Popen):  # type: ignore[type-arg]
    """That of Python, but for programs that are forked."""

    address = ""

    def __new__(cls, words: Any, *given: Any, **named: Any) -> Any:
        if words[0] not in FORKED[RUNS]:
            return super().__new__(cls)
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(cls.address)
        request = {
            "words": words,
            "environment": dict(os.environ),
            "folder": os.getcwd(),
            "session": named.get("start_new_session", False),
        }
        told = json.dumps(request).encode()
        with open(os.devnull, "wb") as nothing:
            kept = {subprocess.DEVNULL: nothing.fileno()}
            streams = [kept.get(named.get(name, to), to) for name, to in (("stdout", 1), ("stderr", 2))]
            socket.send_fds(connection, [len(told).to_bytes(8, "big")], streams)
        connection.sendall(told)
        return Forked(int.from_bytes(connection.recv(8), "big"), connection)


def serve(listener: socket.socket, programs: dict[str, EntryPoint]) -> None:
    """Fork for each request."""
    signal.signal(signal.SIGCHLD, _reap)
    while True:
        connection, _ = listener.accept()
        with connection:
            length, streams, _, _ = socket.recv_fds(connection, 8, 2)
            request = json.loads(connection.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL))
            pid = os.fork()
            if pid == 0:
                listener.close()
                _become(request, streams, programs)
            connection.sendall(pid.to_bytes(8, "big"))
            for stream in streams:
                os.close(stream)


def _reap(number: int, frame: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _become(request: dict[str, Any], streams: list[int], programs: dict[str, EntryPoint]) -> None:
    code: Any = 1
    try:
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if request["session"]:
            os.setsid()
        for stream, number in zip(streams, (1, 2), strict=True):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        sys.argv = request["words"]
        code = programs[sys.argv[0]].load()() or 0
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:  # noqa: BLE001 - the interpreter has words for it
        sys.excepthook(*sys.exc_info())
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def fork() -> None:
    """Begin to serve, in a child of this process that ends with it."""
    scripts = entry_points(group="console_scripts")
    found = {one.name: one for one in scripts if one.name in FORKED[RUNS]}
    for program in found.values():
        program.load()
    Popen.address = f"\0flower-{os.getpid()}"
    subprocess.Popen = Popen  # type: ignore[misc]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(Popen.address)
    listener.listen()
    if os.fork() == 0:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as its parent ends, it does
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        serve(listener, found)
    listener.close()


if RUNS in FORKED:
    fork()
