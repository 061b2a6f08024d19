"""The kinds of meters, the search for them on this machine, and the choice among those found."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from energyprof.errors import MissingPart, UsageError
from energyprof.meter import Boundary, Finding, MeterInfo, Part, Source

# Kind -> module, imported when it is searched for: it offers ``ROLE`` and ``find(root) -> Finding``.
KINDS: dict[str, str] = {
    "rapl": "energyprof.meters.rapl",
    "nvml": "energyprof.meters.nvml",
    "codecarbon": "energyprof.meters.codecarbon",
    "cpu-model": "energyprof.meters.cpu_model",
}

# From the part to the whole: what lies within a boundary lies within the next.
BOUNDARIES: tuple[Boundary, ...] = ("component", "module", "node_dc", "wall_ac")

# Parts that hold all the others.
WHOLES: tuple[Part, ...] = ("soc", "machine")


@dataclass(frozen=True)
class Selection:
    """The meters to open, and those of them whose joules are added up."""

    sources: tuple[Source, ...] = ()
    counted: tuple[str, ...] = ()  # names; the others are recorded beside them
    boundary: Boundary | None = None  # of the counted; None without any
    estimated: bool = False  # whether a counted one is a model
    notes: tuple[str, ...] = ()


def sysfs_root() -> Path:
    """Where ``/sys`` and ``/proc`` hang: ``ENERGYPROF_SYSFS_ROOT``, or ``/``."""
    return Path(os.environ.get("ENERGYPROF_SYSFS_ROOT") or "/")


def find(kind: str, root: Path) -> Finding:
    """What there is of one kind; a library that breaks makes a blocked meter, with its words."""
    module = importlib.import_module(KINDS[kind])
    try:
        return module.find(root)  # type: ignore[no-any-return]
    # Whatever a driver's library may raise: one kind must not stop the others.
    except Exception as error:  # noqa: BLE001
        reason = f"the search failed: {type(error).__name__}: {error}"
        return Finding(kind, module.ROLE, "blocked", reason=" ".join(reason.split()))


def find_all(root: Path) -> list[Finding]:
    """What there is of each kind, in the order of ``KINDS``."""
    return [find(kind, root) for kind in KINDS]


def select(findings: Sequence[Finding], asked: Sequence[str]) -> Selection:
    """The meters asked for, each joule counted once and within one boundary.

    ``asked`` holds kinds ("rapl"), meters ("nvml:0"), "auto" (every real meter, else the estimate)
    or "none". The total's boundary is the first counted meter's; "auto" puts the widest first.

    Raises:
        UsageError: a name that is neither kind nor meter, or "none" beside others.
        MissingPart: a meter that is not here, with its reason and remedy.
    """
    if "none" in asked:
        if len(asked) > 1:
            raise UsageError("none stands alone: ask for meters or for none")
        return Selection()
    sources: dict[str, Source] = {}
    notes: list[str] = []
    for name in asked or ["auto"]:
        found, remarks = _auto(findings) if name == "auto" else _named(findings, name)
        sources.update((source.info.name, source) for source in found)
        notes += [remark for remark in remarks if remark not in notes]
    counted, reasons = _count(findings, [source.info for source in sources.values()])
    return Selection(
        sources=tuple(sources.values()),
        counted=tuple(info.name for info in counted),
        boundary=counted[0].boundary if counted else None,
        estimated=any(info.estimated for info in counted),
        notes=(*notes, *reasons),
    )


def _auto(findings: Sequence[Finding]) -> tuple[list[Source], list[str]]:
    """Every real meter, the widest boundary first; without any the estimate; else only reasons."""
    notes = [_why(f) for f in findings if f.role == "real" and f.state != "found"]
    for role in ("real", "estimate"):
        chosen = [f for f in findings if f.role == role and f.state == "found"]
        sources = [source for finding in chosen for source in finding.sources]
        if sources:
            sources.sort(key=lambda s: BOUNDARIES.index(s.info.boundary), reverse=True)
            return sources, notes + _notes(chosen)
    return [], notes + [_why(f) for f in findings if f.role == "estimate"]


def _named(findings: Sequence[Finding], name: str) -> tuple[list[Source], list[str]]:
    """The meters of a kind, or the one of that name."""
    finding = next((f for f in findings if f.kind == name.partition(":")[0]), None)
    if finding is None:
        here = [f.kind for f in findings] + _names(findings)
        raise UsageError(f"no meter {name!r}: there are auto, none, {', '.join(dict.fromkeys(here))}")
    if finding.state != "found":
        raise MissingPart(f"{name} is not here: {_why(finding)}")
    sources = [s for s in finding.sources if name in (finding.kind, s.info.name)]
    if not sources:
        raise MissingPart(f"{name} is not here: there are {', '.join(_names([finding]))}")
    return sources, _notes([finding])


def _count(findings: Sequence[Finding], infos: Sequence[MeterInfo]) -> tuple[list[MeterInfo], list[str]]:
    """Which of the selected meters add up, and why each other one does not.

    Real meters come first, then cross-checks (only where no meter is real), then estimates (only of
    parts that nothing counted covers).
    """
    role = {finding.kind: finding.role for finding in findings}
    rank = {"real": 0, "cross-check": 1, "estimate": 2}
    ordered = sorted(infos, key=lambda info: rank[role[info.kind]])
    counted: list[MeterInfo] = []
    reasons = []
    for info in ordered:
        reason = ""
        if counted and info.boundary != counted[0].boundary:
            reason = f"its boundary is {info.boundary}, the total's {counted[0].boundary}"
        elif role[info.kind] == "cross-check" and any(role[c.kind] == "real" for c in counted):
            reason = "it is a cross-check"
        elif role[info.kind] == "estimate" and any(c.part in (info.part, *WHOLES) for c in counted):
            reason = f"the {info.part} is counted without it"
        if reason:
            reasons.append(f"{info.name} is recorded, not counted: {reason}")
        else:
            counted.append(info)
    chosen = {info.name for info in counted}
    return [info for info in infos if info.name in chosen], reasons


def _why(finding: Finding) -> str:
    """A finding's reason and remedy in one line."""
    text = f"{finding.kind} {finding.state}: {finding.reason}"
    return f"{text}; try: {finding.remedy}" if finding.remedy else text


def _notes(findings: Iterable[Finding]) -> list[str]:
    return [f"{finding.kind}: {note}" for finding in findings for note in finding.notes]


def _names(findings: Iterable[Finding]) -> list[str]:
    return [source.info.name for finding in findings for source in finding.sources]
