"""For fastai's Learner: ``learn.fit(5, cbs=[EnergyprofCallback(metric="accuracy")])``."""

from fastai.callback.core import Callback, CancelFitException

from energyprof.callbacks.energy_log import EnergyLog
from energyprof.callbacks.reporter import PhaseReporter, device_in_use, log_and_continue


class EnergyprofCallback(Callback):  # type: ignore[misc]  # the library is untyped here
    """Tells the profiler of train and eval, of the samples, and of ``metric`` at each validation.

    At the profile's target it stops the training. Where the Learner has no hook, what other callbacks do
    after an epoch, checkpoints for instance, is ``train``.
    """

    order = 60  # after Recorder (50), which has the metrics by then

    def __init__(self, metric: str | None = None, log: EnergyLog | None = None) -> None:
        """``metric`` is a name in the Recorder's table, such as ``valid_loss``; ``log`` has the energy."""
        super().__init__()
        self.metric = metric
        self.course = PhaseReporter()
        self.energy = log
        self.at_target = False

    @log_and_continue
    def before_fit(self) -> None:
        """Training begins."""
        self.at_target = False
        self._enter("train")
        if self.energy is not None:
            self.energy.begin()

    @log_and_continue
    def before_train(self) -> None:
        """A validation of the last epoch is over."""
        self._enter("train")

    @log_and_continue
    def after_batch(self) -> None:
        """Samples are trained, or looked at."""
        if self.learn.training:
            batch = self.learn.yb or self.learn.xb
            self.course.trained(self.course.samples + len(batch[0]))
            if self.energy is not None:
                self.energy.step(self.course.samples)

    @log_and_continue
    def before_validate(self) -> None:
        """A validation begins."""
        self._enter("eval")

    @log_and_continue
    def _validated(self) -> None:
        row = dict(zip(self.learn.recorder.metric_names[1:], self.learn.recorder.values[-1]))
        if self.metric in row:
            self.at_target = self.course.scored(row[self.metric], device_in_use())
        elif self.metric is not None:
            self.course.unscored(row)
        self._enter("train")

    def after_epoch(self) -> None:
        """A validation ended. Raises CancelFitException, as fastai has it: the target is reached."""
        self._validated()
        if self.at_target:
            raise CancelFitException

    @log_and_continue
    def after_fit(self) -> None:
        """Training is over."""
        if self.energy is not None:
            self.energy.end(self.course.samples)
        self.course.end(self.metric, device_in_use())

    def _enter(self, phase: str) -> None:
        self.course.enter(phase, device_in_use())
