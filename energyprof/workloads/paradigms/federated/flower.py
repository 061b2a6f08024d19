"""Flower, told to call nobody, to write nothing of its own and to be quiet, before it is first imported."""

import contextlib
import importlib
import logging
import os
import tempfile
from typing import Any, Dict, Iterator

from energyprof.wire import WIRE_VARIABLE
from energyprof.workload import WorkloadError

# Telemetry and update checks are calls into the network; Ray has its own.
OFF = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
INSTALL = "pip install 'energyprof[{}]'"
# Those whose private TaskIdentity (one process, one node) is as the engine needs it.
SUPPORTED = ((1, 41), (2, 0))


def load(engine: str) -> None:
    """Import what ``engine`` needs.

    Raises:
        WorkloadError: it is not installed, or a version that the engine does not know.
    """
    os.environ.update(OFF)
    os.environ["FLWR_HOME"] = os.path.join(folder(), "flower")
    library("flwr.serverapp.strategy")
    version = library("flwr").__version__
    numbers = tuple(int(part) for part in version.split(".")[:2])
    if not SUPPORTED[0] <= numbers < SUPPORTED[1]:
        raise WorkloadError(
            f"Flower {version} is not known to work: {INSTALL.format('federated')} installs one that is"
        )
    if engine == "ray":
        library("ray")
    for name in ("flwr", "ray"):
        logging.getLogger(name).setLevel(logging.ERROR)


def folder() -> str:
    """Where temporary files go: beside the wire, in a folder that the profiler removes, if there is one."""
    path = os.environ.get(WIRE_VARIABLE, "")
    return os.path.dirname(path) if path else tempfile.gettempdir()


def library(module: str) -> Any:
    """A module of Flower's or of Ray.

    Raises:
        WorkloadError: it is not installed, or does not load.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        missing = str(error.name or module).partition(".")[0]
        extra = "ray" if missing == "ray" else "federated"
        raise WorkloadError(
            f"{missing}, needed for federated training, is not installed: {INSTALL.format(extra)}"
        ) from error


def facts() -> Dict[str, Any]:
    """Flower's version."""
    return {"flwr": library("flwr").__version__}


@contextlib.contextmanager
def identity() -> Iterator[None]:
    """This process as the one task that makes messages: Flower has it set by daemons that are not here.

    It is private: a test holds the version that is installed to it, and ``SUPPORTED`` bounds the others.
    """
    task = library("flwr.supercore.task_identity").TaskIdentity
    before = task._task_id, task._run_id, task._node_id
    task.task_id, task.run_id, task.node_id = 1, 1, 0
    try:
        yield
    finally:
        task._task_id, task._run_id, task._node_id = before
