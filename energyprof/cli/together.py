"""Options of a training on several nodes, and what a launcher says of this process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energyprof.settings import WHERE

if TYPE_CHECKING:
    from energyprof.profile.company import Company
    from energyprof.profile.nodes.joining import Asked
    from energyprof.profile.nodes.local import Local

Nnodes = Annotated[
    int,
    typer.Option("--nnodes", metavar="N", min=1, help="Nodes that train together.", rich_help_panel=WHERE),
]
NodeRank = Annotated[
    int | None,
    typer.Option(
        "--node-rank",
        metavar="R",
        help="Which of them this is, from 0: node 0 gathers.",
        rich_help_panel=WHERE,
    ),
]
Rdzv = Annotated[
    str | None,
    typer.Option(
        "--rdzv", metavar="HOST:PORT", help="Where node 0 listens for the others.", rich_help_panel=WHERE
    ),
]
MeetWithin = Annotated[
    float,
    typer.Option(
        "--meet-within",
        metavar="S",
        min=1.0,
        help="Seconds that nodes wait for each other before they train.",
        rich_help_panel=WHERE,
    ),
]
MEET_S = 600.0  # as in profile.nodes.awaiting, which is loaded where there are nodes


def asked_of(
    nnodes: int, node_rank: int | None, rdzv: str | None, within_s: float = MEET_S
) -> tuple[Asked | None, Local | None]:
    """What the options say, and which of several processes here this is; ``None``: there are no others.

    Raises:
        UsageError: the options do not go together.
        StoreError: the processes of this node cannot find each other.
    """
    from energyprof.errors import UsageError
    from energyprof.wire.launchers import task

    if (nnodes, node_rank, rdzv) == (1, None, None) and task(os.environ) is None:
        return None, None
    from energyprof.profile.nodes.joining import checked
    from energyprof.profile.nodes.local import elected

    asked = checked(nnodes, node_rank, rdzv, os.environ, within_s)
    local = elected(os.environ)
    if asked.nodes > 1 and local is not None and not local.elected:
        raise UsageError(f"--nnodes {nnodes}: the launcher started several processes here: leave it out")
    return asked, local


def own_path(company: Company, to: Path) -> Path:
    """Where this node's own report lies: the joined one is ``to``."""
    party = company.party
    if party is None or not party.several:
        return to
    from energyprof.profile.nodes.gather import node_path

    return node_path(to, party.first)


def continued(path: Path | None) -> bool:
    """Whether Slurm has begun this job again, and the report at ``path`` is of an attempt before."""
    restarts = os.environ.get("SLURM_RESTART_COUNT", "0")
    if path is None or not restarts.isdigit() or int(restarts) < 1:
        return False
    # An attempt that was killed need not have come to join what its nodes had.
    own = sorted(path.parent.glob(f"{path.name.removesuffix('.json')}.node-*.json"))
    there = next((file for file in (path, *own) if file.exists()), None)
    if there is None:
        return False
    from energyprof.errors import FileError
    from energyprof.profile.provenance import batch_job
    from energyprof.report.file import read

    try:
        found, now = read(there).job, batch_job(os.environ)
    except FileError:
        return False
    if found is None or now is None or (found.id, found.array) != (now.id, now.array):
        return False
    print(f"{path}: goes on after {restarts} restart(s) of job {now.id}", file=sys.stderr, flush=True)
    return True
