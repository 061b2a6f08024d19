"""The map from a node's components to the whole node, drawn through windows of both."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median

from energyprof.compare.statistics.plane import MAD, Plane, Slope, inverse, plane
from energyprof.meter import Boundary
from energyprof.report.node_map import MapTerm, NodeMap, Told
from energyprof.report.transfer import DRIFT_U, SLOPE_U
from energyprof.storable.frozen import dataclass
from energyprof.units import utc

# What the node draws for a watt that a component's meter reads, before any window is seen: 1.18 (8 × V100,
# NVML), 1.21 (two sets of CPU loads, RAPL), 1.33 (8 × A100, NVML + RAPL). It holds the losses of supplies and
# converters, the fans, and the meter's own gain.
# Apart: cards of one make differ by 7 % rms against a meter on their cables (Yang et al., SC'24).
KNOWN = Slope(mean=1.2, sd=0.07, apart=0.1)
# What a node does that is no such sum, relative: an rms of 1.18 % on the V100 node. It counts as so many
# levels of load, since three levels fit any plane.
MISFIT_U = 0.013
_MISFIT_COUNTS = 3
# Powers closer than this share of the spread are one level.
_LEVEL_GAP = 0.03
# Windows closer to the plane than this are no outliers; those this many times as far off as most are faults.
_OWN = 0.01
_GROSS = 10.0

# A part whose load moves the node by less than this share of the spread is still …
STILL = 0.05
# … and one whose slope's variance is so many times what it would be alone moves together with others
# (Belsley, Kuh & Welsch, Regression Diagnostics, section 3.2, call 10 a serious problem).
VIF = 10.0
# Share of the windows below the least load that counts as seen, and above the largest.
_ENDS = 0.05

_ALONE = {"gpu": "the GPUs alone", "cpu": "the processors alone", "dram": "memory alone"}


@dataclass(frozen=True)
class Place:
    """The meters of one part of the node: their loads are added."""

    part: str
    meters: tuple[str, ...]
    devices: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodeWindow:
    """Mean powers over one window; its time in s since 1970 (UTC)."""

    start_s: float
    end_s: float
    loads_w: tuple[float, ...]  # of each place, as its meters read
    node_w: float
    u_w: float = 0.0  # standard, of node_w: what its meter's steps and gaps leave open in this window alone


@dataclass(frozen=True)
class Beside:
    """The meter of the node, and what else belongs to a map."""

    boundary: Boundary = "wall_ac"
    reference: str = ""
    reference_u: float = 0.0  # relative, standard
    machine: str = ""
    source: str = ""
    temperature_c: tuple[float, float] | None = None


@dataclass(frozen=True)
class Fitted:
    """A map and how it was found."""

    map: NodeMap
    windows: tuple[NodeWindow, ...]
    residuals_w: tuple[float, ...]  # the node less the map, of each window
    rms: float  # relative
    vif: Mapping[int, float]  # of each place that moved: how far the others inflate its slope's variance
    notes: tuple[str, ...]


def fit(windows: Sequence[NodeWindow], places: Sequence[Place], beside: Beside) -> Fitted:
    """The map through ``windows``, three or more, whose loads are in the order of ``places``."""
    ordered = sorted(windows, key=lambda w: w.start_s)
    loads = [window.loads_w for window in ordered]
    node_w = [window.node_w for window in ordered]
    # A window whose own reading is unsure by more than nodes are off such a plane says that much less.
    scales_w = [max(1e-9, math.hypot(window.node_w, window.u_w / MISFIT_U)) for window in ordered]
    found = plane(loads, node_w, scales_w, KNOWN, _OWN)
    spread_w = max(node_w) - min(node_w)
    columns = list(zip(*loads, strict=True))
    slopes = found.coefficients[1:]
    moved = [
        k for k, column in enumerate(columns) if (max(column) - min(column)) * slopes[k] >= STILL * spread_w
    ]
    vif = dict(zip(moved, _vif([columns[k] for k in moved]), strict=True))
    terms = []
    for k, place in enumerate(places):
        told: Told = "still" if k not in vif else "together" if vif[k] > VIF else "moved"
        low_w, high_w = _ends(columns[k])
        terms.append(MapTerm(place.part, place.meters, place.devices, slopes[k], low_w, high_w, told))
    by = NodeMap(
        machine=beside.machine,
        boundary=beside.boundary,
        intercept_w=found.coefficients[0],
        terms=tuple(terms),
        covariance=found.covariance,
        misfit_u=_misfit_u(found, node_w, len(moved)),
        reference=beside.reference,
        reference_u=beside.reference_u,
        start=utc(ordered[0].start_s),
        end=utc(max(window.end_s for window in ordered)),
        drift_u=DRIFT_U,
        slope_u=SLOPE_U,
        source=beside.source,
        temperature_c=beside.temperature_c,
    )
    residuals_w = tuple(r * w for r, w in zip(found.residuals, scales_w, strict=True))
    return Fitted(by, tuple(ordered), residuals_w, found.rms, vif, tuple(_notes(by, vif)))


def _misfit_u(found: Plane, node_w: Sequence[float], moved: int) -> float:
    """What this node's levels leave off the plane, so far as there are more than the plane has numbers."""
    gap_w = _LEVEL_GAP * (max(node_w) - min(node_w))
    levels, first_w = 0, -math.inf
    for power_w in sorted(node_w):
        if power_w - first_w > gap_w:
            levels, first_w = levels + 1, power_w
    free = max(0.0, min(levels, found.effective) - moved - 1)
    own = max(found.rms, _holding_95(found.residuals) / 2)
    return math.sqrt((_MISFIT_COUNTS * MISFIT_U**2 + free * own**2) / (_MISFIT_COUNTS + free))


