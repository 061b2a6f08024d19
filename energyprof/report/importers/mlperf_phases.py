"""What happened in an MLPerf run: training and evaluation, one after the other or beside each other, "
"and scores."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from energyprof.report.importers.mllog import MllogEvent
from energyprof.report.importers.mlperf_samples import Counter
from energyprof.storable.frozen import dataclass
from energyprof.units import seconds
from energyprof.workload import AWAY, Target

SCORES = ("eval_accuracy", "eval_error")

# Evaluations of which so much lies within training that went on were made beside it.
BESIDE = 0.5

# Whose phases evaluations beside the training are.
EVALUATOR = "evaluation"

# When a phase began, its name, the samples until then, and whose it is ("": the program's as a whole).
Mark = tuple[float, str, "int | None", str]
Span = tuple[float, float]


@dataclass(frozen=True)
class Score:
    """One evaluation."""

    time_s: float  # since 1970 (UTC): of what was evaluated, if that was done after the run
    samples: int
    value: float


@dataclass(frozen=True)
class Rule:
    """Of a benchmark that asks for two metrics: the one that is shown as the score, and the other."""

    shown: Target
    other: Target


# MLPerf's training_rules, closed division.
RULES = {"stable_diffusion": Rule(Target("FID", 90.0, "min"), Target("CLIP", 0.15, "max"))}


def marks(
    inside: Sequence[MllogEvent], counter: Counter, start_s: float, stop_s: float
) -> tuple[tuple[Mark, ...], list[str]]:
    """The phases of the run, evaluations and training, and what must be known of them.

    Where evaluations run beside training they are phases of an actor of their own, which overlap it. Nothing
    splits the machine's energy: all of it is the training's.
    """
    evaluations = _spans(inside, ("eval_start",), ("eval_stop",), stop_s)
    training = _spans(inside, ("epoch_start",), ("epoch_stop",), stop_s)
    training = training or _spans(inside, ("block_start",), ("block_stop",), stop_s)
    eval_s = sum(end - start for start, end in evaluations)
    beside_s = sum(_common(span, training) for span in evaluations)
    if beside_s > BESIDE * eval_s:
        said = (
            f"{seconds(eval_s)} of evaluation ran beside training, which covers "
            f"{seconds(_length(training))} of "
            f"{seconds(stop_s - start_s)}: no split of the two, all energy is the training's"
        )
        return ((start_s, "train", 0, ""), *_apart(evaluations)), [said]
    found: list[Mark] = []
    now = ""
    for event in inside:
        name = {"run_start": "train", "eval_start": "eval", "eval_stop": "train"}.get(event.key, now)
        if name != now and event.time_s < stop_s:
            found.append((event.time_s, name, 0 if not now else counter(event), ""))
            now = name
    return tuple(found), []


def _apart(evaluations: Sequence[Span]) -> Iterator[Mark]:
    """The evaluations as an actor's phases; between two of them it is away."""
    for i, (start_s, end_s) in enumerate(evaluations):
        yield start_s, "eval", None, EVALUATOR
        following_s = evaluations[i + 1][0] if i + 1 < len(evaluations) else math.inf
        if end_s < following_s:
            yield end_s, AWAY, None, EVALUATOR


def _spans(
    events: Iterable[MllogEvent], starts: Sequence[str], stops: Sequence[str], end_s: float
) -> list[Span]:
    """The stretches between such events, in order of time; one that is open ends with the run."""
    found: list[Span] = []
    since: float | None = None
    for event in events:
        if event.key in starts:
            if since is not None:
                found.append((since, event.time_s))
            since = event.time_s
        elif event.key in stops and since is not None:
            found.append((since, event.time_s))
            since = None
    if since is not None and since < end_s:
        found.append((since, end_s))
    return found


def _common(span: Span, others: Sequence[Span]) -> float:
    return sum(max(0.0, min(span[1], end) - max(span[0], start)) for start, end in others)


def _length(spans: Iterable[Span]) -> float:
    return sum(end - start for start, end in spans)


