"""Joules by a calibration: how far it is doubted where it is used, and the node's from its parts'."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from energyprof.meter import MeterInfo
from energyprof.report.energy import Energy, MeterEnergy, Window
from energyprof.report.flags import Flag, Kind, flag
from energyprof.report.node_map import NodeEnergy, NodeMap
from energyprof.report.transfer import beyond_w, drift_u, hours_outside, outside_words, warm_words
from energyprof.report.uncertainty import SCALE, ZERO

# What the flags of a node are about, where a meter's name stands.
NODE = "node"


def mean_temperature(conditions: Mapping[str, Mapping[str, Any]], devices: Iterable[str]) -> float | None:
    """The mean of the hottest of the ``devices`` in a run, in °C; ``None``: no probe told it."""
    found = [conditions[name].get("temperature_c") for name in devices if name in conditions]
    means = [float(one["mean"]) for one in found if isinstance(one, Mapping)]
    return max(means, default=None)


def transferred(
    energy: MeterEnergy, window: Window, utc: str, temperature_c: float | None = None
) -> MeterEnergy:
    """The energy of a window with its ``transfer`` term and flag, if its meter was calibrated.

    ``utc``: the run's zero.
    """
    found, span_s = energy.meter.calibration, window[1] - window[0]
    if found is None or found.made is None or energy.joules is None or span_s <= 0:
        return energy
    made, raw_w = found.made, raw_j(energy.meter, energy.joules, span_s) / span_s
    hours = hours_outside(made.start, made.end, utc, sum(window) / 2)
    load_j = made.slope_u * found.gain * beyond_w(made.low_w, made.high_w, raw_w) * span_s
    u_j = math.hypot(drift_u(hours, made.drift_u) * abs(energy.joules), load_j)
    outside = outside_words(made.low_w, made.high_w, raw_w, hours)
    outside = outside or warm_words(made.temperature_c, temperature_c)
    flags: tuple[Kind, ...] = ("extrapolated",) if outside else ()
    return replace(energy, terms_j={**energy.terms_j, "transfer": u_j}, flags=(*energy.flags, *flags))


def raw_j(meter: MeterInfo, joules: float, span_s: float) -> float:
    """What the meter itself said of ``joules``, which its calibration corrected."""
    found = meter.calibration
    return joules if found is None else (joules - found.offset_w * span_s) / found.gain


def node_energy(
    by: NodeMap,
    energies: Mapping[str, MeterEnergy],
    window: Window,
    utc: str,
    temperature_c: float | None = None,
    levels_w: Sequence[float] = (),
) -> Energy:
    """The node's energy over one window; there is none if a meter has none. ``utc``: the run's zero.

    ``levels_w``: its powers in equal parts of the window, as `levels` has them.
    """
    span_s = window[1] - window[0]
    of_terms = [[energies[name] for name in term.meters] for term in by.terms]
    known = [e for found in of_terms for e in found]
    coverage = min((e.coverage for e in known), default=None)
    if span_s <= 0 or not known or any(e.joules is None for e in known):
        return Energy(None, None, None, coverage, ())
    loads_w = [
        math.fsum(raw_j(e.meter, e.joules or 0.0, span_s) for e in found) / span_s for found in of_terms
    ]
    hours = hours_outside(by.start, by.end, utc, sum(window) / 2)
    joules = by.power_w(loads_w) * span_s
    terms_j = {
        name: u_w * span_s for name, u_w in by.terms_w(loads_w, hours, by.concentration(levels_w)).items()
    }
    terms_j["reading"] = math.hypot(
        *(
            term.slope * math.hypot(*(_reading_u_j(e) for e in found))
            for term, found in zip(by.terms, of_terms, strict=True)
        )
    )
    words = [
        (term.part, outside_words(term.low_w, term.high_w, load_w, 0.0))
        for term, load_w in zip(by.terms, loads_w, strict=True)
    ]
    words.append(("", outside_words(0.0, 0.0, 0.0, hours)))
    words.append(("", warm_words(by.temperature_c, temperature_c)))
    outside = "; ".join(f"{part} at {said}" if part else said for part, said in words if said)
    flags = (flag("extrapolated", NODE, outside),) if outside else ()
    u_j = math.hypot(*terms_j.values())
    found_terms = {name: u for name, u in terms_j.items() if u > 0}
    return Energy(joules, 2 * u_j, 2 * terms_j["gain"], coverage, flags, found_terms)


# A level of load lasts longer than a thirtieth of a stretch that is worth a node's figure.
_SLICES = 30


def slices(window: Window) -> list[Window]:
    """Equal parts of a window, one after the other."""
    start_s, step_s = window[0], (window[1] - window[0]) / _SLICES
    return [(start_s + i * step_s, start_s + (i + 1) * step_s) for i in range(_SLICES)]


def levels(by: NodeMap, energies: Mapping[str, Sequence[MeterEnergy]], span_s: float) -> list[float]:
    """The node's power in each slice of a window of ``span_s``; none if a meter did not see one of them."""
    step_s = span_s / _SLICES
    found = []
    for i in range(_SLICES if span_s > 0 else 0):
        loads_w = []
        for term in by.terms:
            own = [energies[name][i] for name in term.meters]
            if any(energy.joules is None for energy in own):
                return []
            loads_w.append(math.fsum(raw_j(e.meter, e.joules or 0.0, step_s) for e in own) / step_s)
        found.append(by.power_w(loads_w))
    return found


def _reading_u_j(energy: MeterEnergy) -> float:
    """Without gain and zero, which are in the map."""
    return math.hypot(*(u_j for term, u_j in energy.terms_j.items() if term not in (*SCALE, *ZERO)))


def node_of_run(
    by: NodeMap,
    energies: Mapping[str, Sequence[MeterEnergy]],
    sliced: Mapping[str, Sequence[MeterEnergy]],
    windows: Sequence[Window],
    utc: str,
    conditions: Mapping[str, Mapping[str, Any]],
) -> tuple[NodeEnergy, tuple[Flag, ...]]:
    """The node's energies of a run, and what is said of that of its training.

    ``windows``: its life and its training, the first two of each meter's ``energies``; ``sliced``: the slices
    of both.
    """
    warm_c, half = mean_temperature(conditions, by.meters), len(next(iter(sliced.values()), ())) // 2
    found = []
    for i, window in enumerate(windows):
        own = {name: each[i] for name, each in energies.items()}
        parts = {name: each[i * half : (i + 1) * half] for name, each in sliced.items()}
        levels_w = levels(by, parts, window[1] - window[0])
        found.append(node_energy(by, own, window, utc, warm_c, levels_w))
    whole, training = found
    return of_run(by, training, whole), training.flags


def of_run(by: NodeMap, training: Energy, whole: Energy) -> NodeEnergy:
    """A run's record of both."""
    low_j, high_j = training.interval_j
    return NodeEnergy(
        by.boundary,
        training.joules,
        training.u_j,
        low_j,
        high_j,
        whole.joules,
        whole.u_j,
        dict(training.terms_j),
    )
