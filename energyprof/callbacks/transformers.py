"""For transformers' Trainer: ``Trainer(..., callbacks=[EnergyprofCallback(metric="eval_accuracy")])``."""

import math
from typing import Any

from transformers import TrainerCallback

from energyprof.callbacks.energy_log import EnergyLog
from energyprof.callbacks.reporter import PhaseReporter, log_and_continue


class EnergyprofCallback(TrainerCallback):  # type: ignore[misc]  # the library is untyped here
    """Tells the profiler of train, eval and checkpoint, of the samples, and of ``metric`` at each evaluation.

    At the profile's target it stops the training.

    Where the Trainer has no hook: an evaluation that nobody announced (``trainer.evaluate()`` from another
    callback) is ``train`` until its first batch is through, and a checkpoint of ``save_strategy="best"`` is
    ``train``. Logging before an evaluation is ``eval``, and an evaluation before the training ``startup``.
    """

    def __init__(self, metric: str | None = None, log: EnergyLog | None = None) -> None:
        """``metric`` is a name among the evaluation's metrics, with or without its ``eval_``.

        What ``log`` knows goes to its sinks, and after `log_to` to whatever the Trainer logs to.
        """
        self._log, self._logging = log, False
        self._to_trainer: Any = None
        self.metric = metric
        self.course = PhaseReporter()
        self._training = False
        self._begun = False
        self._before = 0  # samples of earlier trainings of this program, less those of a resumed checkpoint

    def log_to(self, trainer: Any) -> None:
        """Log the energy by ``trainer.log`` whenever the Trainer logs: a callback does not know of it."""
        self._to_trainer = trainer.log

    @log_and_continue
    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Training begins, with an evaluation if so asked."""
        self.course.speaks = state.is_world_process_zero
        self._training = self._begun = True
        self._before = self.course.samples - samples_trained(args, state, kwargs.get("train_dataloader"))
        self.course.enter("eval" if getattr(args, "eval_on_start", False) else "train", args.device)
        if self._log is not None:
            self._log.begin()

    @log_and_continue
    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Whatever was announced and did not take place is over."""
        self.course.enter("train", args.device)

    @log_and_continue
    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Samples are trained; what comes next is known."""
        if self.course.heard or self._log is not None:
            samples = samples_trained(args, state, kwargs.get("train_dataloader"))
            self.course.trained(self._before + samples)
        if self._log is not None:
            self._log.step(self.course.samples, state.global_step)
        self._next(args, control)

    @log_and_continue
    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The Trainer logs: the energy follows, by the same way."""
        if self._log is None or self._to_trainer is None or self._logging or not self._training:
            return
        values = self._log.values(self.course.samples)
        if not values:
            return
        self._logging = True  # what is logged here comes by here
        try:
            self._to_trainer(values)
        finally:
            self._logging = False

    @log_and_continue
    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """What comes next is known."""
        self._next(args, control)

    @log_and_continue
    def on_prediction_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """An evaluation goes on, announced or not."""
        if self._begun:
            self.course.enter("eval", args.device)

    @log_and_continue
    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: dict[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """An evaluation ended."""
        if not self._begun:
            return None
        metrics = metrics or {}
        if self.metric is not None:
            score = metrics.get(self.metric, metrics.get("eval_" + self.metric))
            if score is None:
                self.course.unscored(metrics)
            elif self.course.scored(score, args.device):
                control.should_training_stop = True
        self._next(args, control)
        return control

    @log_and_continue
    def on_predict(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A prediction ended."""
        if self._begun:
            self._next(args, control)

    @log_and_continue
    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A checkpoint is written."""
        self._next(args, control)

    @log_and_continue
    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Training is over."""
        self._training = False
        if self._log is not None:
            self._log.end(self.course.samples, state.global_step)
        self.course.end(self.metric, args.device)

    def _next(self, args: Any, control: Any) -> None:
        """The Trainer evaluates before it saves; the handler takes back what is done."""
        if not self._training:
            self.course.enter("shutdown", args.device)
        elif control.should_evaluate:
            self.course.enter("eval", args.device)
        elif control.should_save:
            self.course.enter("checkpoint", args.device)
        else:
            self.course.enter("train", args.device)


def samples_trained(args: Any, state: Any, loader: Any) -> int:
    """Samples that lead to ``state``, those before a resumed checkpoint included.

    The loader's batches times their size, which is that of all processes together. An epoch's last batch may
    hold fewer in a single process only: for several accelerate fills it up.
    """
    try:
        batches, items, batch = len(loader), len(loader.dataset), loader.total_batch_size
    except (TypeError, AttributeError):  # a stream, or a loader of the user's own
        batch = (state.train_batch_size or args.train_batch_size) * args.world_size
        return int(state.global_step * args.gradient_accumulation_steps * batch)
    epochs, rest = divmod(round((state.epoch or 0) * batches), batches)
    # A sampler may draw more or fewer than the data set holds: then every batch is taken for full.
    short = args.world_size == 1 and batches == math.ceil(items / batch)
    epoch = items if short else batches * batch
    return int(epochs * epoch + min(rest * batch, epoch))
