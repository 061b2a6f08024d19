"""The standard workloads, by name.

Each module offers, without importing anything heavy: ``SUMMARY`` (a line), ``SIZES`` (size → a line),
``plan(settings) -> Plan`` and ``build(plan) -> Workload``.
"""

import importlib
from types import ModuleType
from typing import Dict

from energyprof.workload import WorkloadError

WORKLOADS: Dict[str, str] = {
    "unet": "energyprof.workloads.unet",
    "transformer": "energyprof.workloads.transformer",
    "diffusion": "energyprof.workloads.diffusion",
    "speech": "energyprof.workloads.speech",
}


def workload_module(name: str) -> ModuleType:
    """The module of the workload called ``name``.

    Raises:
        WorkloadError: no workload has that name.
    """
    if name not in WORKLOADS:
        raise WorkloadError(f"unknown workload {name!r}: choose one of {', '.join(sorted(WORKLOADS))}")
    return importlib.import_module(WORKLOADS[name])
