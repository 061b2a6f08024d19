"""The training items as they are dealt to clients: the same in every run of the work."""

from typing import List

from energyprof.workloads.data import split
from energyprof.workloads.paradigm import Divisible

SOURCES = (__file__, split.__file__)
SPLIT_SEED = 152


def parts(program: Divisible, clients: int) -> List[List[int]]:
    """The items of each client, in their order.

    Raises:
        WorkloadError: they cannot be dealt to so many in this way.
    """
    labels, groups = program.labels(), program.groups()
    dealt = split.split_of(program.config["paradigm"]["split"])
    found = dealt.parts(labels, groups or None, clients, program.config["paradigm"]["split_seed"])
    return [list(part) for part in found]
