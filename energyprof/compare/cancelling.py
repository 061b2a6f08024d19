"""What of the meters' own errors cancels in the ratio of two reports, and what is left.

One device reads with one gain: it is in both energies and cancels, as far as the device has the same share of
both. Its zero error is a power that is added to every reading: of a small power it is a larger share, so it
cancels between equal powers only and leaves u(ln ratio) = u(zero) · |1/P₁ - 1/P₂|. Of two devices nothing
cancels, whatever they are called.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from statistics import fmean

from energyprof.compare.change import Values
from energyprof.compare.machines import alike, own_number
from energyprof.report.record import MeterRecord, Report
from energyprof.report.uncertainty import SCALE, ZERO, above, below, combined, term_of
from energyprof.storable.frozen import dataclass
from energyprof.storable.once import kept, once, once_beside
from energyprof.units import watts

# Phases in which the program does not train, where none is named so.
_OUTSIDE = ("idle", "startup", "shutdown", "cooldown")
# An interval that reaches down to nothing has no logarithm there: this much is taken for it.
_MOST_BELOW = 0.999
# Less than this of a ratio is no reason to name.
_NAMED = 1e-5


@dataclass(frozen=True)
class Side:
    """One report, and the standard uncertainties of its figure's mean relative to that mean, by term."""

    report: Report
    terms: Mapping[str, float]

    # The first report's are asked for again beside each other one.
    @kept
    def scale_u(self) -> float:
        """Of the logarithm, by the end that lies further away; halves that differ are those of a factor."""
        scale = {term: u for term, u in self.terms.items() if term in SCALE}
        if not scale:
            return 0.0
        up, down = combined(above(scale)), combined(below(scale))
        return up if up == down else max(math.log1p(2 * up), -math.log1p(-min(2 * down, _MOST_BELOW))) / 2

    @kept
    def zero_share(self) -> float:
        """The zero error's part of the figure; from its power where the report does not split its terms."""
        known = math.hypot(*(self.terms.get(term, 0.0) for term in ZERO))
        if known or "meters" in self.terms:
            return known
        power_w = _power_w(self.report)
        return _all_offset_w(self.report) / power_w if power_w else 0.0

    @kept
    def systematic(self) -> Sequence[str]:
        """The terms that are the same in every run of a report and cancel nowhere."""
        return [name for name in self.terms if term_of(name).error == "systematic"]

    @kept
    def exact(self) -> bool:
        """Whether its meters are not known to be off at all: then there is nothing to cancel."""
        return not (self.scale_u or self.zero_share or self.systematic)


@dataclass(frozen=True)
class Left:
    """What the meters' errors leave in the logarithm of a ratio."""

    u: float = 0.0  # standard
    reasons: tuple[str, ...] = ()  # what is left and why, the largest first


@once_beside
def side_of(values: Values, report: Report) -> Side:
    """The report with the relative terms of the figure's mean."""
    mean = values.mean
    terms = {term: u / mean.value for term, u in mean.terms.items()} if mean.value > 0 else {}
    return Side(report, terms)


def left_in(new: Side, old: Side, allow: Collection[str] = ()) -> Left:
    """What is left in the ratio of two energies, or of what is proportional to them.

    With ``machine`` in ``allow``, machines that nothing tells apart are taken to be one.
    """
    if new.exact and old.exact:
        return Left()
    one = _one_machine(new.report, old.report, allow)
    common = _common(new.report, old.report)[one]
    parts = [_gain(new, old, common), _zero(new, old, common), *_systematic(new, old)]
    parts = sorted((part for part in parts if part[0] > 0), reverse=True)
    u = math.hypot(*(part for part, _ in parts))
    return Left(u, tuple(f"{why} (±{percent(2 * part)})" for part, why in parts if part > _NAMED))


def percent(fraction: float) -> str:
    """With two digits: ``5.5 %``."""
    return f"{100 * fraction:.2g} %"


@once
def counted(report: Report) -> Sequence[MeterRecord]:
    """The meters whose joules are in the total."""
    return [meter for meter in report.meters if meter.counted]


def _one_machine(one: Report, other: Report, allow: Collection[str]) -> bool:
    found = alike(one, other)
    if found.hardware == "other":
        return False  # whatever it is called
    return found.standing == "same" or (found.standing == "unknown" and "machine" in allow)


@once_beside
def _common(new: Report, old: Report) -> Mapping[bool, Mapping[str, str]]:
    """The meters of ``new`` that are the same device in ``old``, and what they are called there; under
    ``True`` if both are of one machine.
    """
    return {
        one_machine: _same_devices(counted(new), counted(old), one_machine) for one_machine in (False, True)
    }


def _same_devices(
    mine: Sequence[MeterRecord], theirs: Sequence[MeterRecord], one_machine: bool
) -> dict[str, str]:
    found = {}
    for meter in mine:
        for other in theirs:
            number, its = own_number(meter), own_number(other)
            same = number == its if number or its else one_machine and _described(meter) == _described(other)
            if same and meter.info.calibration == other.info.calibration:
                found[meter.name] = other.name
                break
    return found


