"""Whose words count, if several processes speak. Times in s from the run's zero.

Phases, counts of samples and scores are the program's. Of a kind of which the program itself says nothing,
what the others say counts: each is an actor with phases of its own, and samples are summed, as of clients
that train for a program that waits for them. Of several that say the same beside each other one counts, with
a flag.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import NamedTuple, TypeVar

from energyprof.report.flags import Flag, flag
from energyprof.report.phases import PART, PhaseStart, Step, counts
from energyprof.report.recounted import recounted
from energyprof.storable.frozen import dataclass
from energyprof.storable.values import MAX_INT

# A first count that is so many times what a stretch between two counts trains, and what the time until then
# could have trained at the speed that follows, was not trained here: the training was resumed. Where counts
# come at equal distances less will do: a program that begins there counts one distance first.
FAR, FAR_AT_EQUAL_STEPS = 10.0, 1.5

_Said = TypeVar("_Said", PhaseStart, Step)


class Score(NamedTuple):
    """An evaluation, and how many samples were trained in this run until then."""

    step: Step  # its samples as they were said: with those that a resumed training had before
    trained: int | None  # None: that is not known


@dataclass(frozen=True)
class Heard:
    """What counts of all that was said; the samples of phases and steps are those trained in this run."""

    phases: list[PhaseStart]
    progress: list[Step]
    scores: list[Score]
    flags: tuple[Flag, ...]


def programs(roles: Mapping[int, str]) -> frozenset[int]:
    """The processes that are the program; a trace without roles is of one process, or does not tell them."""
    return frozenset(process for process, role in roles.items() if role == "program") if roles else _FIRST


def heard(
    phases: Sequence[PhaseStart],
    progress: Sequence[Step],
    roles: Mapping[int, str],
    program_s: tuple[float, float],
) -> Heard:
    """What counts, of processes with these ``roles``, while the program ran from and until ``program_s``.

    Phases and steps are in the order of their times. Marks outside of the program's time are the profiler's.
    """
    program = programs(roles)

    def own(said: PhaseStart | Step) -> bool:
        ours = said.process in program or bool(said.actor)
        return ours or (isinstance(said, PhaseStart) and not _within(said, program_s) and said.process == 1)

    def others(said: PhaseStart | Step) -> bool:
        return not own(said) and roles.get(said.process) != "rank"

    marked = any(own(mark) and counts(mark.name) and _within(mark, program_s) for mark in phases)
    counted = any(map(own, progress)) or any(own(mark) and mark.samples is not None for mark in phases)
    scored = any(own(step) and step.score is not None for step in progress)
    marks = [
        mark if own(mark) else _as_actor(mark)
        for mark in phases
        if own(mark) or (not marked and others(mark))
    ]
    steps = [
        step if own(step) else _as_actor(step)
        for step in progress
        if own(step) or (not counted and others(step))
    ]
    starts = _starts(marks, steps, program_s[0]) if roles else {}  # logs of others count in their own way
    shift = {speaker: start.shift for speaker, start in starts.items()}
    trained = [_less(step, shift) for step in steps]
    scores = [
        Score(step, since.samples)
        for step, since in zip(steps, trained, strict=True)
        if step.score is not None
    ]
    if counted and not scored:  # an evaluator that the program started, or that runs beside it
        own_shift = next((shift[key] for key in shift if not key[1]), 0)
        scores += [
            Score(step, max(0, step.samples - own_shift))
            for step in progress
            if others(step) and step.score is not None and roles.get(step.process) == "child"
        ]
        scores.sort(key=lambda score: score.step.time_s)
    if marked and not counted:
        trained = _sum(trained)
    resumed = [start.resumed for start in starts.values() if start.resumed]
    flags = [flag("resumed", detail=f"{max(resumed):,} samples")] if resumed else []
    summed = set() if counted else {step.process for step in progress if others(step)}
    flags += _flags([*phases, *progress], roles, summed)
    told = Heard([_less(mark, shift) for mark in marks], trained, scores, tuple(flags))
    anew = {speaker.actor: start.anew for speaker, start in starts.items() if start.anew}
    return _uncounted(told, anew, {speaker.actor for speaker in starts}) if anew else told


def _uncounted(told: Heard, anew: Mapping[str, str], actors: Set[str]) -> Heard:
    """The same without the counts of actors that count ``anew``: how many they trained is not known."""
    # The whole is the program's count, or that of all actors: it is not known either.
    lost = actors if "" in anew or "" not in actors else anew.keys()
    return Heard(
        [mark._replace(samples=None) if mark.actor in lost else mark for mark in told.phases],
        [step for step in told.progress if step.actor not in lost],
        [score._replace(trained=None) if score.step.actor in lost else score for score in told.scores],
        (*told.flags, *(flag("recounted", detail=_where(actor, what)) for actor, what in anew.items())),
    )


def _where(actor: str, what: str) -> str:
    return f"{actor}: {what}" if actor else what


_FIRST = frozenset({1})


def _within(said: PhaseStart | Step, program_s: tuple[float, float]) -> bool:
    return program_s[0] < said.time_s < program_s[1]


def _as_actor(said: _Said) -> _Said:
    return said if said.actor else said._replace(actor=f"process {said.process}")


def _sum(steps: Sequence[Step]) -> list[Step]:
    """The steps of all as those of the program, whose phases they lie in."""
    last: dict[str, int] = {}
    total = 0
    summed: list[Step] = []
    for step in steps:
        before = last.get(step.actor, 0)
        last[step.actor] = max(step.samples, before)
        total += last[step.actor] - before
        summed.append(step._replace(samples=min(total, MAX_INT), actor=""))
    return summed


class _Speaker(NamedTuple):
    process: int
    actor: str


class _Start(NamedTuple):
    shift: int  # what its counts are above those trained in this run
    resumed: int | None  # samples trained before this run; None: it began anew
    anew: str  # where its counts begin anew within this run; "": they grow


def _starts(marks: Sequence[PhaseStart], steps: Sequence[Step], from_s: float) -> dict[_Speaker, _Start]:
    """Where each speaker's counts start. Programs that follow each other go on, or count anew."""
    marks_of: dict[_Speaker, list[PhaseStart]] = {}
    counts_of: dict[_Speaker, list[Step]] = {}
    for mark in marks:
        marks_of.setdefault(_Speaker(mark.process, mark.actor), []).append(mark)
        if mark.samples is not None and not mark.name.startswith(PART):
            step = Step(mark.time_s, mark.samples, None, mark.actor, mark.process)
            counts_of.setdefault(_Speaker(mark.process, mark.actor), []).append(step)
    for step in steps:
        counts_of.setdefault(_Speaker(step.process, step.actor), []).append(step)
    found: dict[_Speaker, _Start] = {}
    before: dict[str, tuple[int, int]] = {}  # by actor: the last count, and how many were trained here
    for speaker in sorted(counts_of):
        told = sorted(counts_of[speaker], key=lambda step: step.time_s)
        said = _start_said(marks_of.get(speaker, ()), from_s)
        reached, trained = before.get(speaker.actor, (0, 0))
        resumed: int | None = None
        if said is not None:
            start = resumed = said
        elif speaker.actor in before and told[0].samples >= reached > 0:
            start = reached
        else:
            start = resumed = _far(told, marks_of.get(speaker, ()), from_s)
        if speaker.actor in before and start == reached:
            resumed = None  # it goes on where the one before it in this run ended
        highest = max(step.samples for step in told)
        before[speaker.actor] = highest, trained + max(0, highest - start)
        anew = recounted(told, marks_of.get(speaker, ()))
        found[speaker] = _Start(start - trained, resumed or None, anew)
    return found


