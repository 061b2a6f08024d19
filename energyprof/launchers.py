"""Which of several processes that were launched together this one is, by what its launcher says."""

import json
import os
import sys
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

# What the profiler's own launcher told the profiler, as JSON: its programs inherit that, and it says nothing.
AMBIENT_VARIABLE = "ENERGYPROF_AMBIENT"


class Launcher(NamedTuple):
    """The variables in which a launcher says what it started."""

    rank: str  # the number of the process
    sizes: Tuple[str, ...]  # how many there are
    start: Tuple[str, ...] = ()  # others that differ between two starts; a step of a job among them


# The innermost first: torchrun may run in each task of srun.
LAUNCHERS = (
    Launcher("RANK", ("WORLD_SIZE",), ("TORCHELASTIC_RUN_ID", "MASTER_PORT")),  # torchrun, or by hand
    Launcher("LOCAL_RANK", ("WORLD_SIZE", "LOCAL_WORLD_SIZE"), ("MASTER_PORT",)),  # Lightning's own
    Launcher(
        "OMPI_COMM_WORLD_RANK", ("OMPI_COMM_WORLD_SIZE",), ("OMPI_MCA_ess_base_jobid", "PMIX_NAMESPACE")
    ),
    Launcher("MV2_COMM_WORLD_RANK", ("MV2_COMM_WORLD_SIZE",)),
    Launcher("PMI_RANK", ("PMI_SIZE",), ("PMI_FD", "PMI_PORT", "HYDI_CONTROL_FD")),  # MPICH, Intel MPI
    Launcher("JSM_NAMESPACE_RANK", ("JSM_NAMESPACE_SIZE",), ("JSM_NAMESPACE_ID",)),  # jsrun
    Launcher("PALS_RANKID", ("PALS_SIZE",), ("PALS_APID",)),
    Launcher("FLUX_TASK_RANK", ("FLUX_JOB_SIZE",), ("FLUX_JOB_ID",)),
    Launcher("PMIX_RANK", (), ("PMIX_NAMESPACE",)),
    Launcher("SLURM_PROCID", ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"), ("SLURM_JOB_ID", "SLURM_STEP_ID")),
)


class Place(NamedTuple):
    """This process's number among those launched together."""

    rank: int
    size: Optional[int]  # how many there are; None: the launcher does not say


def ambient(environment: Mapping[str, str]) -> str:
    """What ``environment`` says of launchers, for the programs that inherit it."""
    return json.dumps({name: environment[name] for name in sorted(_NAMES) if name in environment})


def place(environment: Mapping[str, str]) -> Optional[Place]:
    """This process's place; ``None``: it is alone, for all that is known.

    torch.distributed knows, if it has been told. What the profiler's own launcher said does not count.
    """
    torch_place = _in_torch()
    if torch_place is not None:
        return torch_place
    for launcher in LAUNCHERS:
        rank = _count(environment.get(launcher.rank))
        if rank is None:
            continue
        said = {name: environment.get(name) for name in (launcher.rank, *launcher.sizes, *launcher.start)}
        inherited = _inherited(environment)
        if all(inherited.get(name) == value for name, value in said.items()):
            continue
        size = next(filter(None, (_count(said[name]) for name in launcher.sizes)), None)
        if size is None or size > 1:
            return Place(rank, size)
    return None


_NAMES = {name for launcher in LAUNCHERS for name in (launcher.rank, *launcher.sizes, *launcher.start)}


def _inherited(environment: Mapping[str, str]) -> Dict[str, Any]:
    try:
        said = json.loads(environment.get(AMBIENT_VARIABLE, "{}"))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _count(text: Optional[str]) -> Optional[int]:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else None


def _in_torch() -> Optional[Place]:
    # Looked up, not imported: a program that does not use it should not pay for it.
    distributed = sys.modules.get("torch.distributed")
    try:
        if distributed is None or not (distributed.is_available() and distributed.is_initialized()):
            return None
        size = int(distributed.get_world_size())
        return Place(int(distributed.get_rank()), size) if size > 1 else None
    except (AttributeError, RuntimeError, ValueError):
        return None  # it is still being imported, or taken apart


def muted() -> bool:
    """Whether another process speaks for this one: of several launched together the first does.

    A rank that comes without a size mutes nobody here: it may be a leftover. The profiler is told of it.
    """
    here = place(os.environ)
    return here is not None and here.rank > 0 and here.size is not None


def claimed_rank() -> int:
    """The rank that this process has, as far as it is said; 0: the first, or alone."""
    here = place(os.environ)
    return 0 if here is None else here.rank
