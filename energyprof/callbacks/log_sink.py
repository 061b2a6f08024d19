"""Where a training's running values go: one small contract, and trackers of experiments that keep it."""

import importlib
from typing import Any, Mapping, Optional, Protocol

# The axis that W&B's charts of these values have.
SAMPLES = "energyprof/samples"


class LogSink(Protocol):
    """Whatever takes values by name."""

    def log(self, values: Mapping[str, float], step: Optional[int]) -> None:
        """Keep the values; called in a thread of its own. What it raises ends this sink, not the training."""


class TensorBoardSink:
    """Scalars by a writer of torch.utils.tensorboard or tensorboardX."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def log(self, values: Mapping[str, float], step: Optional[int]) -> None:
        """A scalar a value."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()


class WandbSink:
    """The history of a Weights & Biases run, over an axis of its own: W&B's step stays the program's."""

    def __init__(self, run: Any = None) -> None:
        """``run``: what wandb.init gave, or the one that goes on. Raises ValueError: there is none."""
        self._run = importlib.import_module("wandb").run if run is None else run
        if self._run is None:
            raise ValueError("WandbSink: no run goes on: call wandb.init() before, or hand over a run")
        for kind in ("energyprof/*", "energyprof_modelled/*"):
            self._run.define_metric(kind, step_metric=SAMPLES)

    def log(self, values: Mapping[str, float], step: Optional[int]) -> None:
        """One row."""
        self._run.log({**values, **({} if step is None else {SAMPLES: step})})


class MlflowSink:
    """Metrics of an MLflow run; it may be written from any thread."""

    def __init__(self, run_id: Optional[str] = None, client: Any = None) -> None:
        """``run_id``: a run's, or that of the active one. Raises ValueError: there is none."""
        mlflow = importlib.import_module("mlflow")
        active = mlflow.active_run() if run_id is None else None
        if run_id is None and active is None:
            raise ValueError("MlflowSink: no run is active: call mlflow.start_run() before, or give a run_id")
        self._run_id = active.info.run_id if active is not None else run_id
        self._client = mlflow.MlflowClient() if client is None else client

    def log(self, values: Mapping[str, float], step: Optional[int]) -> None:
        """A metric a value."""
        for name, value in values.items():
            self._client.log_metric(self._run_id, name, value, step=step)


class AimSink:
    """Metrics of an Aim run."""

    def __init__(self, run: Any) -> None:
        self._run = run

    def log(self, values: Mapping[str, float], step: Optional[int]) -> None:
        """A metric a value."""
        for name, value in values.items():
            self._run.track(value, name=name, step=step)
