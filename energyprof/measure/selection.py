"""Which of the meters that were found are opened, and which of those add up: every joule once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from energyprof.errors import MissingPart, UsageError
from energyprof.measure.meters import ADDRESSED, KINDS, kind_of, parts_of
from energyprof.meter import (
    BOUNDARIES,
    WHOLES,
    Boundary,
    Finding,
    MeterInfo,
    Origin,
    Probe,
    Source,
    joint_origin,
)
from energyprof.storable.frozen import dataclass

# Kinds whose meters of the whole machine each hold a part of what it draws.
ADD_UP = ("battery",)


@dataclass(frozen=True)
class Selection:
    """The meters to open, and those of them whose joules are added up."""

    sources: tuple[Source, ...] = ()
    counted: tuple[str, ...] = ()  # names; the others are recorded beside them
    boundary: Boundary | None = None  # of the counted; None without any
    origin: Origin = "measured"  # of the total
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()  # those of the notes that name power which is not in the total
    probes: tuple[Callable[[], Probe], ...] = ()


def select(findings: Sequence[Finding], asked: Sequence[str]) -> Selection:
    """The meters asked for, each joule counted once and within one boundary.

    ``asked`` holds kinds ("rapl"), meters ("nvml:0"), the words of an addressed kind, "auto" (every real
    meter, else the estimate) or "none". The total's boundary is the first counted meter's; "auto" puts the
    widest first. Words joined by "+" ("shelly=A+shelly=B") are wholes that each feed a part of the machine.

    Raises:
        UsageError: a name that is neither kind nor meter, "none" beside others, or wholes that nothing joins.
        MissingPart: a meter that is not here, with its reason and remedy.
    """
    if "none" in asked:
        if len(asked) > 1:
            raise UsageError("none cannot be combined: name meters or none")
        return Selection()
    sources: dict[str, Source] = {}
    notes: list[str] = []
    joined: list[set[str]] = []
    words_of: dict[str, str] = {}
    left_out: list[str] = []
    for words in asked or ["auto"]:
        names: set[str] = set()
        for name in parts_of(words):
            if name == "auto":
                found, remarks, without = _auto(findings)
                left_out += without if found else []
            else:
                found, remarks = _named(findings, name)
            sources.update((source.info.name, source) for source in found)
            names |= {source.info.name for source in found}
            notes += [remark for remark in remarks if remark not in notes]
        # What one address offers was told apart there; what a kind finds by itself was not.
        if len(parts_of(words)) > 1 or kind_of(words) in (*ADDRESSED, *ADD_UP):
            joined.append(names)
            if len(parts_of(words)) == 1:
                words_of.update(dict.fromkeys(names, words))
    counted, reasons = _count(findings, list(sources.values()))
    kinds = {source.info.kind for source in sources.values()}
    measured = [info for info in counted if info.origin == "measured"]
    whole = any(info.part == "machine" for info in measured)
    return Selection(
        sources=tuple(sources.values()),
        counted=tuple(info.name for info in counted),
        boundary=counted[0].boundary if counted else None,
        origin=joint_origin(info.origin for info in counted),
        notes=(*notes, *reasons, *_wholes(counted, joined, words_of)),
        left_out=tuple(dict.fromkeys(left_out)) if measured and not whole else (),
        probes=tuple(probe for finding in findings if finding.kind in kinds for probe in finding.probes),
    )


def _auto(findings: Sequence[Finding]) -> tuple[list[Source], list[str], list[str]]:
    """Every real meter, the widest boundary first; without any the estimate; else only reasons.

    What a machine does not have needs no word where something else was found; what is blocked does. The
    third are those of the remarks that name meters without a reading among those that have one.
    """
    searched = [finding for finding in findings if not finding.asked]
    missing = [f for f in searched if f.role == "real" and f.state != "found"]
    if any(f.role == "real" and f.state == "found" for f in searched):
        missing = [f for f in missing if f.state == "blocked"]
    notes = [why(f) for f in missing]
    for role in ("real", "estimate"):
        chosen = [f for f in searched if f.role == role and f.state == "found"]
        sources = [source for finding in chosen for source in finding.sources]
        if sources:
            sources.sort(key=lambda s: BOUNDARIES.index(s.info.boundary), reverse=True)
            return sources, notes + _notes(chosen), [not_whole(f) for f in chosen if f.missing]
    return [], notes + [why(f) for f in searched if f.role == "estimate"], []


def _named(findings: Sequence[Finding], name: str) -> tuple[list[Source], list[str]]:
    """The meters of a kind, or the one of that name, or those at an address."""
    kind = kind_of(name)
    finding = next((f for f in findings if f.kind == kind and f.asked in ("", name)), None)
    if finding is None:
        here = ", ".join([*KINDS, *(f"{addressed}=…" for addressed in ADDRESSED)])
        raise UsageError(f"no meter {name!r}: choose from auto, none, {here}")
    if finding.state != "found":
        raise MissingPart(f"{name} is not here: {why(finding)}")
    if name == finding.kind and finding.missing:
        raise MissingPart(
            f"{not_whole(finding)}; or name those to measure:"
            f" --meters {','.join(s.info.name for s in finding.sources if not s.info.checks)}"
        )
    sources = [s for s in finding.sources if name in (finding.kind, s.info.name) or finding.asked]
    if not sources:
        raise MissingPart(f"{name} is not here: available are {', '.join(_names([finding]))}")
    return sources, _notes([finding])


def _count(findings: Sequence[Finding], sources: Sequence[Source]) -> tuple[list[MeterInfo], list[str]]:
    """Which of the selected meters add up, and why each other one does not.

    Real meters come first, then cross-checks and then estimates, both only of parts that nothing counted
    covers.
    """
    role = {finding.kind: finding.role for finding in findings}
    rank = {"real": 0, "cross-check": 1, "estimate": 2}
    infos = [source.info for source in sources]
    counted: list[Source] = []
    beside: dict[str, list[str]] = {}  # reason -> names
    for source in sorted(sources, key=lambda s: (rank[role[s.info.kind]], _is_addressed_part(s.info))):
        info, reason = source.info, ""
        if info.checks in {other.name for other in infos}:
            reason = "read to check the meter of the same joules"
        elif counted and info.boundary != counted[0].info.boundary:
            reason = f"of the boundary {info.boundary}, while the total is of {counted[0].info.boundary}"
        elif role[info.kind] != "real" and any(_covers(c, source) for c in counted):
            what = "a cross-check" if role[info.kind] == "cross-check" else "an estimate"
            reason = f"{what}, and the {info.part} is counted without it"
        elif _is_addressed_part(info) and any(
            _covers(c, source) for c in counted if c.info.kind != info.kind
        ):
            reason = f"another view of the {info.part}, which is counted without it"
        if reason:
            beside.setdefault(reason, []).append(info.name)
        else:
            counted.append(source)
    chosen = {source.info.name for source in counted}
    notes = [f"{listing(names)} recorded, not counted: {reason}" for reason, names in beside.items()]
    return [info for info in infos if info.name in chosen], notes


def _is_addressed_part(info: MeterInfo) -> bool:
    """Whether it is of a part of the machine, by the user's word alone."""
    return info.kind in ADDRESSED and info.boundary in ("component", "module")


