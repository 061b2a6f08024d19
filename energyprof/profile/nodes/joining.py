"""How this process finds the others: by what it was told, or by what its launcher says."""

from __future__ import annotations

import os
import platform
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from energyprof.errors import UsageError
from energyprof.profile.nodes.awaiting import MEET_S
from energyprof.profile.nodes.local import Local, hashed
from energyprof.profile.nodes.meeting import Nodes, Part, Rank, own_address
from energyprof.profile.nodes.party import Party, Shared
from energyprof.profile.nodes.remote import RemoteStore
from energyprof.profile.nodes.serving import Server
from energyprof.profile.nodes.store import FolderStore
from energyprof.profile.nodes.tombstone import Tombstone
from energyprof.storable.frozen import dataclass
from energyprof.wire.launchers import Task, task

TOKEN_VARIABLE = "ENERGYPROF_TOKEN"
# A token that can be guessed is none.
SHORTEST = 8


@dataclass(frozen=True)
class Address:
    """Where node 0 listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def address_in(text: str) -> Address:
    """The address in HOST:PORT. Raises UsageError: it is none."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(f"--rdzv {text}: give node 0's HOST:PORT, such as 10.0.0.1:29400")
    return Address(host, int(port))


@dataclass(frozen=True)
class Asked:
    """What the command line says of nodes."""

    nodes: int = 1
    rank: int | None = None
    rdzv: Address | None = None
    within_s: float = MEET_S  # so long nodes wait for each other


def shared_for(
    launched: Task | None, asked: Asked, folder: Path, say: Callable[[str], None], *, node_0: bool
) -> Shared:
    """What the nodes tell each other through.

    Raises:
        UsageError: a token is missing or too short, or nothing can listen at the address.
        StoreError: the folder cannot be made.
    """
    if asked.rdzv is None:
        assert launched is not None
        shared = shared_store(launched, folder)
        where = f"{folder} (a folder that all nodes must share; else give --rdzv)"
        return Shared(shared, shared, None, where, _tombstone(launched, folder))
    token = os.environ.get(TOKEN_VARIABLE, "")
    if token and len(token) < SHORTEST:
        raise UsageError(f"{TOKEN_VARIABLE}: has fewer than {SHORTEST} letters")
    where = str(asked.rdzv)
    if not node_0:
        if not token:
            raise UsageError(
                f"--rdzv {where}: set {TOKEN_VARIABLE} to the token of this run, which node 0 printed"
            )
        remote = RemoteStore(asked.rdzv.host, asked.rdzv.port, token)
        return Shared(remote, None, None, where, _tombstone(launched, folder, f"{where} {token}"))
    if not token:
        token = secrets.token_urlsafe(12)
        say(f"on the other nodes: export {TOKEN_VARIABLE}={token}")
    served = FolderStore(folder / f".energyprof-{secrets.token_hex(8)}")
    try:
        server = Server(served, asked.rdzv.host, asked.rdzv.port, token)
    except UsageError:
        served.close()
        raise
    return Shared(served, served, server, where, _tombstone(launched, folder, f"{where} {token}"))


# What these say of a launch may be said of the next one, too: an address and a port.
_AGAIN = ("RANK:", "LOCAL_RANK:")


def _tombstone(launched: Task | None, folder: Path, address: str = "") -> Tombstone:
    launch = "" if launched is None else launched.launch
    once = launched is not None and not launch.startswith(_AGAIN)
    return Tombstone(folder, " ".join(filter(None, (launch, address))), once=once)


def party_of(
    local: Local | None, asked: Asked, folder: Path, say: Callable[[str], None], meets: int
) -> Party | None:
    """This process among the others of its run; ``None``: there are none that it has to do with.

    ``folder``: where its report is to lie. ``meets``: how many of those that train together are
    started here, so that it has to do with the others of its own node, too; 0: its program is not known.

    Raises:
        UsageError: the options do not go together, a token is missing, or nothing can listen there.
        StoreError: the folder cannot be made.
    """
    if asked.nodes > 1:
        return _by_options(asked, folder, say)
    if local is None:
        return None
    task = local.task
    if task.local_size == task.size and not meets:
        return None  # all of them are on this node
    node_0 = task.rank == 0
    if task.local is None and asked.rdzv is None:
        # Whichever node comes first: of the one that has rank 0 another process may be metered.
        _tombstone(task, folder).check()
        node_0 = shared_store(task, folder).claim("first", b"")
    name = os.environ.get("SLURMD_NODENAME") or platform.node()
    return Party(
        shared_for(task, asked, folder, say, node_0=node_0),
        first=0 if node_0 else task.rank or task.size,
        count=local.count,
        size=task.size,
        part=part_of(local, meets) if meets else None,
        address=asked.rdzv.host if asked.rdzv is not None else own_address(name),
        within_s=asked.within_s,
    )


def _by_options(asked: Asked, folder: Path, say: Callable[[str], None]) -> Party:
    assert asked.rdzv is not None
    rank = asked.rank or 0
    return Party(
        shared_for(None, asked, folder, say, node_0=rank == 0),
        first=rank,
        count=lambda: 1,
        size=asked.nodes,
        part=Nodes(asked.nodes, rank),
        address=asked.rdzv.host,
        within_s=asked.within_s,
    )


def part_of(local: Local, nproc: int = 1) -> Part:
    """What of a training `run` starts here. Raises UsageError: the launcher does not say, or started more."""
    task, there = local.task, local.count()
    if nproc > 1:
        # One process a node, as `srun --ntasks-per-node=1` starts, starts the others.
        if there > 1:
            raise UsageError(f"--nproc {nproc}: the launcher started {there} processes here already")
        return Nodes(task.size, task.rank)
    if task.local is None and there > 1:
        raise UsageError("run: the launcher does not number the processes of a node: start one a node")
    return Rank(task.rank, task.size, task.local or 0, there)


def checked(
    nodes: int,
    rank: int | None,
    rdzv: str | None,
    environment: Mapping[str, str],
    within_s: float = MEET_S,
) -> Asked:
    """What the options say. Raises UsageError: they do not go together."""
    address = None if rdzv is None else address_in(rdzv)
    if nodes == 1:
        if rank is not None:
            raise UsageError(f"--node-rank {rank}: of how many? Give --nnodes, too")
        if address is not None and task(environment) is None:
            raise UsageError(f"--rdzv {rdzv}: for how many nodes? Give --nnodes and --node-rank, too")
        return Asked(rdzv=address, within_s=within_s)
    if address is None:
        raise UsageError(f"--nnodes {nodes}: give --rdzv HOST:PORT, an address of node 0, on all nodes")
    if rank is None:
        raise UsageError(f"--nnodes {nodes}: give --node-rank, from 0 to {nodes - 1}, another on each node")
    if not 0 <= rank < nodes:
        raise UsageError(f"--node-rank {rank}: with --nnodes {nodes} it is from 0 to {nodes - 1}")
    return Asked(nodes, rank, address, within_s)


def warn(line: str) -> None:
    """A line on how it goes, on stderr."""
    print(line, file=sys.stderr, flush=True)


def shared_store(launched: Task, folder: Path) -> FolderStore:
    """What the processes of one launch tell each other through, in the folder of their reports."""
    return FolderStore(folder / f".energyprof-{hashed(launched.launch)}")