def _holding_95(residuals: Sequence[float]) -> float:
    """What holds 95 % of the residuals, of whatever distribution they are, faults left out.

    So does conformal prediction (Lei et al., Distribution-Free Predictive Inference, JASA 2018).
    """
    sizes = sorted(map(abs, residuals))
    fault = _GROSS * max(_OWN, median(sizes) / MAD)
    own = [size for size in sizes if size <= fault]
    return own[math.ceil(0.95 * len(own)) - 1]


def _ends(loads_w: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(loads_w)
    cut = int(_ENDS * len(ordered))
    return max(0.0, ordered[cut]), max(0.0, ordered[-1 - cut])


def _vif(columns: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """The variance inflation factor of each load: the diagonal of the inverse of their correlations."""
    centred = []
    for column in columns:
        middle = math.fsum(column) / len(column)
        norm = math.sqrt(math.fsum((w - middle) ** 2 for w in column))
        centred.append([(w - middle) / norm if norm > 0 else 0.0 for w in column])
    size = len(centred)
    # The smallest ridge keeps loads that are exactly proportional from being no numbers at all.
    correlations = [
        [
            math.fsum(a * b for a, b in zip(centred[i], centred[j], strict=True)) * (i != j)
            + (i == j) * (1 + 1e-9)
            for j in range(size)
        ]
        for i in range(size)
    ]
    found = inverse(correlations)
    return tuple(found[i][i] for i in range(size))


def _notes(by: NodeMap, vif: Mapping[int, float]) -> list[str]:
    """What the loads did not tell, and which load would."""
    notes = []
    together = [k for k, term in enumerate(by.terms) if term.told == "together"]
    if together:
        parts = " and ".join(by.terms[k].part for k in together)
        loads = " or ".join(_ALONE.get(by.terms[k].part, f"{by.terms[k].part} alone") for k in together)
        most = _vif_words(max(vif[k] for k in together))
        notes.append(
            f"{parts} moved together (VIF {most}): what each adds is not told"
            f" apart, only what they add together; a load on {loads} would tell"
        )
    for term in by.terms:
        if term.told == "still":
            alone = _ALONE.get(term.part, f"{term.part} alone")
            notes.append(
                f"{term.part} hardly moved ({term.low_w:.4g} to {term.high_w:.4g} W): its slope,"
                f" {term.slope:.2f}, is by what other nodes show; a load on {alone} would tell"
            )
    return notes


def _vif_words(vif: float) -> str:
    """Beyond that it says nothing but that they are proportional."""
    return f"{vif:.0f}" if vif < 1000 else "over 1000"


def middle_loads_w(maps: Sequence[NodeMap]) -> list[float]:
    """Loads in the middle of what all ``maps`` saw."""
    return [
        median((term.low_w + term.high_w) / 2 for term in terms)
        for terms in zip(*(by.terms for by in maps), strict=True)
    ]
