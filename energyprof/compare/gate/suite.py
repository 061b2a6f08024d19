"""Two folders of reports: which reports of one belong to which of the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Sequence
from itertools import combinations, groupby

from energyprof.compare.gate.evidence import Case
from energyprof.compare.gate.noise import Noise
from energyprof.compare.machines import alike, machine_id, machine_name
from energyprof.compare.mismatches import mismatches, same_script
from energyprof.errors import UsageError
from energyprof.report.record import Report
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class Named:
    """One report of a folder, under a name for people."""

    label: str
    report: Report
    noise: Noise | None = None


@dataclass(frozen=True)
class Suite:
    """What two folders have in common, and what only one of them has."""

    cases: tuple[Case, ...]  # the same work on the same machine in both
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()  # works with the same name and size that are not the same work: a line each


def suite(new: Sequence[Named], baseline: Sequence[Named]) -> Suite:
    """The reports of two folders matched by their work; their file names do not matter.

    Work and machine must be the same, but for the code of a script: a change to that is what is judged. What
    remains with the same name and size in both folders is changed work: reports with equal settings belong
    together (the code changed), then those of one machine, then any.

    Raises:
        UsageError: a folder has two reports of the same work on the same machine.
    """
    _refuse_duplicates(new)
    _refuse_duplicates(baseline)
    mine, theirs = sorted(new, key=_exact), sorted(baseline, key=_exact)
    same = _take(mine, theirs, _here(_equal(_work))) + _take(mine, theirs, _here(_other_code))
    names = _names([a for a, _ in same])
    cases = [
        Case(a.report, b.report, (a.label, b.label), b.noise, name)
        for (a, b), name in zip(same, names, strict=True)
    ]
    # On another machine it is still the same work; judging it says what differs.
    elsewhere = _take(mine, theirs, _equal(_work))
    cases += [Case(a.report, b.report, (a.label, b.label), None, _placed(a.report)) for a, b in elsewhere]
    changed = []
    for together in (_here(_equal(_settings)), _here(_equal(_name)), _equal(_name)):
        changed += _take(mine, theirs, together)
    return Suite(
        tuple(sorted(cases, key=lambda case: case.work)),
        tuple(sorted(_placed(n.report) for n in mine)),
        tuple(sorted(_placed(n.report) for n in theirs)),
        tuple(sorted(_difference(a, b) for a, b in changed)),
    )


Belong = Callable[[Named, Named], bool]


def _take(new: list[Named], baseline: list[Named], belong: Belong) -> list[tuple[Named, Named]]:
    """Pairs that ``belong`` together, in the order of the lists; they leave both."""
    pairs = []
    for a in list(new):
        b = next((b for b in baseline if belong(a, b)), None)
        if b is not None:
            pairs.append((a, b))
            new.remove(a)
            baseline.remove(b)
    return pairs


def _equal(key: Callable[[Named], Hashable]) -> Belong:
    return lambda a, b: key(a) == key(b)


def _here(belong: Belong) -> Belong:
    """And are of one machine."""
    return lambda a, b: belong(a, b) and alike(a.report, b.report).standing == "same"


def _other_code(a: Named, b: Named) -> bool:
    return same_script(a.report.workload, b.report.workload)


def _name(named: Named) -> tuple[str, ...]:
    return named.report.workload.name, named.report.workload.size or ""


def _settings(named: Named) -> tuple[str, ...]:
    config = json.dumps(named.report.workload.config, sort_keys=True, default=str)
    return (*_name(named), config)


def _work(named: Named) -> tuple[str, ...]:
    work = named.report.workload
    return (*_name(named), work.work, repr(work.target))


def _exact(named: Named) -> tuple[str, ...]:
    return (*_work(named), machine_id(named.report))


def _refuse_duplicates(reports: Sequence[Named]) -> None:
    for _, group in groupby(sorted(reports, key=lambda n: (_work(n), n.label)), key=_work):
        for a, b in combinations(group, 2):
            if alike(a.report, b.report).standing == "same":
                raise UsageError(
                    f"{a.label} and {b.label} are both of the same work on the same machine; "
                    "keep one in the folder, or judge one against all the others with --history"
                )


def _names(reports: Sequence[Named]) -> list[str]:
    """Name and size of each, and what tells namesakes apart: the machine, else the label."""
    names = []
    for named in reports:
        duplicates = [other for other in reports if _name(other) == _name(named)]
        if len(duplicates) == 1:
            names.append(_described(named.report))
        elif len({machine_id(duplicate.report) for duplicate in duplicates}) == len(duplicates):
            names.append(_placed(named.report))
        else:
            names.append(f"{_described(named.report)} ({named.label})")
    return names


def _described(report: Report) -> str:
    return " ".join(filter(None, (report.workload.name, report.workload.size)))


def _placed(report: Report) -> str:
    return f"{_described(report)} on {machine_name(report) or 'an unknown machine'}"


def _difference(a: Named, b: Named) -> str:
    lines = [o.message for o in mismatches((a.report, b.report), (a.label, b.label), ["work", "machine"])]
    return f"{_described(a.report)}: {'; '.join(lines)}"
