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
    local: str = ""  # the number of the process on its node; "": not said
    local_size: str = ""  # how many there are on it
    step: Tuple[str, ...] = ()  # without these the others are of what surrounds it, such as a batch script
    own: Tuple[str, ...] = ()  # others that differ between the processes of one start, too


# The innermost first: torchrun may run in each task of srun.
LAUNCHERS = (
    # torchrun, or by hand
    Launcher(
        "RANK",
        ("WORLD_SIZE",),
        ("TORCHELASTIC_RUN_ID", "MASTER_ADDR", "MASTER_PORT"),
        "LOCAL_RANK",
        "LOCAL_WORLD_SIZE",
        ("WORLD_SIZE",),
    ),
    # Lightning's own
    Launcher("LOCAL_RANK", ("WORLD_SIZE", "LOCAL_WORLD_SIZE"), ("MASTER_PORT",), "LOCAL_RANK"),
    Launcher(
        "OMPI_COMM_WORLD_RANK",
        ("OMPI_COMM_WORLD_SIZE",),
        ("OMPI_MCA_ess_base_jobid", "PMIX_NAMESPACE"),
        "OMPI_COMM_WORLD_LOCAL_RANK",
        "OMPI_COMM_WORLD_LOCAL_SIZE",
    ),
    Launcher(
        "MV2_COMM_WORLD_RANK",
        ("MV2_COMM_WORLD_SIZE",),
        ("MPIRUN_ID",),
        "MV2_COMM_WORLD_LOCAL_RANK",
        "MV2_COMM_WORLD_LOCAL_SIZE",
    ),
    Launcher("PALS_RANKID", ("PALS_SIZE",), ("PALS_APID",), "PALS_LOCAL_RANKID", "PALS_LOCAL_SIZE"),
    # MPICH, Intel MPI; Slurm's own PMI and Cray's PALS set these, too, and say more in variables of theirs
    Launcher(
        "PMI_RANK",
        ("PMI_SIZE",),
        ("PMI_JOBID", "I_MPI_HYDRA_UUID"),
        "MPI_LOCALRANKID",
        "MPI_LOCALNRANKS",
        own=("PMI_FD", "PMI_PORT", "HYDI_CONTROL_FD"),
    ),
    Launcher(
        "JSM_NAMESPACE_RANK",
        ("JSM_NAMESPACE_SIZE",),
        ("JSM_NAMESPACE_ID",),
        "JSM_NAMESPACE_LOCAL_RANK",
        "JSM_NAMESPACE_LOCAL_SIZE",
    ),
    Launcher("FLUX_TASK_RANK", ("FLUX_JOB_SIZE",), ("FLUX_JOB_ID",), "FLUX_TASK_LOCAL_ID"),
    Launcher("PMIX_RANK", (), ("PMIX_NAMESPACE",)),
    Launcher(
        "SLURM_PROCID",
        ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"),
        ("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT"),
        "SLURM_LOCALID",
        "",
        ("SLURM_STEP_ID", "SLURM_STEP_NUM_TASKS"),
    ),
)
# Set by a profiler that meters one of several tasks of a node: the number of that one.
FIRST_VARIABLE = "ENERGYPROF_FIRST_RANK"
# How many tasks of a step each node has, in Slurm's words: "4(x2),3".
SLURM_SHARES = "SLURM_STEP_TASKS_PER_NODE"


class Place(NamedTuple):
    """This process's number among those launched together."""

    rank: int
    size: Optional[int]  # how many there are; None: the launcher does not say
    local: Optional[int] = None  # its number on its node; None: the launcher does not say


class Task(NamedTuple):
    """This process among several that one launcher started, on one node or more."""

    rank: int
    size: int
    local: Optional[int]  # its number on its node; None: not said
    local_size: Optional[int]  # how many there are on it
    launch: str  # the same for all of them, and for no others; ends in a colon: its launcher gave it no name


def task(environment: Mapping[str, str]) -> Optional[Task]:
    """What a launcher says that this process is; ``None``: it was started by itself, or by a profiler."""
    inherited = _inherited(environment)
    for launcher in LAUNCHERS:
        rank = _count(environment.get(launcher.rank))
        if rank is None or not all(environment.get(name) for name in launcher.step):
            continue
        if launcher.rank == "PMI_RANK" and _slurms_own(environment):
            continue
        said = {name: environment.get(name) for name in _said_by(launcher)}
        if all(inherited.get(name) == value for name, value in said.items()):
            continue
        size = next(filter(None, (_count(said[name]) for name in launcher.sizes)), None)
        start = [said[name] or "" for name in launcher.start]
        if (
            size is None
            or size < 2
            or rank >= size
            or not any([*start, *(said[name] for name in launcher.own)])
        ):
            continue
        local = _count(environment.get(launcher.local))
        launch = f"{launcher.rank}:{':'.join(start).strip(':')}"
        return Task(rank, size, local, _local_size(environment, launcher), launch)
    return None


def _slurms_own(environment: Mapping[str, str]) -> bool:
    """Whether srun's PMI speaks (``--mpi=pmi2``, of many clusters the default), not an mpiexec in a step."""
    names = (("PMI_RANK", "SLURM_PROCID"), ("PMI_SIZE", "SLURM_STEP_NUM_TASKS"))
    same = all(environment.get(of_pmi) == environment.get(of_slurm) for of_pmi, of_slurm in names)
    return same and "PMI_JOBID" in environment


def _local_size(environment: Mapping[str, str], launcher: Launcher) -> Optional[int]:
    if launcher.rank != "SLURM_PROCID":
        return _count(environment.get(launcher.local_size))
    node, shares = _count(environment.get("SLURM_NODEID")), []
    for word in environment.get(SLURM_SHARES, "").split(","):
        tasks, _, times = word.rstrip(")").partition("(x")
        if _count(tasks) is None:
            return None
        shares += [int(tasks)] * (_count(times) or 1)
    return shares[node] if node is not None and node < len(shares) else None


def _said_by(launcher: Launcher) -> Tuple[str, ...]:
    return (launcher.rank, *launcher.sizes, *launcher.start, *launcher.own)


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
        if rank is None or (launcher.rank == "PMI_RANK" and _slurms_own(environment)):
            continue
        said = {name: environment.get(name) for name in _said_by(launcher)}
        inherited = _inherited(environment)
        if all(inherited.get(name) == value for name, value in said.items()):
            continue
        size = next(filter(None, (_count(said[name]) for name in launcher.sizes)), None)
        if size is None or size > 1:
            return Place(rank, size, _count(environment.get(launcher.local)))
    return None


_NAMES = {name for launcher in LAUNCHERS for name in _said_by(launcher)}


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
        local = _count(os.environ.get("LOCAL_RANK")) if "RANK" in os.environ else None
        return Place(int(distributed.get_rank()), size, local) if size > 1 else None
    except (AttributeError, RuntimeError, ValueError):
        return None  # it is still being imported, or taken apart


def muted() -> bool:
    """Whether another process speaks for this one: of several launched together the first of a node does.

    Each node has a profiler of its own, which is told by one. Where a launcher does not number the processes
    of a node, the first of all speaks, or that one which its profiler started.
    A rank that comes without a size mutes nobody here: it may be a leftover. The profiler is told of it.
    """
    here = place(os.environ)
    if here is None or here.size is None:
        return False
    if here.local is not None:
        return here.local > 0
    return here.rank != (_count(os.environ.get(FIRST_VARIABLE)) or 0)


def claimed_rank() -> int:
    """The rank that this process has, as far as it is said; 0: the first, or alone."""
    here = place(os.environ)
    return 0 if here is None else here.rank
