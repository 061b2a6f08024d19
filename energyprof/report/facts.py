"""Facts as they stand in a report: side by side, and as the numbers that some of them are."""

from __future__ import annotations

import math
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


def number(facts: Mapping[str, Any], name: str) -> float | None:
    """The fact, where it is a number from 0 on: a program may send anything over the wire."""
    value = facts.get(name)
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf
    return value if known else None


def of_unlike_samples(facts: Mapping[str, Any]) -> bool:
    """Whether samples differ in length: what was counted of a batch is then not what any other takes."""
    return bool(number(facts, "seconds"))


def operations_per_sample(facts: Mapping[str, Any]) -> float | None:
    """Floating-point operations of a trained sample; ``None``: not counted, or of the first batch alone."""
    return None if of_unlike_samples(facts) else number(facts, "flops_per_sample")
