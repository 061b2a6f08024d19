"""Where the processes of one training meet, and which part of them is here."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
from collections.abc import Mapping
from typing import NamedTuple

from energyprof.storable.frozen import dataclass

# ioctl(2), linux/sockios.h: an interface's IPv4 address; netdevice(7): struct ifreq, 40 bytes.
_SIOCGIFADDR = 0x8915
_NAME_BYTES, _REQUEST_BYTES = 16, 40


class Meeting(NamedTuple):
    """Where rank 0 of a training waits for the others."""

    address: str
    port: int


@dataclass(frozen=True)
class Nodes:
    """Processes that a launcher starts on each of ``count`` nodes; this is node ``rank``."""

    count: int
    rank: int


@dataclass(frozen=True)
class Rank:
    """One process of ``size``, each of which was started by itself: ``srun``, ``mpirun``."""

    rank: int
    size: int
    local: int
    local_size: int

    def environment(self, at: Meeting) -> dict[str, str]:
        """How torch.distributed learns of it (``init_method="env://"``)."""
        return {
            "RANK": str(self.rank),
            "WORLD_SIZE": str(self.size),
            "LOCAL_RANK": str(self.local),
            "LOCAL_WORLD_SIZE": str(self.local_size),
            "MASTER_ADDR": at.address,
            "MASTER_PORT": str(at.port),
        }


# What of a training is here, where it is more than one machine's.
Part = Nodes | Rank


def interface(at: Meeting, inherited: Mapping[str, str]) -> dict[str, str]:
    """How gloo learns which interface leads to the others: it would take that of the host's own name.

    On many systems that is the loopback (127.0.1.1 in /etc/hosts), where no other node is.
    """
    if "GLOO_SOCKET_IFNAME" in inherited:
        return {}
    own = address_towards(at.address)
    name = next((name for name, address in addresses().items() if address == own), None)
    return {} if name is None else {"GLOO_SOCKET_IFNAME": name}


def address_towards(host: str) -> str:
    """This machine's own address on the way to ``host``; the name of the host where there is no way."""
    with contextlib.suppress(OSError):
        family, kind, _, _, address = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(address)  # sends nothing
            return str(probe.getsockname()[0])
    return host


def own_address(name: str) -> str:
    """An address under which other nodes find this one, which they may know as ``name``."""
    own = {address for address in addresses().values() if not address.startswith("127.")}
    with contextlib.suppress(OSError):
        for found in socket.getaddrinfo(name, None, socket.AF_INET):
            if found[4][0] in own:
                return str(found[4][0])
    return min(own) if own else "127.0.0.1"


def addresses() -> dict[str, str]:
    """The IPv4 address of each interface that has one."""
    found = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack(f"{_REQUEST_BYTES}s", os.fsencode(name)[: _NAME_BYTES - 1])
            with contextlib.suppress(OSError):  # it has none
                answer = fcntl.ioctl(probe, _SIOCGIFADDR, request)
                found[name] = socket.inet_ntoa(answer[20:24])
    return found


def free_port(address: str) -> int:
    """A port that nothing uses there; 0: it is not this machine's address."""
    try:
        family, _, _, _, place = socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind(place)
            return int(probe.getsockname()[1])
    except OSError:
        return 0
