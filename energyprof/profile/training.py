"""One process to train, and to meter meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from energyprof.storable.frozen import dataclass

if TYPE_CHECKING:
    from energyprof.profile.child import Output
    from energyprof.profile.nodes.meeting import Meeting
    from energyprof.profile.scan_plan import ScanPlan


@dataclass(frozen=True)
class Attachment:
    """A program that runs already."""

    pid: int
    for_s: float  # it is measured for so long, or until it ends
    begun: Callable[[str], None]  # called with the wire's path when every meter was read once


@dataclass(frozen=True)
class Training:
    """One process to meter."""

    command: tuple[str, ...]
    seed: int | None
    first_phase: str  # what it does until it says otherwise
    output: Output
    environment: Mapping[str, str] = field(default_factory=dict)  # beside the profiler's own
    processes: int = 1
    # Of those a launcher started, so many hand their output over apart; 0: there is no launcher.
    apart: int = 0
    # The same training once it is known where its processes meet; None: they are all of this command.
    at: Callable[[Meeting], Training] | None = None
    beside: Callable[[], Sequence[int]] | None = None  # other processes here that are the training's
    # What the first phase is if the program never says otherwise. A program that has this owes no last word,
    # either: one that ends well is done. None: a program that says all of it.
    unmarked: str | None = None
    folder: Path | None = None  # where it is started; None: here
    package: Path | None = None  # the energyprof that it imports; None: this one
    levers: tuple[str, ...] = ()  # what is turned for it: "gpu.power_limit=250W"
    scan: ScanPlan | None = None  # what is turned while it goes on
    attached: Attachment | None = None  # it runs already, and is not ours to start or to end
