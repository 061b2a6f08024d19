"""Flower's own programs: quiet, calling nobody but each other, writing into the run's folder alone."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence

from energyprof.wire import FLOWER_VARIABLE, SEED_VARIABLE, TARGET_VARIABLE, WIRE_VARIABLE
from energyprof.workload import WorkloadError
from energyprof.workloads.paradigms.federated import flower
from energyprof.workloads.paradigms.federated.engines.deployed import bridge

# Flower looks for new messages every second; every round waits for that twice.
POLL_S = "0.25"
END_S = 5.0
# The names of Flower's documentation.
CA, CERTIFICATE, KEY = "ca.crt", "server.pem", "server.key"
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address_of(text: Optional[str]) -> Address:
    """The address that the words say.

    Raises:
        WorkloadError: they say none.
    """
    host, _, port = (text or "").rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        said = f"--address {text}: " if text else ""
        raise WorkloadError(
            f"{said}--engine deploy needs --address HOST:PORT, the server's, such as 10.0.0.5:9092"
        )
    return Address(host, int(port))


def certificate(folder: str, name: str) -> str:
    """The path of that file among the certificates.

    Raises:
        WorkloadError: it is not there.
    """
    path = os.path.join(folder, name)
    if not os.path.isfile(path):
        raise WorkloadError(
            f"--certificates {folder}: has no {name}: a server needs {CA}, {CERTIFICATE} and {KEY}, "
            f"a client {CA}"
        )
    return path


def answers(address: Address, within_s: float = 2.0) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection(address, within_s).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """A port of this machine alone that nobody uses now."""
    with contextlib.closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def command_path(name: str) -> str:
    """Where one of Flower's commands lies: beside the Python that has it.

    Raises:
        WorkloadError: it is not there.
    """
    folder = os.path.dirname(os.environ.get(FLOWER_VARIABLE) or sys.executable)
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        raise WorkloadError(
            f"{name}, needed for --engine deploy, is not in {folder}: {flower.INSTALL.format('federated')} "
            "in the Python that runs energyprof"
        )
    return path


def environment(folder: str, **more: str) -> Dict[str, str]:
    """That of Flower's programs; ``folder`` is theirs to write to."""
    hidden = (WIRE_VARIABLE, SEED_VARIABLE, TARGET_VARIABLE)
    found = {k: v for k, v in os.environ.items() if k not in hidden and k.lower() not in _PROXIES}
    ours = _up(os.path.abspath(__file__), 7)
    return {
        **found,
        **flower.OFF,
        "FLWR_SUPEREXEC_TASK_POLL_INTERVAL": POLL_S,
        "FLWR_HOME": folder,
        "TMPDIR": folder,
        "NO_PROXY": "*",
        # Flower starts its programs by name.
        "PATH": os.pathsep.join([os.path.dirname(command_path("flwr")), found.get("PATH", "")]),
        "PYTHONPATH": os.pathsep.join(filter(None, [ours, found.get("PYTHONPATH")])),
        **more,
    }


def _up(path: str, floors: int) -> str:
    return path if floors == 0 else _up(os.path.dirname(path), floors - 1)


class Program:
    """One of Flower's programs, running."""

    def __init__(self, name: str, words: Sequence[str], folder: str) -> None:
        self._name, self._log = name, os.path.join(folder, f"{name}.log")
        self._words, self._folder = words, folder
        self.start()

    def start(self) -> None:
        """Start it; of one that has ended, anew."""
        socket_path = {bridge.VARIABLE: os.path.join(self._folder, "bridge")}
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                [command_path(self._name), *self._words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment(self._folder, **socket_path),
            )

    def check(self) -> None:
        """Do nothing while it runs.

        Raises:
            WorkloadError: it has ended.
        """
        code = self._process.poll()
        if code is not None:
            raise WorkloadError(f"{self._name} ended with exit code {code}: {self.last_words()}")

    def await_address(self, address: Address, within_s: float) -> None:
        """Wait until it listens.

        Raises:
            WorkloadError: it ends, or does not.
        """
        until_s = time.monotonic() + within_s
        while not answers(address):
            self.check()
            if time.monotonic() > until_s:
                raise WorkloadError(f"{self._name} does not listen on {address} after {within_s:g} s")
            time.sleep(0.1)

    def said(self, words: str) -> bool:
        """Whether these are in its output."""
        with open(self._log, encoding="utf-8", errors="replace") as log:
            return words in log.read()

    def last_words(self) -> str:
        """The last lines of its output, in one."""
        return _last(self._log)

    def end(self) -> None:
        """Ask it to end, and end it."""
        self._process.terminate()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def running(name: str, words: Sequence[str], folder: str) -> Iterator[Program]:
    """One of Flower's programs; it ends with the context, and all that it started with the training."""
    program = Program(name, words, folder)
    try:
        yield program
    finally:
        program.end()


def run(name: str, words: Sequence[str], folder: str, within_s: float) -> None:
    """Run one of Flower's programs to its end.

    Raises:
        WorkloadError: it fails, or takes too long.
    """
    log = os.path.join(folder, f"{name}.log")
    with open(log, "wb") as output:
        try:
            code = subprocess.run(
                [command_path(name), *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(folder),
                timeout=within_s,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            raise WorkloadError(f"{name} {words[0]} took more than {within_s:g} s: {_last(log)}") from None
    if code != 0:
        raise WorkloadError(f"{name} {words[0]} failed: {_last(log)}")


def _last(log: str, count: int = 3) -> str:
    with open(log, encoding="utf-8", errors="replace") as file:
        lines: List[str] = [line.strip() for line in file if line.strip()]
    # Colours are for terminals.
    plain = [
        "".join(part.partition("m")[2] if i else part for i, part in enumerate(line.split("\x1b[")))
        for line in lines
    ]
    return " ".join(plain[-count:])[-400:] or "it said nothing"
