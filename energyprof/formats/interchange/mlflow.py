"""MLflow: a run of its own for each run, in a store of files."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from energyprof.errors import FileError
from energyprof.formats.interchange.contract import Source
from energyprof.formats.interchange.tracked import Tracked, tracked
from energyprof.report.file import trace_path

EXPERIMENT = "energyprof"
# A store takes so many at a time, and values so long (mlflow.utils.validation).
_METRICS, _PARAMS, _VALUE = 1000, 100, 500


def save(source: Source, place: Path) -> list[str]:
    """Add the runs to the store there; of one that does not say when it began, MLflow says it is now."""
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    # Newer versions ask for a word before they write to a store of files.
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    try:
        client = MlflowClient(tracking_uri=place.resolve().as_uri())
        known = client.get_experiment_by_name(EXPERIMENT)
        experiment = known.experiment_id if known else client.create_experiment(EXPERIMENT)
        runs = tracked(source)
        for run in runs:
            _add(client, experiment, run, [path for path in _files(source) if path.exists()])
    except (MlflowException, OSError) as error:
        raise FileError(f"{place}: no MLflow store: {str(error).splitlines()[0]}") from None
    return [f"when {run.name} began: now, to MLflow" for run in runs if run.start_s is None]


def _files(source: Source) -> list[Path]:
    return [source.path, trace_path(source.path)]


def _add(client: Any, experiment: str, run: Tracked, files: list[Path]) -> None:
    begun_ms = None if run.start_s is None else round(run.start_s * 1000)
    info = client.create_run(experiment, start_time=begun_ms, tags=dict(run.tags), run_name=run.name).info
    made, start_ms = info.run_id, info.start_time
    settings = [Param(name, value[:_VALUE]) for name, value in run.settings.items()]
    for i in range(0, len(settings), _PARAMS):
        client.log_batch(made, params=settings[i : i + _PARAMS])
    end_ms = start_ms + round(1000 * run.figures.get("total_time_s", 0.0))
    metrics = [Metric(name, value, end_ms, 0) for name, value in run.figures.items()]
    for point in run.history:
        at_ms = start_ms + round(1000 * point.time_s)
        course = {
            "course.score": point.score,
            "course.energy_j": point.energy_j,
            "course.time_s": point.time_s,
        }
        metrics += [Metric(n, float(v), at_ms, point.samples) for n, v in course.items() if v is not None]
    for i in range(0, len(metrics), _METRICS):
        client.log_batch(made, metrics=metrics[i : i + _METRICS])
    for path in files:
        client.log_artifact(made, str(path))
    status = run.tags["energyprof.status"]
    client.set_terminated(made, "FINISHED" if status in ("reached", "done", "missed") else "FAILED", end_ms)
