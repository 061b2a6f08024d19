"""Why a run, a report or a machine cannot be judged: each reason's code, its words, its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Literal

from energyprof.report.flags import Flag
from energyprof.storable.frozen import dataclass

# The codes are an interface: scripts and waivers name them. One that is no longer given stays.
Code = Literal[
    "failed",
    "interrupted",
    "diverged",
    "target_missed",
    "no_target",
    "has_target",
    "factors_unknown",
    "energy_not_measured",
    "energy_zero",
    "coverage_unknown",
    "coverage_low",
    "faster_than_bank",
    "faster_than_bank_together",
    "resumed",
    "recounted",
    "throttled",
    "limit_changed",
    "foreign",
    "wraps_unsure",
    "no_runs",
    "no_pairs",
    "figure_zero",
    "figure_incomplete",
    "machine_drifted",
    "machine_disturbed",
    "machine_changed",
    "control_missing",
]


@dataclass(frozen=True)
class CodeMeaning:
    """What a code stands for, and whether a waiver may overlook it: one that leaves no figure cannot be."""

    means: str
    waivable: bool = False


CODES: Mapping[Code, CodeMeaning] = MappingProxyType(
    {
        "failed": CodeMeaning("the training failed"),
        "interrupted": CodeMeaning("a signal ended the training"),
        "diverged": CodeMeaning("loss or score was not a number"),
        "target_missed": CodeMeaning("the training never reached its target"),
        "no_target": CodeMeaning("there is no target, so nothing is spent to reach it"),
        "has_target": CodeMeaning("there is a target, so the whole run is not a figure"),
        "factors_unknown": CodeMeaning("of an energy to target not all factors are known"),
        "energy_not_measured": CodeMeaning("there are no joules"),
        "energy_zero": CodeMeaning("0 J or less: the run was shorter than its meters can resolve"),
        "coverage_unknown": CodeMeaning("how much of the run the meters cover is not known"),
        "coverage_low": CodeMeaning("the meters cover less than 99 % of the run"),
        "faster_than_bank": CodeMeaning(
            "fewer samples to the target than the reference runs allow: the work has changed", waivable=True
        ),
        "faster_than_bank_together": CodeMeaning("the same of all runs together", waivable=True),
        "resumed": CodeMeaning("the training went on from a checkpoint", waivable=True),
        "recounted": CodeMeaning(
            "samples are counted anew in the run, so how many were trained is not known"
        ),
        "throttled": CodeMeaning("a device was throttled", waivable=True),
        "limit_changed": CodeMeaning("a power limit changed during the run", waivable=True),
        "foreign": CodeMeaning("other programs used the device or the processors", waivable=True),
        "wraps_unsure": CodeMeaning("a counter may have wrapped unnoticed", waivable=True),
        "no_runs": CodeMeaning("the report has no runs"),
        "no_pairs": CodeMeaning("the two sides of a series have no complete pair"),
        "figure_zero": CodeMeaning("the figure is 0 in a run, so there is no ratio"),
        "figure_incomplete": CodeMeaning("some of the runs lack the figure"),
        "machine_drifted": CodeMeaning("the machine's control was not what its earlier ones predict", True),
        "machine_disturbed": CodeMeaning("the machine's control was itself disturbed", waivable=True),
        "machine_changed": CodeMeaning("the machine was accepted as changed between the two", waivable=True),
        "control_missing": CodeMeaning("no control of the machine was made near the report", waivable=True),
    }
)

Number = float | int | str


@dataclass(frozen=True)
class Reason:
    """One reason, of whatever it is found in."""

    code: str  # of the table, or of a flag from a newer version
    words: str
    numbers: Mapping[str, Number] = field(default_factory=dict)

    def __str__(self) -> str:
        """For people."""
        return self.words


def reason(code: Code, words: str, **numbers: Number) -> Reason:
    """A reason of the table."""
    if code not in CODES:
        raise ValueError(f"{code!r} is not a reason's code: add it to CODES")
    return Reason(code, words, numbers)


def of_flag(found: Flag) -> Reason:
    """The reason that a flag is: its code is its kind's."""
    numbers = {"meter": found.meter, "detail": found.detail}
    return Reason(found.kind, found.reason, {name: words for name, words in numbers.items() if words})


@dataclass(frozen=True)
class Invalidity:
    """A reason and where it was found."""

    code: str
    report: str  # its label; of a pair of reports both
    run: str  # "run 2 (seed 7)"; "": of the report as a whole
    words: str
    numbers: Mapping[str, Number] = field(default_factory=dict)


def at(found: Reason, report: str, run: str = "") -> Invalidity:
    """The reason, found there."""
    return Invalidity(found.code, report, run, found.words, found.numbers)


def lines(found: Iterable[Invalidity]) -> tuple[str, ...]:
    """A line for each place, with all its reasons: ``new, run 2 (seed 7): throttled: nvml:0``."""
    places: dict[tuple[str, str], list[str]] = {}
    for one in found:
        places.setdefault((one.report, one.run), []).append(one.words)
    return tuple(
        f"{', '.join(filter(None, place))}: {'; '.join(dict.fromkeys(words))}"
        for place, words in places.items()
    )
