"""Where a window's edge lies within a segment: how its energy is split, and by how much that may be off."""

from __future__ import annotations

from energyprof.report.segments.segment import Segment


def split_j(before: Segment | None, segment: Segment, following: Segment | None, share: float) -> float:
    """The energy in the first ``share`` of a counter's segment.

    A mean power between those of its two neighbours is what a step from the one to the other leaves within
    it, and the energy tells where the step was: exact for loads that switch. Else the power is taken as even.
    """
    if before is not None and following is not None and before.seen and following.seen:
        early_w, mean_w, late_w = before.end_w, segment.start_w, following.start_w
        joined = before.end_s == segment.start_s and segment.end_s == following.start_s
        if joined and min(early_w, late_w) < mean_w < max(early_w, late_w):
            step = (mean_w - late_w) / (early_w - late_w)
            span_s = segment.end_s - segment.start_s
            return span_s * (early_w * min(share, step) + late_w * max(0.0, share - step))
    return share * segment.joules


def split_u_j(before: Segment | None, segment: Segment, following: Segment | None, share: float) -> float:
    """What that may be off by (half-width): in the shorter part the power was anything from none to twice the
    mean, or that of either neighbour.
    """
    mean_w = segment.start_w
    beside_w = [near.start_w for near in (before, following) if near is not None and near.seen]
    off_w = max([mean_w, *(abs(power_w - mean_w) for power_w in beside_w)])
    return off_w * min(share, 1 - share) * (segment.end_s - segment.start_s)


def whole_u_j(piece: Segment, edge: float, most_w: float) -> float:
    """The same at an edge in or before a piece of a longer segment, in which the power was never seen.

    In the shorter part it was anything from none to the most that the meter read, as far as there is energy.
    """
    if piece.whole_s is None or not piece.seen:
        return 0.0
    start_s, end_s = piece.whole_s
    short_s = max(0.0, min(edge - start_s, end_s - edge))
    mean_j, whole_j = piece.start_w * short_s, piece.start_w * (end_s - start_s)
    return max(mean_j, min(most_w * short_s, whole_j) - mean_j)
