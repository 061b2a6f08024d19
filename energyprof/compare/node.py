"""A node's meter and its components' meters in one recording, as a calibration of the node."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from energyprof.compare.node_fit import Beside, Fitted, NodeWindow, Place, fit
from energyprof.compare.recording import Recording, circumstances
from energyprof.compare.windows import PARTS, Part, parts_of, raw, steady, swing, window_length_s
from energyprof.errors import UsageError
from energyprof.report.node_file import SCHEMA, MapWindow, NodeCalibration
from energyprof.report.record import MeterRecord
from energyprof.report.uncertainty import SCALE, ZERO
from energyprof.report.whole_and_parts import parts
from energyprof.units import utc

LEAST_WINDOWS = 4
# The node's power must move by this share of the largest.
LEAST_SPREAD = 0.25


def calibrate_node(
    recording: Recording, reference: str, window_s: float | None, source: str
) -> tuple[Fitted, float]:
    """The map from a recording's component meters to its meter ``reference``, and the windows' length in s.

    Raises:
        FileError: the rows cannot be read.
        UsageError: there is no such meter, nothing lies within its boundary, or the loads tell too little.
    """
    whole, places, meters = meters_of(recording, reference)
    length_s = window_length_s((whole, *meters), window_s)
    known = circumstances(recording)
    windows = _windows(recording, known.zeros_s, whole, places, meters, length_s)
    gpus = [name for place in places for name in place.meters]
    warm = [known.temperatures_c[name] for name in gpus if name in known.temperatures_c]
    beside = Beside(
        whole.boundary,
        ", ".join(filter(None, (whole.name, whole.info.device, whole.method))),
        whole.info.gain_u,
        recording.machine,
        source,
        (min(low for low, _ in warm), max(high for _, high in warm)) if warm else None,
    )
    check_loads(windows, recording.where)
    return fit(windows, places, beside), length_s


def meters_of(recording: Recording, reference: str) -> tuple[MeterRecord, list[Place], list[MeterRecord]]:
    """The node's meter, and the meters within its boundary by part, each joule once.

    Raises:
        UsageError: there is no such meter, it is not of a whole node, or nothing lies within its boundary.
    """
    whole = next((meter for meter in recording.meters if meter.name == reference), None)
    if whole is None:
        there = ", ".join(meter.name for meter in recording.meters) or "none"
        raise UsageError(f"{recording.where}: it has no meter {reference}; it has {there}")
    if whole.origin != "measured":
        raise UsageError(f"{reference} is a model, not a meter: nothing to calibrate against")
    if whole.boundary not in ("node_dc", "wall_ac"):
        raise UsageError(
            f"{reference} ({whole.boundary}) does not read a whole node: name its plug or its BMC"
        )
    # The chips' own meters tell the parts apart; a module's whole is next best.
    meters = list(parts(recording.meters)) or [
        meter for meter in recording.meters if meter.boundary == "module" and meter.origin == "measured"
    ]
    if not meters:
        raise UsageError(f"{recording.where}: no meter of a component beside {reference}: record with them")
    kinds = dict.fromkeys(meter.part for meter in meters)
    places = []
    for part in kinds:
        own = [meter for meter in meters if meter.part == part]
        places.append(Place(part, tuple(m.name for m in own), tuple(m.info.device for m in own)))
    return whole, places, [next(m for m in meters if m.name == n) for p in places for n in p.meters]


def check_levels(
    meters: Sequence[MeterRecord], reference: str, seconds: float, asked_s: float | None
) -> None:
    """Raises UsageError if loads that last ``seconds`` each tell no map, before they are driven.

    ``asked_s``: the windows' length, if one is asked for.
    """
    whole, _, own = meters_of(Recording("this machine", "", tuple(meters), tuple), reference)
    window_s = window_length_s((whole, *own), asked_s)
    least_s = window_s * (PARTS + 1) / PARTS
    if seconds < least_s:
        raise UsageError(
            f"--seconds {seconds:g}: no window of {window_s:.3g} s at a level that is settled fits into it;"
            f" give {least_s:.3g} or more"
        )


def _windows(
    recording: Recording,
    zeros_s: Mapping[int, float],
    whole: MeterRecord,
    places: Sequence[Place],
    meters: Sequence[MeterRecord],
    window_s: float,
) -> list[NodeWindow]:
    infos = [whole.info, *(raw(meter.info) for meter in meters)]
    runs = parts_of(recording, (whole, *meters), infos, window_s / PARTS)

    def load_j(part: Part) -> float:
        return math.fsum(part.joules[1:])

    swing_j = swing((part for found in runs.values() for part in found), load_j)
    windows = []
    for run, found in runs.items():
        for window in steady(found, load_j, swing_j):
            node_w, *own_w = (
                math.fsum(joules) / window_s for joules in zip(*(p.joules for p in window), strict=True)
            )
            of = iter(own_w)
            loads_w = tuple(math.fsum(next(of) for _ in place.meters) for place in places)
            start_s = zeros_s.get(run, 0.0) + window[0].start_s
            windows.append(
                NodeWindow(start_s, start_s + window_s, loads_w, node_w, _own_u_w(window, window_s))
            )
    return windows


def _own_u_w(window: Sequence[Part], window_s: float) -> float:
    """What the node's meter leaves open in this window alone: neither its gain nor its zero."""
    terms = (part.energies[0].terms_j.items() for part in window)
    own_j = [u_j for found in terms for term, u_j in found if term not in (*SCALE, *ZERO)]
    return math.hypot(*own_j) / window_s


def check_loads(windows: Sequence[NodeWindow], where: str) -> None:
    """Raises UsageError if there are too few windows, or all of them of one level."""
    remedy = "run loads of several levels, the GPUs and the processors alone and together (--load does)"
    if len(windows) < LEAST_WINDOWS:
        raise UsageError(
            f"{where}: only {len(windows)} windows with all meters and a steady load; {LEAST_WINDOWS} are"
            f" needed, 30 are better: {remedy}"
        )
    low_w, high_w = min(w.node_w for w in windows), max(w.node_w for w in windows)
    if high_w <= 0 or high_w - low_w < LEAST_SPREAD * high_w:
        share = 100 * (high_w - low_w) / high_w if high_w > 0 else 0.0
        raise UsageError(
            f"{where}: the node drew {low_w:.4g} to {high_w:.4g} W, a spread of {share:.0f} %;"
            f" {100 * LEAST_SPREAD:.0f} % is needed: {remedy}"
        )


def calibration_of(fitted: Fitted, window_s: float, created: str) -> NodeCalibration:
    """What is written of it."""
    return NodeCalibration(
        schema=SCHEMA,
        created=created,
        node_map=fitted.map,
        window_s=window_s,
        rms=fitted.rms,
        windows=tuple(
            MapWindow(utc(window.start_s), window.loads_w, window.node_w, residual_w)
            for window, residual_w in zip(fitted.windows, fitted.residuals_w, strict=True)
        ),
        notes=fitted.notes,
    )
