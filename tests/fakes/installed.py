"""Libraries that a file of tests needs, looked for without loading them: its tests load them, if they run."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec

import pytest
from packaging.requirements import Requirement


def needs(*names: str) -> None:
    """Skip the file of tests that calls this unless all of these are installed, as "flwr>=1.42"."""
    for wanted in map(Requirement, names):
        if find_spec(wanted.name) is None or (
            wanted.specifier and version(wanted.name) not in wanted.specifier
        ):
            pytest.skip(f"{wanted} is not installed", allow_module_level=True)
