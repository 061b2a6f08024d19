"""What is odd about a run, a phase or a meter: each flag's kind, what it says and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from energyprof.storable.frozen import dataclass

# The codes are part of the schema: a kind that is no longer made stays, for files that have it.
Kind = Literal[
    "interrupted",
    "warned",
    "unfinished",
    "hung",
    "unmarked",
    "said",
    "exit_after_target",
    "wire_garbage",
    "resumed",
    "recounted",
    "summed",
    "beside",
    "left",
    "hanging",
    "short",
    "gap",
    "lost",
    "no_reading",
    "not_measured",
    "failed_read",
    "rejected_reading",
    "negative_total",
    "zero_total",
    "implausible_total",
    "reset",
    "stalled",
    "throttled",
    "limit_changed",
    "foreign",
    "not_idle",
    "idle_drift",
    "idle_short",
    "disagrees",
    "wraps_unsure",
    "extrapolated",
    "below_parts",
    "clock_step",
    "suspended",
    "not_added",
    "node_missing",
    "clocks_apart",
    "client_lost",
]

# invalid: the run cannot be judged · doubt: decides nothing, but a reader of the verdict should know ·
# note: shown with the report only
Effect = Literal["invalid", "doubt", "note"]


@dataclass(frozen=True)
class Meaning:
    """What a kind of flag says to people, and its consequence."""

    # {meter}: its name · {how}: the detail in brackets, with a space before it · {detail}: the detail alone
    words: str
    effect: Effect = "note"
    spares: tuple[str, ...] = ()  # figures that an invalid run still has
    reason: str = ""  # for a verdict's line, where the words would be too long


# What happens to a device changes a run's joules, watts and seconds, but not how many samples it needs.
_SPARED = ("samples_to_target",)

# A training that went on from a checkpoint is part of one: what it takes to the target tells nothing.
_PER_SAMPLE = ("energy_per_sample", "energy_per_epoch", "cpu_time_per_sample", "power")

# What is told of a training without its samples.
_WITHOUT_SAMPLES = (
    "energy_to_target",
    "time_to_target",
    "energy_delay_product",
    "energy",
    "time",
    "cpu_time",
    "energy_per_inference",
    "time_per_inference",
    "cpu_time_per_inference",
    "energy_per_batched_inference",
    "time_per_batched_inference",
    "cpu_time_per_batched_inference",
    "wall_energy",
    "node_energy",
    "power",
    "score",
    "emissions",
    "total_energy",
    "total_cpu_time",
)

MEANINGS: Mapping[str, Meaning] = {
    "interrupted": Meaning("stopped by {detail}"),
    "warned": Meaning("was sent {detail}, which was passed on"),
    "unfinished": Meaning("cut off before its end"),
    "hung": Meaning("did not exit after it had reported its end, and was stopped"),
    "unmarked": Meaning(
        "marked no phases: its energy is the whole program's, with start-up (see energyprof.mark)"
    ),
    "said": Meaning("the training reported: {detail}"),
    "exit_after_target": Meaning("exited with code {detail} after it had reached its target"),
    "wire_garbage": Meaning("{detail} lines from the program were not events"),
    "resumed": Meaning(
        "the training went on from a checkpoint at {detail}, which are not counted",
        "invalid",
        _PER_SAMPLE,
        "the training was resumed",
    ),
    "recounted": Meaning(
        "its count of samples does not grow with the training ({detail}), so how many were trained is not "
        "known: tell energyprof.progress all that were trained since the start, not an epoch's",
        "invalid",
        _WITHOUT_SAMPLES,
        "its samples are counted anew in the run",
    ),
    "summed": Meaning("its samples are the sum of what {detail} processes counted, each for itself", "doubt"),
    "beside": Meaning(
        "{detail} processes spoke beside each other, and nothing says which are ranks of one training: only "
        "the first one's phases and samples count (see energyprof.mark's actor)",
        "doubt",
    ),
    "left": Meaning("work went on after the program's end, unmeasured: {detail}", "doubt"),
    "hanging": Meaning("{meter}{how} hung: a read never returned"),
    "short": Meaning("too short for {meter}{how} to tell much: repeat it or train longer"),
    "gap": Meaning("{meter}{how} was not read for a while"),
    "lost": Meaning("{meter}{how} stopped giving readings before the end"),
    "no_reading": Meaning("{meter}{how} gave no reading"),
    "not_measured": Meaning("no meter was read"),
    "failed_read": Meaning("some reads of {meter}{how} failed"),
    "rejected_reading": Meaning("some readings of {meter}{how} were implausible and left out"),
    "negative_total": Meaning("{meter} has {detail}: its counter wrapped or was reset"),
    "zero_total": Meaning("{meter} has {detail}: too short a time for it, or it was not read"),
    "implausible_total": Meaning("{meter} has {detail}: that is not believed"),
    "reset": Meaning("{meter}{how} restarted from zero; the gap was bridged with its last power", "doubt"),
    "stalled": Meaning("{meter}{how} stood still for over a second"),
    "throttled": Meaning("{meter}{how} was throttled", "invalid", _SPARED, "throttled"),
    "limit_changed": Meaning(
        "the power limit of {meter}{how} changed during the run",
        "invalid",
        _SPARED,
        "the power limit changed",
    ),
    "foreign": Meaning(
        "other processes used {meter}{how} as well",
        "invalid",
        _SPARED,
        "foreign load, other processes used the device",
    ),
    "not_idle": Meaning("the machine was not idle {detail}: that idle power does not count", "doubt"),
    "idle_drift": Meaning("the idle power drifted: {detail}", "doubt"),
    "idle_short": Meaning("idle for too short a time to tell its power ({detail} seen)"),
    "disagrees": Meaning("{meter} {detail}", "doubt"),
    "extrapolated": Meaning(
        "{meter}{how} was used outside of what its calibration saw: its ± is wider", "doubt"
    ),
    "below_parts": Meaning("{meter} {detail}: impossible, so its joules are not the total", "doubt"),
    "wraps_unsure": Meaning(
        "{meter}{how} may have wrapped more than once between two reads",
        "invalid",
        _SPARED,
        "a counter may have wrapped unnoticed",
    ),
    "clock_step": Meaning("the wall clock was set {detail}; logs are joined across it"),
    "suspended": Meaning(
        "the machine slept, so that its wall clock leapt by {detail}: what it used asleep is in no energy",
        "doubt",
    ),
    "not_added": Meaning("the nodes' joules are not added: {detail}"),
    "node_missing": Meaning("has nothing of {detail}", "doubt"),
    "clocks_apart": Meaning("the nodes' clocks: {detail}", "doubt"),
    "client_lost": Meaning("away, or without an answer: {detail}", "doubt"),
}


@dataclass(frozen=True)
class Flag:
    """One unusual thing; made with ``flag``, except in files, which may hold kinds from later versions."""

    kind: str
    meter: str = ""  # or the device; "": it is about none
    detail: str = ""  # words and numbers for people

    def __str__(self) -> str:
        """Its short form: ``kind:meter (detail)``."""
        return ":".join(filter(None, [self.kind, self.subject]))

    @property
    def subject(self) -> str:
        """What it is about: ``meter (detail)``, or whichever of the two it has."""
        return f"{self.meter} ({self.detail})" if self.meter and self.detail else self.meter or self.detail

    @property
    def words(self) -> str:
        """The flag in words; a kind from a newer version as it is written."""
        meaning = MEANINGS.get(self.kind)
        if meaning is None:
            return str(self)
        how = f" ({self.detail})" if self.detail else ""
        return meaning.words.format(meter=_called(self.meter), how=how, detail=self.detail)

    @property
    def effect(self) -> Effect:
        """Its consequence; none for a kind from a newer version."""
        meaning = MEANINGS.get(self.kind)
        return "note" if meaning is None else meaning.effect

    def invalidates(self, figure: str) -> bool:
        """Whether a run with it cannot be judged by this figure."""
        return self.effect == "invalid" and figure not in MEANINGS[self.kind].spares

    @property
    def reason(self) -> str:
        """The flag as a verdict's line says it."""
        meaning = MEANINGS.get(self.kind)
        if meaning is None or not meaning.reason:
            return self.words
        return ": ".join(filter(None, [meaning.reason, self.subject]))


def flag(kind: Kind, meter: str = "", detail: str = "") -> Flag:
    """A flag of a kind in the table.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in MEANINGS:
        raise ValueError(f"{kind!r} is not a kind of flag: add it to MEANINGS")
    return Flag(kind, meter, detail)


def _called(meter: str) -> str:
    """What a flag is about, in words: of a joined report ``node-1/the CPUs`` are the CPUs of node-1."""
    node, slash, own = meter.partition("/")
    return f"{own} of {node}" if slash and own.startswith("the ") else meter or "the meter"


def about_a_meter(kind: str) -> bool:
    """Whether flags of this kind name a meter or a device."""
    return kind in MEANINGS and "{meter}" in MEANINGS[kind].words
