"""How a study's figures and changes are written."""

from __future__ import annotations

from rich.text import Text

from energyprof.compare.effects import Effect
from energyprof.formats.simulation_words import energy, mass
from energyprof.units import percent, seconds, si

TITLES = {
    "energy_to_target": "energy to target",
    "energy_per_sample": "energy a sample",
    "samples_to_target": "samples to target",
    "time_to_target": "time to target",
    "energy_per_inference": "energy an inference, one at a time",
    "energy_per_batched_inference": "energy an inference, in a batch",
    "time_per_inference": "time an inference, one at a time",
    "time_per_batched_inference": "time an inference, in a batch",
    "energy": "energy",
    "time": "time",
    "cpu_time": "CPU time",
}
UNITS = {
    **dict.fromkeys(("energy_to_target", "energy_per_sample", "energy"), "J"),
    **dict.fromkeys(("energy_per_inference", "energy_per_batched_inference"), "J"),
    **dict.fromkeys(("time_per_inference", "time_per_batched_inference"), "s"),
}
# To a target, or of a whole program: long enough to be told in minutes.
TIMES = ("time_to_target", "time", "cpu_time")


def title(figure: str) -> str:
    """A figure's name for people."""
    return TITLES.get(figure, figure)


def amount(figure: str, mean: float) -> str:
    """A mean in the figure's own words."""
    if figure in TIMES:
        return seconds(mean)
    simulated = figure.partition(" of ")[0]
    if simulated == "CO2e":
        return mass(mean)
    if simulated == "money":
        return f"{mean:,.2f}"
    if simulated == "energy" and simulated != figure:
        return energy(mean)
    return si(mean, UNITS[figure]) if figure in UNITS else f"{mean:,.0f}"


def change(effect: Effect | None) -> tuple[Text, Text]:
    """What it changes, and the interval, in colour if that is sure."""
    if effect is None:
        return Text(""), Text("")
    style = "" if not effect.sure else ("green" if effect.ratio < 1 else "red")
    if effect.low is None or effect.high is None:
        return Text(percent(effect.ratio - 1)), Text("one block", style="dim")
    span = f"{percent(effect.low - 1)} … {percent(effect.high - 1)}"
    return Text(percent(effect.ratio - 1), style=style), Text(span, style=style or "dim")
