"""Libraries that a file of tests needs, looked for without loading them: its tests load them, if they run."""

from __future__ import annotations

from importlib.util import find_spec

import pytest


def needs(*names: str) -> None:
    """Skip the file of tests that calls this unless all of these are installed."""
    for name in names:
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed", allow_module_level=True)
