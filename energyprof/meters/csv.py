"""To be written."""

from __future__ import annotations

from collections.abc import Mapping

from energyprof.meter import Finding, Role

ROLE: Role = "real"
USAGE = "csv=ADDRESS"


def find_at(address: str, options: Mapping[str, str]) -> Finding:
    """Nothing yet."""
    return Finding("csv", ROLE, "absent", reason="not yet", asked=f"csv={address}")
