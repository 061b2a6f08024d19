"""Machines on one: two network namespaces with a link between them (ip-netns(8))."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence


class NotPermitted(Exception):
    """This machine makes no network namespaces: it takes the right to (CAP_SYS_ADMIN), and iproute2."""


class Namespaces:
    """Two namespaces, 10.77.0.1 and 10.77.0.2, each with an interface ``n0`` that leads to the other."""

    def __init__(self) -> None:
        """Raises NotPermitted."""
        self.names = [f"ep{os.getpid()}-{number}" for number in (0, 1)]
        self.addresses = ["10.77.0.1", "10.77.0.2"]
        try:
            self._build()
        except (OSError, subprocess.CalledProcessError) as error:
            self.close()
            raise NotPermitted(str(error)) from None

    def _build(self) -> None:
        one, other = self.names
        for name in self.names:
            _ip("netns", "add", name)
        _ip("link", "add", "n0", "netns", one, "type", "veth", "peer", "name", "n0", "netns", other)
        for name, address in zip(self.names, self.addresses, strict=True):
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", "n0")
            _ip("-n", name, "link", "set", "n0", "up")
            _ip("-n", name, "link", "set", "lo", "up")

    def inside(self, number: int, words: Sequence[str]) -> list[str]:
        """The command that runs ``words`` in one of them, on a host called node-0 or node-1."""
        script = 'hostname "$0" && exec "$@"'
        named = ["unshare", "--uts", "sh", "-c", script, f"node-{number}", *words]
        return ["ip", "netns", "exec", self.names[number], *named]

    def cut(self) -> None:
        """Take the link between them down."""
        _ip("-n", self.names[0], "link", "set", "n0", "down")

    def mend(self) -> None:
        """Take it up again."""
        _ip("-n", self.names[0], "link", "set", "n0", "up")

    def close(self) -> None:
        """Remove them."""
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
