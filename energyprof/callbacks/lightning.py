"""For Lightning's Trainer: ``Trainer(..., callbacks=[EnergyprofCallback(metric="val_acc")])``."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

try:
    from lightning.pytorch import Callback
except ImportError:  # the same library by its older name
    from pytorch_lightning import Callback

from energyprof.callbacks.energy_log import EnergyLog
from energyprof.callbacks.reporter import PhaseReporter, log_and_continue, logger


def samples_in(batch: Any) -> int:
    """How many samples a batch holds: the length of its first tensor or array; 0: it holds none."""
    shape: Any = getattr(batch, "shape", ())
    if len(shape) > 0:
        return int(shape[0])
    parts: Any = ()
    if isinstance(batch, Mapping):
        parts = batch.values()
    elif isinstance(batch, (list, tuple)):
        parts = batch
    elif dataclasses.is_dataclass(batch):
        parts = vars(batch).values()
    return next((found for found in map(samples_in, parts) if found), 0)


class EnergyprofCallback(Callback):  # type: ignore[misc]  # the library is untyped here
    """Tells the profiler of train, eval and checkpoint, of the samples, and of ``metric`` at each validation.

    At the profile's target it stops the training, unless ``min_epochs`` or ``min_steps`` forbid it.

    Where the Trainer has no hook: a checkpoint goes on until the next batch is there, so that loading this
    batch is ``checkpoint``; one of weights alone is ``train``. Sanity checks, and validations before the
    training, are ``startup``.
    """

    def __init__(
        self,
        metric: str | None = None,
        samples_in: Callable[[Any], int] = samples_in,
        log: EnergyLog | None = None,
    ) -> None:
        """``metric`` is a name in ``trainer.callback_metrics``, ``samples_in`` counts a batch's samples.

        What ``log`` knows goes to the Trainer's loggers whenever they log, by ``log_dict``, and to its sinks.
        """
        super().__init__()
        self._log = log
        self.metric = metric
        self.course = PhaseReporter()
        self._samples_in = samples_in
        self._training = False
        self._begun = False
        self._uncounted = False

    @log_and_continue
    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Training begins."""
        self.course.speaks = trainer.is_global_zero
        self._training = self._begun = True
        self._enter("train", trainer)
        if self._log is not None:
            self._log.begin()

    @log_and_continue
    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """A checkpoint at the end of the last epoch is over."""
        self._enter("train", trainer)

    @log_and_continue
    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """A checkpoint within the epoch is over."""
        self._enter("train", trainer)

    @log_and_continue
    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Samples are trained: as many in every process that has batches of its own."""
        if not self.course.heard and self._log is None:
            return
        samples = self._samples_in(batch)
        if not samples and not self._uncounted:
            self._uncounted = True
            logger.warning(
                "energyprof: no tensor in a batch of type %s, so its samples are not counted: "
                "use EnergyprofCallback(samples_in=...)",
                type(batch).__name__,
            )
        replicas = (trainer.distributed_sampler_kwargs or {}).get("num_replicas", 1)
        self.course.trained(self.course.samples + samples * replicas)
        if self._log is not None:
            self._log.step(self.course.samples, trainer.global_step)
            every = trainer.log_every_n_steps
            if trainer.should_stop or (every and trainer.global_step % every == 0):
                self.log_dict(self._log.values(self.course.samples), on_step=True, on_epoch=False)

    @log_and_continue
    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """A validation begins."""
        if self._begun:
            self._enter("eval", trainer)

    @log_and_continue
    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """A validation ended."""
        if not self._begun:
            return
        reached = False
        if self.metric in trainer.callback_metrics:
            reached = self.course.scored(trainer.callback_metrics[self.metric], trainer.strategy.root_device)
        elif self.metric is not None:
            self.course.unscored(trainer.callback_metrics)
        if self.course.aims:
            # A metric may differ from process to process, or be in the first one only: its score, the one
            # that was told, decides for all.
            trainer.should_stop = trainer.strategy.broadcast(reached) or trainer.should_stop
        self._enter("train" if self._training else "shutdown", trainer)

    @log_and_continue
    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: Any) -> None:
        """A checkpoint begins to be written."""
        if self._training:
            self._enter("checkpoint", trainer)

    @log_and_continue
    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Training is over; at ``on_train_end`` the last checkpoint may still be to come."""
        self._training = False
        if self._log is not None:
            self._log.end(self.course.samples, trainer.global_step)
        self.course.end(self.metric, trainer.strategy.root_device)

    def _enter(self, phase: str, trainer: Any) -> None:
        self.course.enter(phase, trainer.strategy.root_device)
