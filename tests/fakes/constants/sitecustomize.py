"""Constants of our modules that are others in a program and in all that it starts, such as how long it waits.

Python imports this file at its start, by its name, if it lies on PYTHONPATH.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from functools import reduce
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

VARIABLE = "ENERGYPROF_TEST_CONSTANTS"


def variables(constants: Mapping[str, float], pythonpath: str = "") -> dict[str, str]:
    """The environment of a program for which these hold; by module and name, "energyprof.x:WAIT_S"."""
    path = os.pathsep.join(filter(None, [os.path.dirname(__file__), pythonpath]))
    return {"PYTHONPATH": path, VARIABLE: json.dumps(dict(constants))} if constants else {}


def install() -> None:
    """Set those of modules that are loaded, and see to the others as they are."""
    wanted: dict[str, dict[str, float]] = {}
    for name, value in json.loads(os.environ.get(VARIABLE, "{}")).items():
        module, _, constant = name.partition(":")
        wanted.setdefault(module, {})[constant] = value
    for name in wanted.keys() & sys.modules.keys():
        change(sys.modules[name], wanted[name])
    if wanted:
        sys.meta_path.insert(0, _Finder(wanted))


def change(module: ModuleType, constants: Mapping[str, float]) -> None:
    """Set the constants of a module, or fields of what these are: "PATIENCE.settle_s"."""
    for path, value in constants.items():
        *way, last = path.split(".")
        place: Any = reduce(getattr, way, module)
        getattr(place, last)  # there is one
        object.__setattr__(place, last, value)


class _Finder(MetaPathFinder):
    def __init__(self, wanted: Mapping[str, Mapping[str, float]]) -> None:
        self._wanted = wanted

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name not in self._wanted:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _Changing(spec.loader, self._wanted[name])
                return spec
        return None


class _Changing(Loader):
    """Another loader, after which the constants are others."""

    def __init__(self, loader: Loader, constants: Mapping[str, float]) -> None:
        self._loader, self._constants = loader, constants

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        change(module, self._constants)


if VARIABLE in os.environ:
    install()
