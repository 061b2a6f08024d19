"""Facts as they stand in a report, side by side: what differs is named by where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def flat(facts: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one with dotted keys."""
    found: dict[str, Any] = {}
    for key, fact in facts.items():
        if isinstance(fact, Mapping):
            found |= flat(fact, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = fact
    return found
