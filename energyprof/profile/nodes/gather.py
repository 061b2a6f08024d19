"""Node 0 waits for what the other nodes recorded, and joins it."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from energyprof import __version__
from energyprof.clock import utc_now
from energyprof.errors import EnergyprofError, FileError
from energyprof.profile import inbox as inboxes
from energyprof.profile.inbox import Inbox
from energyprof.profile.nodes.awaiting import POLL_S
from energyprof.profile.nodes.party import Announced, Done, Party
from energyprof.profile.nodes.store import StoreError
from energyprof.report.file import Taken, read, trace_path
from energyprof.report.join import Ahead, join
from energyprof.report.nodes.names import node_names
from energyprof.report.record import Report
from energyprof.storable.frozen import dataclass

# A node that has not been heard of for so long delivers nothing any more.
SILENT_S = 30.0
# And for so long where this one was stopped: Slurm kills all 30 s after SIGTERM (KillWait, slurm.conf(5)).
STOPPED_S = 5.0


@dataclass
class Gathered:
    """What node 0 has of the others in the end."""

    report: Report | None = None  # joined, at the path asked for; None: it could not be, and a line says why
    paths: list[Path] = field(default_factory=list)  # of each node's report that is here, its own first
    missing: list[str] = field(default_factory=list)  # nodes that never delivered
    lines: list[str] = field(default_factory=list)  # for people


def gather(
    party: Party, own: Path, to: Path, taken: Taken, inbox: Inbox, say: Callable[[str], None], silent_s: float
) -> Gathered:
    """Join this node's report ``own`` with the others', once all have come or fallen silent, at ``to``."""
    found = Gathered(paths=[own])
    nodes, done = _awaited(party, inbox, say, silent_s)
    ahead: dict[Path, Ahead] = {}
    if done:
        ahead[own] = Ahead(0.0, 0.0)
    broken: list[int] = []
    for first, said in sorted(done.items()):
        try:
            path = _placed(party, first, said, to, taken)
        except (OSError, StoreError, FileError) as error:
            found.lines.append(f"{nodes[first].name}: its report did not arrive: {error}")
            broken.append(first)
            continue
        found.paths.append(path)
        if said.ahead_s is not None:
            ahead[path] = Ahead(said.ahead_s, said.ahead_u_s)
    if any(path not in ahead for path in found.paths):
        ahead = {}  # how some stood to node 0's, and others to nothing, makes no axis
    came = {first for first in done if first not in broken}
    found.missing = _missing(party, nodes, came)
    found.lines += [f"{name} never delivered its report" for name in found.missing]
    if len(found.paths) + len(found.missing) > 1:
        try:
            found.report = joined(found.paths, to, taken, ahead, found.missing)
        except EnergyprofError as error:
            found.lines.append(f"the nodes' reports could not be joined: {error}")
    return found


def joined(
    paths: Sequence[Path], to: Path, taken: Taken, ahead: Mapping[Path, Ahead], missing: Sequence[str]
) -> Report:
    """The nodes' reports as one, at ``to``. Raises EnergyprofError: they cannot be."""
    names = node_names([read(path) for path in paths])
    by_name = {name: ahead[path] for name, path in zip(names, paths, strict=True) if path in ahead}
    return join(paths, to, taken, by_name, utc_now(), __version__, missing)


def _awaited(
    party: Party, inbox: Inbox, say: Callable[[str], None], silent_s: float
) -> tuple[dict[int, Announced], dict[int, Done]]:
    """The other nodes that were ever there, and what those said that are done."""
    begun_s = time.monotonic()
    heard: dict[int, tuple[bytes, float]] = {}
    nodes: dict[int, Announced] = {}
    done: dict[int, Done] = {}
    told: set[int] = set()
    while True:
        now_s = time.monotonic()
        try:
            nodes = {first: one for first, one in party.announced().items() if first != party.first}
            for first in nodes:
                beat = party.store.get(f"alive-{first}") or b""
                if first not in heard or heard[first][0] != beat:
                    heard[first] = beat, now_s
                if first not in done and (value := party.store.get(f"done-{first}")) is not None:
                    with contextlib.suppress(ValueError, TypeError):
                        done[first] = Done(**json.loads(value))
        except StoreError as error:
            say(str(error))
            return nodes, done
        whole = party.own + sum(one.processes for one in nodes.values()) >= party.size
        waited = [first for first in nodes if first not in done and now_s - heard[first][1] < silent_s]
        if not waited and (whole or now_s - begun_s > silent_s):
            return nodes, done
        for first in set(waited) - told:
            if now_s - begun_s > 2.0:
                told.add(first)
                say(f"waiting for the report of {nodes[first].name}")
        if inboxes.wait(inbox, POLL_S) is not None:
            return nodes, done


def _missing(party: Party, nodes: Mapping[int, Announced], came: Collection[int]) -> list[str]:
    names = [one.name for first, one in nodes.items() if first not in came]
    unheard = party.size - party.own - sum(one.processes for one in nodes.values())
    if unheard > 0:
        there = {rank for first, one in nodes.items() for rank in range(first, first + one.processes)}
        there |= set(range(party.first, party.first + party.own))
        lacking = [str(rank) for rank in range(party.size) if rank not in there]
        names.append(f"node of {', '.join(lacking[:5])}{', …' if len(lacking) > 5 else ''}")
    return names


def _placed(party: Party, first: int, said: Done, to: Path, taken: Taken) -> Path:
    """A node's report beside the joined one's, with its trace. Raises OSError, StoreError, FileError."""
    assert party.folder is not None
    store = party.folder.folder
    if said.file:
        if Path(said.file).name != said.file:
            raise StoreError(f"{said.file}: is not a file beside the store")
        path = store.parent / said.file
        read(path)
        return path
    sent = store / f"report-{first}"
    read(sent)
    path, number = node_path(to, first), 1
    while taken == "refused" and path.exists():
        if path.read_bytes() == sent.read_bytes():
            return path  # the folder is one that the nodes share
        number += 1
        path = node_path(to, first, number)
    if said.trace:
        os.replace(store / f"trace-{first}", trace_path(path))
    os.replace(sent, path)
    return path


def node_path(joined: Path, first: int, number: int = 1) -> Path:
    """Where the report of the node of process ``first`` lies, beside the joined one."""
    which = f"-{number}" if number > 1 else ""
    return joined.with_name(f"{joined.name.removesuffix('.json')}.node-{first}{which}.json")
