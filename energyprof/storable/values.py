"""The numbers, texts and nested values that may be stored: finite, encodable, and with an end."""

import itertools
import math
import re
from typing import Any, Dict, Mapping

# What JSON readers in other languages hold in an integer.
MAX_INT = 2**63 - 1
# Characters of a name (a phase, a meter, a key) and of any other text.
MAX_NAME = 500
MAX_TEXT = 10_000
# Entries of a list (runs, phases, evaluations) and names in an object (facts, meters).
MAX_ITEMS = 200_000
MAX_NAMES = 10_000
# Lists and objects within each other, in what a program says of itself.
MAX_DEPTH = 16
# ISO 8601 with its offset; empty where the time is not known.
UTC = r"^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2}))?$"
# Three hundred years on either side of a run's zero.
MAX_TIME_S = 1e10
# 30,000 runs are 300 MB.
MAX_FILE_BYTES = 1 << 30


def is_int(value: Any) -> bool:
    """Whether it is a whole number of at most 64 bits; true and 1.0 are none."""
    return type(value) is int and -MAX_INT <= value <= MAX_INT


def is_count(value: Any) -> bool:
    """Whether it is a whole number that is not negative."""
    return type(value) is int and 0 <= value <= MAX_INT


def is_number(value: Any) -> bool:
    """Whether it is a finite number."""
    return math.isfinite(value) if type(value) is float else is_int(value)


def is_text(value: Any, longest: int = MAX_TEXT) -> bool:
    """Whether it is text that can be encoded: no half of a surrogate pair, no NUL."""
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_name(value: Any) -> bool:
    """Whether it is text that may name something: short, and not empty."""
    return value != "" and is_text(value, MAX_NAME)


def is_utc(value: Any) -> bool:
    """Whether it is a time, or empty."""
    return is_text(value, MAX_NAME) and re.fullmatch(UTC, value) is not None


def is_json(value: Any, depth: int = MAX_DEPTH) -> bool:
    """Whether it is JSON whose numbers, texts and names may be stored, nested at most ``depth`` deep."""
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, str):
        return is_text(value)
    if isinstance(value, (int, float)):
        return is_number(value)
    if isinstance(value, dict):
        return (
            depth > 0
            and len(value) <= MAX_NAMES
            and all(is_text(key, MAX_NAME) and is_json(item, depth - 1) for key, item in value.items())
        )
    if isinstance(value, (list, tuple)):
        return depth > 0 and len(value) <= MAX_ITEMS and all(is_json(item, depth - 1) for item in value)
    return False


def fitted(value: Any, depth: int = MAX_DEPTH) -> Any:
    """``value`` as JSON that may be stored: what does not fit is cut, and no number becomes ``None``.

    For what we write ourselves, where a device's odd name must not cost the report.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return fitted_text(value)
    if isinstance(value, (int, float)):
        return value if is_number(value) else None
    if depth > 0 and isinstance(value, Mapping):
        named: Dict[str, Any] = {}
        for key, item in itertools.islice(value.items(), MAX_NAMES):
            named[fitted_text(str(key), MAX_NAME)] = fitted(item, depth - 1)
        return named
    if depth > 0 and isinstance(value, (list, tuple)):
        return [fitted(item, depth - 1) for item in value[:MAX_ITEMS]]
    return fitted_text(str(value))


def fitted_text(text: str, longest: int = MAX_TEXT) -> str:
    """``text`` as it may be stored: no longer than that, and question marks for what cannot be encoded."""
    if is_text(text, longest):
        return text
    found = text.encode("utf-8", "replace").decode().replace("\0", "?")
    return found if len(found) <= longest else found[: longest - 1] + "…"