def _covers(of: Source, source: Source) -> bool:
    """Whether the counted ``of`` already holds the joules of ``source``, a cross-check or an estimate.

    Meters of one kind do not overlap, its module saw to that, but for a whole beside its parts; nor do cards
    in different places.
    """
    counted, info = of.info, source.info
    if counted.part == info.part == "gpu" and counted.kind != info.kind and source.address:
        return of.address == source.address
    if counted.kind == info.kind:
        return (counted.part in WHOLES) != (info.part in WHOLES)
    return counted.part == info.part or counted.part in WHOLES or info.part in WHOLES


def _wholes(
    counted: Sequence[MeterInfo], joined: Sequence[set[str]], words_of: Mapping[str, str]
) -> list[str]:
    """What to know of several meters of a whole machine, or of one part by the user's word, that are added.

    ``words_of`` has the words that asked for a meter where these are not its name.

    Raises:
        UsageError: nothing joins them: each of them may hold the joules of all the others.
    """
    of: dict[str, list[str]] = {}
    for info in counted:
        if info.part == "machine" or _is_addressed_part(info):
            of.setdefault(info.part, []).append(info.name)
    notes = []
    for part, names in of.items():
        if len(names) < 2:
            continue
        what = "a whole machine" if part == "machine" else f"a {part}"
        if not any(names_joined.issuperset(names) for names_joined in joined):
            words = dict.fromkeys(words_of.get(name, name) for name in names)
            raise UsageError(
                f"{listing(names)} each measure {what}: name one of them, or, if each feeds another part"
                f" of this one, join them: --meters '{'+'.join(words)}'"
            )
        notes.append(f"{' and '.join(names)} are added up: correct only if each feeds a different part of it")
    return notes


def listing(names: Sequence[str]) -> str:
    """The names with commas; of many the first and the last."""
    return ", ".join(names) if len(names) <= 3 else f"{names[0]} … {names[-1]} ({len(names)})"


def why(finding: Finding) -> str:
    """A finding's reason and remedy in one line."""
    text = f"{finding.asked or finding.kind} {finding.state}: {finding.reason}"
    return f"{text}; try: {finding.remedy}" if finding.remedy else text


def not_whole(finding: Finding) -> str:
    """Which of a kind's meters give no reading, and the remedy, in one line."""
    text = f"{finding.kind} is not whole: {'; '.join(finding.missing)}"
    return f"{text}; try: {finding.remedy}" if finding.remedy else text


def _notes(findings: Iterable[Finding]) -> list[str]:
    """What there is to know of each, its meters that give no reading in one line."""
    lines: list[str] = []
    for finding in findings:
        lines += [not_whole(finding)] if finding.missing else []
        lines += [f"{finding.kind}: {note}" for note in finding.notes if note not in finding.missing]
    return lines


def _names(findings: Iterable[Finding]) -> list[str]:
    return [source.info.name for finding in findings for source in finding.sources]