def _described(meter: MeterRecord) -> tuple[str, str]:
    return meter.name, meter.info.device


def _gain(new: Side, old: Side, common: Mapping[str, str]) -> tuple[float, str]:
    """The gain's part. Meters of one make may all be off alike, and then add up."""
    whole = [new.scale_u, old.scale_u]
    if not any(whole):
        return 0.0, ""
    mine, theirs = counted(new.report), counted(old.report)
    foreign = [meter for meter in mine if meter.name not in common]
    shares = [_shares(new.report), _shares(old.report)]
    if not common or shares[0] is None or shares[1] is None or len(mine) == len(theirs) == 1:
        return (math.hypot(*whole), _devices(foreign, theirs)) if foreign or not common else (0.0, "")
    by_kind: dict[tuple[str, str], float] = {}
    for meter in mine:
        share = shares[0].get(meter.name, 0.0)
        if meter.name in common:
            place = (meter.info.kind, "common")
            gone = shares[1].get(common[meter.name], 0.0)
            by_kind[place] = by_kind.get(place, 0.0) + meter.info.gain_u * (share - gone)
        else:
            place = (meter.info.kind, "new")
            by_kind[place] = by_kind.get(place, 0.0) + meter.info.gain_u * share
    for meter in theirs:
        if meter.name not in common.values():
            place = (meter.info.kind, "old")
            share = shares[1].get(meter.name, 0.0)
            by_kind[place] = by_kind.get(place, 0.0) + meter.info.gain_u * share
    why = _devices(foreign, theirs) if foreign else "the meters' gain: their shares of the total differ"
    return math.hypot(*by_kind.values()), why


def _devices(foreign: Sequence[MeterRecord], theirs: Sequence[MeterRecord]) -> str:
    """Which meters are not one device, in words."""
    there = {meter.name: meter for meter in theirs}
    for meter in foreign:
        other = there.get(meter.name)
        if other is not None and own_number(meter) != own_number(other):
            return f"{meter.name} is another device, so both gains count"
    names = ", ".join(meter.name for meter in foreign) or "the meters"
    return f"{names}: not known to be one device, so both gains count"


def _zero(new: Side, old: Side, common: Mapping[str, str]) -> tuple[float, str]:
    """The zero error's part."""
    shares = [new.zero_share, old.zero_share]
    if not any(shares):
        return 0.0, ""
    offsets = [_all_offset_w(side.report) for side in (new, old)]
    mine, theirs = counted(new.report), counted(old.report)
    apart = [[m for m in mine if m.name not in common], [m for m in theirs if m.name not in common.values()]]
    if not apart[0] and not apart[1]:
        left = abs(shares[0] - shares[1])
    else:
        # Of the devices in both, what does not cancel; of the others, all of it.
        shared = _offset_w([meter for meter in mine if meter.name in common])
        own = [
            _part(share, _offset_w(those), w) for share, those, w in zip(shares, apart, offsets, strict=True)
        ]
        both = [_part(share, shared, w) for share, w in zip(shares, offsets, strict=True)]
        left = math.hypot(abs(both[0] - both[1]), *own)
    powers = [w / share if share else 0.0 for w, share in zip(offsets, shares, strict=True)]
    between = f" between {watts(powers[1])} and {watts(powers[0])}" if all(powers) else ""
    return left, f"the meters' zero error does not cancel{between}"


def _part(share: float, some_w: float, all_w: float) -> float:
    return share * some_w / all_w if all_w > 0 else share


def _offset_w(meters: Sequence[MeterRecord]) -> float:
    return math.hypot(*(meter.info.offset_u_w for meter in meters))


@once
def _all_offset_w(report: Report) -> float:
    return _offset_w(counted(report))


@once
def _power_w(report: Report) -> float | None:
    known = [run.energy_j / run.time_s for run in report.runs if run.energy_j and run.time_s]
    return fmean(known) if known else None


def _systematic(new: Side, old: Side) -> list[tuple[float, str]]:
    """What is the same in every run of a report and cancels nowhere."""
    return [
        (math.hypot(new.terms.get(name, 0.0), old.terms.get(name, 0.0)), term_of(name).meaning)
        for name in dict.fromkeys((*new.systematic, *old.systematic))
    ]


@once
def _shares(report: Report) -> Mapping[str, float] | None:
    """What each counted meter has of the energy while training; ``None``: the report does not say."""
    names = [meter.name for meter in counted(report)]
    if len(names) == 1:
        return {names[0]: 1.0}
    sums = dict.fromkeys(names, 0.0)
    for run in report.runs:
        training = [phase for phase in run.phases if phase.name == "train"]
        for phase in training or [phase for phase in run.phases if phase.name not in _OUTSIDE]:
            for name in names:
                sums[name] += phase.by_meter_j.get(name, 0.0)
    whole = math.fsum(sums.values())
    return {name: joules / whole for name, joules in sums.items()} if whole > 0 else None
