"""For loops on accelerate: ``Accelerator(log_with=EnergyprofTracker(metric="accuracy"))``."""

import contextlib
from collections.abc import Iterator
from typing import Any

from accelerate.tracking import GeneralTracker
from accelerate.utils import broadcast_object_list

from energyprof.callbacks.energy_log import EnergyLog
from energyprof.callbacks.reporter import PhaseReporter, device_in_use, log_and_continue, logger


class EnergyprofTracker(GeneralTracker):  # type: ignore[misc]  # the library is untyped here
    """Tells the profiler of the samples and the scores that ``accelerator.log`` is given, and of phases::

        tracker = EnergyprofTracker(metric="accuracy")
        accelerator = Accelerator(log_with=tracker)
        accelerator.init_trackers("mine")
        with tracker.phase("train"):
            for epoch in range(1, 11):
                ...
                accelerator.log({"samples": epoch * len(data)})
                with tracker.phase("eval"):
                    accelerator.log({"accuracy": evaluate(model)})
                if tracker.reached():
                    break
        accelerator.end_training()

    ``samples`` counts those of all processes. Until the first ``phase("train")`` it is start-up; a training
    without one begins as it first tells of samples, with a warning. What is logged under other names is for
    other trackers; with ``accelerator.log({**tracker.energy(), "samples": …})`` they get the energy, too.
    """

    name = "energyprof"
    requires_logging_directory = False

    def __init__(
        self, metric: str | None = None, samples: str = "samples", log: EnergyLog | None = None
    ) -> None:
        """``metric`` and ``samples`` are the names under which score and samples are logged.

        ``log`` is what `energy` asks; its sinks get values whenever samples are logged.
        """
        super().__init__()
        self._log = log
        self.metric = metric
        self.samples = samples
        self.course = PhaseReporter()
        self._reached = False
        self._before: int | None = None  # samples that were trained when the training first was told of

    @property
    def tracker(self) -> "EnergyprofTracker":
        """What ``accelerator.get_tracker(..., unwrap=True)`` gives."""
        return self

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """``name`` while the context lasts, then again what was before; after the start-up, ``train``."""
        before = self.course.phase if self.course.phase != "startup" else "train"
        self._enter(name)
        try:
            yield
        finally:
            self._enter(before)

    def reached(self) -> bool:
        """Whether a score is at or past the profile's target: every process has to ask, all hear the same."""
        from torch import distributed

        if self.course.aims and distributed.is_available() and distributed.is_initialized():
            answer = [self._reached]  # accelerate logs in the first process only
            broadcast_object_list(answer)
            self._reached = answer[0]
        return self._reached

    def energy(self) -> dict[str, float]:
        """The energy until now, for other trackers; empty: not known, or nobody asked for a log."""
        return {} if self._log is None else self._log.values(self._metered())

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        """Nothing: the profile has its own record of what was run."""

    @log_and_continue
    def log(self, values: dict[str, Any], step: int | None = None, **kwargs: Any) -> None:
        """Tell the samples and the score among ``values``, if they are there."""
        if self.samples in values:
            self._told(int(values[self.samples]))
            if self._log is not None:
                self._log.step(self._metered(), step)
        if self.metric in values:
            self._reached |= self.course.scored(values[self.metric], device_in_use())

    @log_and_continue
    def finish(self) -> None:
        """Training is over."""
        if self._log is not None:
            self._log.end(self._metered())
        self._enter("shutdown")

    def _told(self, samples: int) -> None:
        """So many are trained. The first may come when the training was not told of, or in an evaluation."""
        if self._before is None:
            self._before = samples
            if self.course.heard or self._log is not None:
                logger.warning(
                    "energyprof: %d samples were trained before the training was told of: "
                    'their energy is start-up\'s; begin with `with tracker.phase("train"):`',
                    samples,
                )
        if self.course.phase == "startup":
            self._enter("train")
        self.course.trained(samples)

    def _metered(self) -> int:
        """The samples since the log began."""
        return self.course.samples - (self._before or 0)

    @log_and_continue
    def _enter(self, phase: str) -> None:
        if phase == "train" and self._before is None:
            self._before = 0
        if self._log is not None and self.course.phase == "startup":
            self._log.begin()
        self.course.enter(phase, device_in_use())
