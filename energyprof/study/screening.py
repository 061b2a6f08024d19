"""Two levels of many factors in few runs: Plackett–Burman designs (Biometrika 33, 1946, 305–325)."""

from __future__ import annotations

# The first rows; the others follow by shifting them in a circle, and a row of lower levels ends it.
_GENERATORS = {
    8: "+++-+--",
    12: "++-+++---+-",
    16: "++++-+-++--+---",
    20: "++--++++-+-+----++-",
    24: "+++++-+-++--++--+-+----",
}
MOST_FACTORS = max(_GENERATORS) - 1


def plackett_burman(factors: int) -> list[tuple[int, ...]]:
    """A row a run with 0 or 1 for each of ``factors`` ≤ 23, and each row's opposite after them.

    Folded over, so that no interaction of two factors is taken for the effect of one.
    """
    size = min(size for size in _GENERATORS if size > factors)
    first = [int(sign == "+") for sign in _GENERATORS[size]]
    rows = [tuple(first[-shift:] + first[:-shift])[:factors] for shift in range(size - 1)]
    rows.append((0,) * factors)
    return rows + [tuple(1 - level for level in row) for row in rows]
