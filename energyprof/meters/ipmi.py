"""To be written."""

from __future__ import annotations

from collections.abc import Mapping

from energyprof.meter import Finding, Role

ROLE: Role = "real"
USAGE = "ipmi=ADDRESS"


def find_at(address: str, options: Mapping[str, str]) -> Finding:
    """Nothing yet."""
    return Finding("ipmi", ROLE, "absent", reason="not yet", asked=f"ipmi={address}")
