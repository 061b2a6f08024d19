"""For Keras: ``model.fit(..., callbacks=[EnergyprofCallback(metric="val_accuracy", batch_size=64)])``."""

from typing import Any

import keras

from energyprof.callbacks.energy_log import EnergyLog
from energyprof.callbacks.reporter import PhaseReporter, device_in_use, log_and_continue, logger


class EnergyprofCallback(keras.callbacks.Callback):  # type: ignore[misc]  # the library is untyped here
    """Tells the profiler of train and eval, of the samples, and of ``metric`` at each epoch's end.

    At the profile's target it stops the training. Keras tells a callback nothing of its batches: their size
    is given. Where Keras has no hook, what other callbacks do at an epoch's end, checkpoints for instance, is
    ``train``. On a GPU the last batch has to be over before a mark: with PyTorch below it that is waited for,
    with others Keras itself waits as it takes the metrics.
    """

    def __init__(
        self,
        metric: str | None = None,
        batch_size: int | None = None,
        samples: int | None = None,
        log: EnergyLog | None = None,
    ) -> None:
        """``metric`` is a name in the logs of an epoch, ``batch_size`` that of fit.

        ``samples``: how many there are in an epoch, where its last batch may be smaller. What ``log`` knows
        goes into each epoch's logs, where History, CSVLogger and TensorBoard find it, and to its sinks.
        """
        super().__init__()
        self.metric = metric
        self.course = PhaseReporter()
        self._batch_size, self._epoch_samples, self._log = batch_size, samples, log
        self._before = 0  # samples of the epochs that are over
        self._training = False

    @log_and_continue
    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Training begins."""
        self._training = True
        if self._batch_size is None and self.course.heard:
            logger.warning(
                "energyprof: samples are not counted: use EnergyprofCallback(batch_size=..., samples=...)"
            )
        self._enter("train")
        if self._log is not None:
            self._log.begin()

    @log_and_continue
    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """An evaluation of the last epoch is over."""
        self._before = self.course.samples
        self._enter("train")

    @log_and_continue
    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Samples are trained."""
        if self._batch_size is not None:
            trained = (batch + 1) * self._batch_size
            most = trained if self._epoch_samples is None else self._epoch_samples
            self.course.trained(self._before + min(trained, most))
        if self._log is not None:
            self._log.step(self.course.samples)

    @log_and_continue
    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """An evaluation begins; one before the training is its start-up."""
        if self.course.phase != "startup":
            self._enter("eval")

    @log_and_continue
    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """An evaluation ended."""
        if self.course.phase == "eval":
            self._enter("train" if self._training else "shutdown")

    @log_and_continue
    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """The epoch's metrics are there."""
        logs = {} if logs is None else logs
        if self.metric is not None:
            if self.metric not in logs:
                self.course.unscored(logs)
            elif self.course.scored(logs[self.metric], _device()):
                self.model.stop_training = True
        if self._log is not None:
            logs.update(self._log.values(self.course.samples))

    @log_and_continue
    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Training is over."""
        self._training = False
        if self._log is not None:
            self._log.end(self.course.samples)
        self.course.end(self.metric, _device())

    def _enter(self, phase: str) -> None:
        self.course.enter(phase, _device())


def _device() -> Any:
    """What PyTorch computes on below Keras; ``None``: another library does."""
    return device_in_use() if keras.backend.backend() == "torch" else None
