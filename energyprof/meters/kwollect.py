"""To be written."""

from __future__ import annotations

from collections.abc import Mapping

from energyprof.meter import Finding, Role

ROLE: Role = "real"
USAGE = "kwollect=ADDRESS"


def find_at(address: str, options: Mapping[str, str]) -> Finding:
    """Nothing yet."""
    return Finding("kwollect", ROLE, "absent", reason="not yet", asked=f"kwollect={address}")