def _start_said(marks: Sequence[PhaseStart], from_s: float) -> int | None:
    """The samples that were said to be trained before there was any training; ``None``: that was not said."""
    for mark in marks:
        if mark.time_s > from_s and (mark.samples is not None or counts(mark.name)):
            return mark.samples
    return None


def _far(told: Sequence[Step], marks: Sequence[PhaseStart], from_s: float) -> int:
    """The count at which a training went on from a checkpoint; 0: nothing says that it did."""
    higher = [told[0]]
    for one in told:
        if one.samples > higher[-1].samples and len(higher) < 3:
            higher.append(one)
    first, last = higher[0], higher[-1]
    if len(higher) < 2 or last.time_s <= first.time_s:
        return 0
    step = higher[1].samples - first.samples
    step_s = step * (last.time_s - first.time_s) / (last.samples - first.samples)
    equal = len(higher) == 3 and last.samples - first.samples == 2 * step
    before_s = _training_s(marks, from_s, first.time_s)
    far = FAR_AT_EQUAL_STEPS if equal else FAR
    if first.samples <= far * max(step, step / step_s * before_s):
        return 0
    # Either the first count is where it starts, or it is told when a first stretch is trained, too.
    return first.samples - (step if before_s > step_s / 2 else 0)


def _training_s(marks: Sequence[PhaseStart], from_s: float, until_s: float) -> float:
    """How long was trained, not evaluated, until then."""
    own = [mark for mark in marks if from_s < mark.time_s <= until_s]
    if not any(counts(mark.name) for mark in own):
        return until_s - from_s
    edges = [mark.time_s for mark in own[1:]] + [until_s]
    return sum(
        end_s - mark.time_s
        for mark, end_s in zip(own, edges, strict=True)
        if counts(mark.name) and mark.name != "eval"
    )


def _less(said: _Said, shift: Mapping[_Speaker, int]) -> _Said:
    less = shift.get(_Speaker(said.process, said.actor), 0)
    if said.samples is None or not less or (isinstance(said, PhaseStart) and said.name.startswith(PART)):
        return said
    return said._replace(samples=min(max(0, said.samples - less), MAX_INT))


def _flags(said: Sequence[PhaseStart | Step], roles: Mapping[int, str], summed: Set[int]) -> Iterator[Flag]:
    if len(summed) > 1:
        yield flag("summed", detail=str(len(summed)))
    unnamed = {one.process for one in said if not one.actor}
    beside = {process for process, role in roles.items() if role == "beside" and process in unnamed}
    if beside - summed:
        yield flag("beside", detail=str(len(beside | {1})))
