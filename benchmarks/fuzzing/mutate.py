"""Inputs like good ones, but broken: as bytes, as lines and cells, as JSON."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

# Values on which readers go wrong.
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 12.5, -0.0, 1e308, -1e308, 5e-324, 1e-300, 2**63, -(2**63) - 1, 10**400),
    *(float("nan"), float("inf"), float("-inf"), "", " ", "\0", "\ud800", "é" * 300, "x" * 10_001, "²", "１"),
    *(
        "1e400",
        "nan",
        "inf",
        "-1",
        "0",
        "1_000",
        "0x10",
        "true",
        "null",
        "2026-01-01T00:00:00Z",
        "2026-13-45",
    ),
    *(
        "energyprof.report/²",
        "energyprof.report/99999999999",
        "\x1b[2J",
        "\u202e",
        "\n::error::x",
        "a\nb",
        "../x",
    ),
    *(
        [],
        {},
        [[]],
        {"": None},
        [None] * 3,
        {"a": {"b": [1, 2]}},
        "measured",
        "train",
        "@run",
        "cpu",
        "J",
        "W",
    ),
)
WORDS = (
    *(
        "\n",
        "\r\n",
        "\r",
        "\0",
        ",",
        ";",
        "\t",
        '"',
        '""',
        "'",
        "{",
        "}",
        "[",
        "]",
        ":",
        "=",
        "&",
        "?",
        "%",
        "#",
    ),
    *(
        "@phase",
        "@run",
        "@progress",
        "@exit",
        "@facts",
        "nan",
        "inf",
        "-",
        "1e999",
        "9" * 25,
        "9" * 400,
        "é",
        "\ufeff",
    ),
    *(
        "\u2028",
        "\ud7ff",
        "null",
        "NaN",
        "Infinity",
        "{}",
        "[]",
        "\x85",
        "\x1b",
        "/",
        "\\",
        "\\u0000",
        "\\ud800",
    ),
)


def broken_json(rng: random.Random, text: str) -> str:
    """The JSON with up to four of its nodes replaced, left out, doubled or moved."""
    try:
        data = json.loads(text)
    except ValueError:  # it was broken before
        return broken_text(rng, text)
    for _ in range(rng.randint(1, 4)):
        places = _places(data)
        if not places:
            break
        node, key = rng.choice(places)
        how = rng.random()
        if how < 0.65:
            node[key] = _value(rng, node[key])
        elif how < 0.75:
            del node[key]
        elif how < 0.85:
            other, name = rng.choice(places)
            node[key] = _copy(other[name])
        elif isinstance(node, dict):
            node[_name(rng)] = node.pop(key)
        else:
            node.extend([_copy(node[key])] * rng.choice([1, 2, 30]))
    try:
        return json.dumps(data, ensure_ascii=rng.random() < 0.8)
    except (RecursionError, ValueError):
        return text


def _places(data: Any) -> list[tuple[Any, Any]]:
    """Each node's holder and its place there."""
    found, left = [], [data]
    while left:
        node = left.pop()
        if isinstance(node, dict | list):
            items = list(node.items() if isinstance(node, dict) else enumerate(node))
            found += [(node, key) for key, _ in items]
            left += [value for _, value in items]
    return found


def _copy(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except RecursionError:
        return None


def _value(rng: random.Random, value: Any) -> Any:
    how = rng.random()
    if isinstance(value, int | float) and abs(value) < 1e300 and how < 0.5:
        return rng.choice(
            [-value, value * 2, value + 1, value * 1e-9, value * 1e12, float(value), str(value)]
        )
    if isinstance(value, str) and how < 0.4:
        return broken_text(rng, value)
    if how > 0.97:
        deep: Any = 0
        for _ in range(rng.choice([10, 17, 100, 900])):
            deep = [deep] if rng.random() < 0.5 else {"a": deep}
        return deep
    return copy.deepcopy(rng.choice(VALUES))


def _name(rng: random.Random) -> str:
    return str(rng.choice(VALUES))[:600]


def broken_text(rng: random.Random, text: str) -> str:
    """The text with pieces left out, doubled, moved or put in."""
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        i = rng.randint(0, len(text))
        j = min(len(text), i + rng.choice([0, 1, 1, 2, 5, 20, 200]))
        how = rng.random()
        if how < 0.3:
            text = text[:i] + rng.choice(WORDS) + text[j:]
        elif how < 0.5:
            text = text[:i] + text[j:]
        elif how < 0.65:
            text = text[:j] + text[i:j] * rng.choice([1, 2, 20]) + text[j:]
        elif how < 0.75:
            text = text[:i]
        elif how < 0.9:
            text = text[:i] + chr(rng.choice([*range(256), 0x20AC, 0x2028, 0x1F600])) + text[j:]
        else:
            k = rng.randint(0, len(text))
            text = text[:i] + text[k : k + 40] + text[j:]
    return text


def broken_table(rng: random.Random, text: str, mark: str) -> str:
    """The lines with some of their cells, parted by ``mark``, replaced, left out, doubled or moved."""
    lines = text.split("\n")
    for _ in range(rng.choice([1, 1, 2, 4])):
        row = rng.randrange(len(lines))
        cells = lines[row].split(mark)
        column = rng.randrange(len(cells))
        how = rng.random()
        if how < 0.6:
            value = rng.choice(VALUES)
            cells[column] = str(value)[:300] if not isinstance(value, list | dict) else json.dumps(value)
        elif how < 0.7:
            del cells[column]
        elif how < 0.8:
            cells.insert(column, cells[column])
        elif how < 0.9:
            lines.insert(rng.randrange(len(lines) + 1), lines[row])
        else:
            del lines[row]
            lines = lines or [""]
            continue
        lines[row] = mark.join(cells)
    return "\n".join(lines)


def broken_bytes(rng: random.Random, content: bytes) -> bytes:
    """Bits flipped, bytes lost, an end cut off."""
    made = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 5])):
        if not made:
            break
        i = rng.randrange(len(made))
        how = rng.random()
        if how < 0.5:
            made[i] ^= 1 << rng.randrange(8)
        elif how < 0.7:
            del made[i : i + rng.choice([1, 4, 50])]
        elif how < 0.85:
            made[i:i] = rng.randbytes(rng.choice([1, 4, 50]))
        else:
            del made[i:]
    return bytes(made)


def encoded(rng: random.Random, text: str, *how: Callable[[random.Random, str], str]) -> bytes:
    """The text, broken in one of these ways or as text, as bytes that may be broken, too."""
    made = rng.choice([*how, broken_text])(rng, text)
    content = made.encode("utf-8", "surrogatepass")
    return broken_bytes(rng, content) if rng.random() < 0.1 else content
