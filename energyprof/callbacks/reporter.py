"""How a training that another library runs goes, told to the wire: its phases, samples and scores."""

import functools
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, cast

from energyprof.wire import TARGET_VARIABLE, Wire, connect, reached
from energyprof.workloads.training import device as torch_side

Hook = TypeVar("Hook", bound=Callable[..., Any])

logger = logging.getLogger(__name__)


class PhaseReporter:
    """Where the training is: at first it starts up. Outside a profile nothing here does anything."""

    def __init__(self) -> None:
        self.phase = ""
        self.samples = 0  # trained here; what a resumed checkpoint brings along is not
        self.speaks = True  # until the library says that another process does; wire/launchers.py knows more
        self.aims = bool(os.environ.get(TARGET_VARIABLE))  # the profile has a target, in every process
        self.failed = False
        self._scores = 0
        self._other_metrics: Sequence[str] = ()
        self.enter("startup")

    @property
    def heard(self) -> bool:
        """Whether anybody listens to this process."""
        return self._wire() is not None

    def enter(self, phase: str, device: Any | None = None) -> None:
        """Begin ``phase``, if it is another one, when the ``torch.device`` has done its work of the last."""
        if phase == self.phase:
            return
        self.phase = phase
        wire = self._wire()
        if wire is not None:
            if device is not None:
                torch_side.synchronise(device)
            # Not by mark(): the samples of a phase are to be exact, and progress() leaves most calls out.
            wire.send("phase", name=phase, samples=self.samples)

    def trained(self, samples: int) -> None:
        """So many samples are trained; may be called at every step."""
        self.samples = samples
        wire = self._wire()
        if wire is not None:
            wire.hint(samples)

    def scored(self, score: Any, device: Any) -> bool:
        """An evaluation ended with ``score``; whether that is the profile's target."""
        wire = self._wire()
        if wire is None and not self.aims:
            return False  # float() may wait for a device
        value = float(score)
        self._scores += 1
        if wire is not None:
            if device is not None:
                torch_side.synchronise(device)
            wire.send("progress", samples=self.samples, score=value)
        return reached(value)

    def unscored(self, metrics: Iterable[str]) -> None:
        """An evaluation ended with these metrics, but not with ours."""
        self._other_metrics = sorted(metrics)

    def end(self, metric: str | None, device: Any) -> None:
        """The training is over. A ``metric`` that no evaluation had is a mistake worth a line."""
        if self._other_metrics and not self._scores and self.heard:
            names = ", ".join(self._other_metrics)
            logger.warning("energyprof: no evaluation had the metric %r; the metrics are %s", metric, names)
        self.enter("shutdown", device)

    def _wire(self) -> Wire | None:
        wire = connect() if self.speaks and not self.failed else None
        return None if wire is None or wire.broken else wire


def device_in_use() -> Any:
    """The ``torch.device`` that this process computes on; libraries make their GPU the current one."""
    import torch

    return torch.device("cuda" if torch.cuda.is_initialized() else "cpu")


def log_and_continue(hook: Hook) -> Hook:
    """``hook`` of an object with a ``course``; an error in it ends the telling, not the training.

    Libraries change: what a hook relies on may be gone tomorrow, and a long training must not die of it.
    """

    @functools.wraps(hook)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.course.failed:
            return None
        try:
            return hook(self, *args, **kwargs)
        except Exception:
            self.course.failed = True
            logger.warning(
                "energyprof: %s failed; the training goes on, but is no longer reported",
                hook.__name__,
                exc_info=True,
            )
            return None

    return cast(Hook, call)