def scores(
    benchmark: str, events: Sequence[MllogEvent], start_s: float, stop_s: float, counter: Counter
) -> tuple[tuple[Score, ...], list[str]]:
    """The run's evaluations, and what is left out of them and why.

    Those that were made when it was over are of checkpoints, as old as their counts of samples say. They are
    the run's where it had none of its own.
    """
    own = [e for e in events if e.key in SCORES and start_s <= e.time_s <= stop_s]
    late = [e for e in events if e.key in SCORES and e.time_s > stop_s]
    reached = trained(events, start_s, stop_s, counter)
    offline = not own and bool(late)
    found: list[Score] = []
    lost = beyond = 0
    for group in _together(late if offline else own, counter, benchmark):
        score = _score(benchmark, group, counter)
        if score is None:
            lost += len(group)
        elif offline and reached is not None and score.samples > reached:
            beyond += 1
        elif offline:
            time_s = _when(events, score.samples, start_s, stop_s, counter)
            found.append(Score(time_s, score.samples, score.value))
        else:
            found.append(score)
    notes = []
    if offline and found:
        notes.append(
            f"{len(found)} checkpoints were evaluated after run_stop: each score stands at its checkpoint"
        )
    elif late:
        notes.append(f"{len(late)} evaluations after run_stop are left out")
    if beyond:
        notes.append(f"{beyond} checkpoints of later than run_stop are left out")
    if lost:
        why = f": {counter.doubt}" if counter.doubt else ": no single score, or no count of samples"
        notes.append(f"{lost} evaluations are left out{why}")
    # Ranks that log the same evaluation made one.
    by_count: dict[tuple[float, float], Score] = {}
    for score in sorted(found, key=lambda score: score.time_s):
        at = score.time_s if score.samples is None else score.samples
        by_count.setdefault((at, score.value), score)
    return tuple(by_count.values()), notes


def trained(events: Iterable[MllogEvent], start_s: float, stop_s: float, counter: Counter) -> int | None:
    """How many samples the run had trained when it stopped: by run_stop, or by the last event that tells."""
    found = None
    for event in events:
        if not start_s <= event.time_s <= stop_s:
            continue
        # A block's events both tell where it started.
        if (
            event.key in ("block_start", "eval_start", "eval_stop", *SCORES)
            and (n := counter(event)) is not None
        ):
            found = n if found is None else max(found, n)
        if event.key == "run_stop" and (n := counter(event)) is not None:
            return n
    return found


def _when(
    events: Iterable[MllogEvent], samples: int, start_s: float, stop_s: float, counter: Counter
) -> float:
    """When so many samples were trained: where the block begins that starts with them, or at the run's "
    "end."""
    for event in events:
        if event.key == "block_start" and counter(event) == samples:
            return min(max(event.time_s, start_s), stop_s)
    return stop_s


def _together(events: Iterable[MllogEvent], counter: Counter, benchmark: str) -> list[list[MllogEvent]]:
    """The metrics of one evaluation together, where a benchmark has several."""
    if benchmark not in RULES:
        return [[event] for event in events]
    by_count: dict[int | None, list[MllogEvent]] = {}
    for event in events:
        by_count.setdefault(counter(event), []).append(event)
    return list(by_count.values())


def _score(benchmark: str, group: Sequence[MllogEvent], counter: Counter) -> Score | None:
    """The evaluation's one number; ``None``: it has none, or misses one of the benchmark's other metrics."""
    samples = counter(group[0])
    if samples is None:
        return None
    rule = RULES.get(benchmark)
    if rule is None:
        value = group[0].number()
        return (
            None if value is None or "metric" in group[0].metadata else Score(group[0].time_s, samples, value)
        )
    values = {str(event.metadata.get("metric")): event.number() for event in group}
    shown, other = values.get(rule.shown.metric), values.get(rule.other.metric)
    # A score at its target says that the run reached it: it must not, where the other metric did not.
    if shown is None or (rule.shown.reached(shown) and not rule.other.reached(other)):
        return None
    return Score(group[0].time_s, samples, shown)
