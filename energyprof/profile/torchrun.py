"""Several processes that train together under torchrun: how they are started, and what each said last.

torchrun prints a table when a process dies, after warnings and a traceback of its own. None of it may bury
what the processes say, and what eight of them say at once is no tale either. So each hands its output over
apart (``workloads/training/process.py``); of torchrun's only the exit codes are read.
"""

from __future__ import annotations

import os
import re
import signal
import uuid
from collections.abc import Mapping, Sequence

from energyprof.profile.nodes.meeting import Meeting, Nodes, address_towards
from energyprof.profile.output import TAIL_LINES, OutputTail

# In torchrun's table (the template in torch/distributed/elastic/multiprocessing/errors, torch 2.0 to 2.13).
FAILURE = re.compile(r"rank\s*: \d+ \(local_rank: (\d+)\)\s*exitcode\s*: (-?\d+)")
# The table has ten lines a process.
TABLE_LINES = 12
# These come from outside or at once; other deaths may be what a process's end did to its partners.
AT_ONCE = (-signal.SIGKILL, -signal.SIGSEGV, -signal.SIGBUS)
# Exit codes of an exception, and of ours: the last line is the reason.
TALKATIVE = (1, 2)


def command(
    interpreter: str,
    processes: int,
    arguments: Sequence[str],
    nodes: Nodes | None = None,
    at: Meeting | None = None,
) -> tuple[str, ...]:
    """How ``processes`` interpreters are started with ``arguments``; one on one node needs no torchrun.

    With ``nodes`` the same is done on each of them, and rank 0 is on the first.
    """
    if processes == 1 and nodes is None:
        return (interpreter, *arguments)
    if nodes is None or at is None:
        # What --standalone means, but for torch 2.0, whose fixed port lets no second run start. A machine
        # need not find its own name in the DNS.
        meeting: tuple[str, ...] = (
            "--rdzv_backend",
            "c10d",
            "--rdzv_endpoint",
            "localhost:0",
            "--local_addr",
            "localhost",
        )
    else:
        # The ranks go by the nodes' numbers, which c10d deals out anew each time.
        meeting = (
            *("--nnodes", str(nodes.count), "--node_rank", str(nodes.rank), "--rdzv_backend", "static"),
            *("--master_addr", at.address, "--master_port", str(at.port)),
            *("--local_addr", address_towards(at.address)),
        )
    return (
        *(interpreter, "-m", "torch.distributed.run"),
        *("--nproc_per_node", str(processes)),
        *meeting,
        *("--rdzv_id", str(uuid.uuid4()) if at is None else f"{at.address}:{at.port}"),
        # Before torch 2.4 a process's end went unnoticed for up to 5 s, which are metered.
        *("--monitor_interval", "0.1"),
        *("-m", "energyprof.workloads.training.process"),
        *arguments,
    )


def environment(processes: int, inherited: Mapping[str, str]) -> dict[str, str]:
    """The processes share the processor as one would have it; torchrun would give each a single thread."""
    if processes == 1 or "OMP_NUM_THREADS" in inherited:
        return {}
    return {"OMP_NUM_THREADS": str(max(1, len(os.sched_getaffinity(0)) // processes))}


def cause(launcher: Sequence[str], said: Sequence[OutputTail]) -> str:
    """Which process failed first and how, in a line; empty: torchrun names none."""
    failed = _failed(launcher, said)
    return _in_a_line(*failed[0], said) if failed else ""


def last_words(launcher: Sequence[str], said: Sequence[OutputTail]) -> list[str]:
    """A line on every process that failed, and the last lines of the one that did so first.

    ``launcher`` are torchrun's own last lines: they come back where no process failed, but torchrun.
    """
    failed = _failed(launcher, said)
    if not failed:
        heard = [line for one in said for line in one.lines()[-TAIL_LINES // len(said) :]]
        return [*heard, *launcher[-TAIL_LINES:]]
    first, code = failed[0]
    others = [_in_a_line(rank, its_code, said) for rank, its_code in failed[1:]]
    words = said[first].lines()
    return [*others, _ended(first, code, len(said)) + (":" if words else ""), *words]


def _failed(launcher: Sequence[str], said: Sequence[OutputTail]) -> list[tuple[int, int]]:
    """Number on this node and exit code of every process that failed by itself, the first to fail first.

    When one dies its partners fail in turn, soon and at much greater length: whoever fell silent first is the
    cause. torchrun ends what is left by SIGTERM; those tell nothing.
    """
    codes = {int(rank): int(code) for rank, code in FAILURE.findall("\n".join(launcher))}
    codes = {rank: code for rank, code in codes.items() if rank < len(said)}
    own = {rank: code for rank, code in codes.items() if code != -signal.SIGTERM} or codes
    return sorted(own.items(), key=lambda one: (one[1] not in AT_ONCE, said[one[0]].last_s, one[0]))


def _in_a_line(rank: int, code: int, said: Sequence[OutputTail]) -> str:
    """How a process ended; with the last line of one that had the time to say why."""
    words = [line.strip() for line in said[rank].lines() if line.strip()]
    return _ended(rank, code, len(said)) + (f": {words[-1]}" if words and code in TALKATIVE else "")


def _ended(rank: int, code: int, processes: int) -> str:
    if code >= 0:
        return f"process {rank} of {processes} ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    return f"process {rank} of {processes} was killed by {name}"
