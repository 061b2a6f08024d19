"""Machines as the kernel plays them: network namespaces on one bridge, each with an address of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator

SUBNET = "10.77.0"


def missing() -> str:
    """Why there can be none here; empty: there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "iproute2 is not installed"
    name = f"ep{os.getpid()}try"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return "the kernel makes no network namespace here"
    _ip("netns", "del", name)
    return ""


@contextlib.contextmanager
def machines(count: int) -> Iterator[list[tuple[str, list[str]]]]:
    """So many machines: the address of each, and the words that start a program on it.

    They see each other, and nothing else.
    """
    names = [f"ep{os.getpid()}n{number}" for number in range(count)]
    try:
        for number, name in enumerate(names):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
            if number == 0:
                _ip("-n", name, "link", "add", "bridge", "type", "bridge")
                _ip("-n", name, "addr", "add", f"{SUBNET}.1/24", "dev", "bridge")
                _ip("-n", name, "link", "set", "bridge", "up")
                continue
            port = f"port{number}"
            _ip("-n", names[0], "link", "add", port, "type", "veth", "peer", "name", "wire", "netns", name)
            _ip("-n", names[0], "link", "set", port, "master", "bridge", "up")
            _ip("-n", name, "addr", "add", f"{SUBNET}.{number + 1}/24", "dev", "wire")
            _ip("-n", name, "link", "set", "wire", "up")
        yield [(f"{SUBNET}.{number + 1}", ["ip", "netns", "exec", name]) for number, name in enumerate(names)]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
