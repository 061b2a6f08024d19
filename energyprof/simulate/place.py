"""Where joules are taken from."""

from __future__ import annotations

from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class Place:
    """Where joules are taken from: sites with the share of each, which sum to 1."""

    shares: tuple[tuple[str, float], ...]
