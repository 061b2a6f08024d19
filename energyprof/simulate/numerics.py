"""numpy and scipy, which only simulations need: loaded when one is computed."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from energyprof.errors import MissingPart


def load(name: str) -> Any:
    """The package ``name``.

    Raises:
        MissingPart: it is not installed.
    """
    found = sys.modules.get(name)  # it is asked for at each step of a simulation
    if found is not None:
        return found
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        part = name.partition(".")[0]
        raise MissingPart(
            f"{part}, needed to simulate, is not installed: pip install 'energyprof[simulate]'"
        ) from error
