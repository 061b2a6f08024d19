"""What every training program begins with: its plan, its device, the other processes, the training loop."""

from typing import Any, Dict, Iterator, Mapping, Optional

from energyprof.workload import Event, Plan, Trained
from energyprof.workloads.training import device as torch_side
from energyprof.workloads.training import loop, ranks

SOURCES = (__file__, *loop.SOURCES)


class Program:
    """One plan's training program; what it trains, on what and how it is scored its subclasses say."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.config: Mapping[str, Any] = plan.config
        self.device: Any = None  # until it is set up
        self.loop: Optional[loop.Loop] = None  # until it is trained

    def versions(self, *packages: str) -> Dict[str, Any]:
        """The device, torch's version and those of the packages."""
        found = {package: torch_side.library(package).__version__ for package in packages}
        return {**torch_side.facts(self.device), **found}

    def set_up(self, *needed: str) -> None:
        """Take the device, load the modules that are ``needed``, and meet the other processes.

        Raises:
            WorkloadError: device or module is not there, or the device lacks the precision.
        """
        self.device = torch_side.torch_device(self.plan.settings.device)
        torch_side.set_up(self.device, self.config["precision"])
        for module in needed:
            torch_side.library(module)
        ranks.join(self.device)

    def breakdown(self, seconds: float) -> Iterator[Event]:
        """Each part of a step by itself, once it has been trained."""
        if self.loop is not None:
            yield from self.loop.breakdown(seconds)

    def trained(self) -> Optional[Trained]:
        """What the training left, once there was one."""
        return None if self.loop is None else self.loop.trained()
