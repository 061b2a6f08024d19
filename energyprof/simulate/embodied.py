"""Manufacture and end of life, by the share of a device's life that is reserved (ISO/IEC 21031: TE·TS·RS)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from energyprof.simulate.dimension import YEAR_H
from energyprof.simulate.parts import Part
from energyprof.simulate.scenario import Inputs


def share_of_life(reserved_s: float, life_years: float, utilisation: float) -> float:
    """How much of a device ``reserved_s`` of work use up, if it works ``utilisation`` of its life."""
    return reserved_s / (life_years * YEAR_H * 3600 * utilisation)


def embodied(x: Inputs, who: str, devices: Sequence[str], reserved_s: float) -> dict[str, Part]:
    """What the devices of ``who`` add for ``reserved_s`` device-seconds of work."""
    found: dict[str, Part] = {}
    for name in devices:
        at = f"{who}.device.{name}"
        used_up = share_of_life(reserved_s, x[f"{at}.life_years"], x[f"{at}.utilisation"])
        of = used_up * x.get(1.0, f"{at}.share") * x.get(1.0, f"{at}.count")
        kg = of * x[f"{at}.embodied_kg"]
        # Not a number where the device does not say: then the total's primary energy is not known.
        primary_j = of * x.get(math.nan, f"{at}.primary_mj") * 1e6
        made = Part(co2_kg=kg, embodied_kg=kg, primary_j=primary_j)
        found["manufacture"] = found.get("manufacture", Part()) + made
        if f"{at}.end_of_life_kg" in x:
            end_kg = of * x[f"{at}.end_of_life_kg"]
            ended = Part(co2_kg=end_kg, embodied_kg=end_kg)
            found["end of life"] = found.get("end of life", Part()) + ended
    return found
