"""One result log of MLPerf Training: when the run started and stopped, what was trained, how well it went."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from energyprof.errors import FileError
from energyprof.report.importers.mllog import Mllog, MllogEvent, number, read_mllog
from energyprof.report.importers.mlperf_phases import RULES, Mark, Score, marks, scores, trained
from energyprof.report.importers.mlperf_samples import counter
from energyprof.storable.frozen import dataclass
from energyprof.units import seconds
from energyprof.workload import Target

# All ranks of a job have started within so long.
RANKS_S = 60.0

# Benchmark → direction and target of its closed division, the strictest first where it changed between rounds
# (the compliance checker of mlperf-logging 4.1.68, training_*/closed_*.yaml). A log does not name its round.
QUALITY: Mapping[str, tuple[Literal["max", "min"], tuple[float, ...]]] = {
    "bert": ("max", (0.72, 0.712, 0.706)),
    "deepseekv3_671b": ("min", (3.6,)),
    "dlrm": ("max", (0.8025,)),
    "dlrm_dcnv2": ("max", (0.80275,)),
    "flux1": ("min", (0.586,)),
    "gnmt": ("max", (0.24,)),
    "gnn": ("max", (0.72,)),
    "gpt3": ("min", (2.69,)),
    "gpt_oss_20b": ("min", (3.34,)),
    "llama2_70b_lora": ("min", (0.925,)),
    "llama31_405b": ("min", (5.6,)),
    "llama31_8b": ("min", (3.3,)),
    "minigo": ("max", (0.5,)),
    "resnet": ("max", (0.759,)),
    "retinanet": ("max", (0.34,)),
    "rgat": ("max", (0.72,)),
    "rnnt": ("min", (0.058,)),
    "ssd": ("max", (0.34, 0.23)),
    "stable_diffusion": ("min", (90.0,)),
    "transformer": ("max", (0.25,)),
    "unet3d": ("max", (0.908,)),
}

# Keys that say what is computed; how a machine splits it up (local batches, streams) is not among them.
_WORK = ("global_batch_size", "max_steps", "max_sequence_length", "num_warmup_steps", "start_warmup_step")
_WORK_BEGINS = ("opt_", "lars_", "lamb_", "sgd_", "lora_")


@dataclass(frozen=True)
class Result:
    """One run. Times in s since 1970 (UTC)."""

    path: Path
    start_s: float
    stop_s: float  # of run_stop, or of the last line without one
    ended: str  # run_stop's status: "success", "aborted", …; "": there is no run_stop
    benchmark: str
    seed: int | None
    config: Mapping[str, Any]
    marks: tuple[Mark, ...]
    scores: tuple[Score, ...]
    trained: int | None  # samples, when it stopped
    platform: str
    system: Mapping[str, Any]
    facts: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its file's: "result_0"."""
        return self.path.stem


def read_result(path: Path) -> Result:
    """The run in the file ``path``.

    Raises:
        FileError: it cannot be read, or no run starts in it.
    """
    log = read_mllog(path)
    log = log._replace(events=tuple(sorted(log.events, key=lambda event: event.time_s)))
    start = next((event for event in log.events if event.key == "run_start"), None)
    if start is None:
        power = any(event.key.startswith("power_") for event in log.events)
        hint = "it is a power log: give it with --power" if power else "the log of a run has one"
        raise FileError(f"{path}: it has no run_start; {hint}")
    stop = next((e for e in log.events if e.key == "run_stop" and e.time_s >= start.time_s), None)
    stop_s = stop.time_s if stop else log.events[-1].time_s
    inside = [event for event in log.events if start.time_s <= event.time_s <= stop_s]
    benchmark = str(_last(log.events, "submission_benchmark") or "unknown")
    count = counter(benchmark, log.events)
    phases, about = marks(inside, count, start.time_s, stop_s)
    found, more = scores(benchmark, log.events, start.time_s, stop_s, count)
    total = trained(log.events, start.time_s, stop_s, count)
    if total is None and count.doubt:
        more.append(f"its samples are not known: {count.doubt}")
    seed = number(_last(log.events, "seed"))
    init = next((event.time_s for event in log.events if event.key == "init_start"), None)
    facts = {
        "log": path.name,
        "run_stop": str(stop.metadata.get("status", "")) if stop else None,
        "init_s": None if init is None else round(start.time_s - init, 3),
        "organisation": _last(log.events, "submission_org"),
        "platform": _last(log.events, "submission_platform"),
    }
    return Result(
        path,
        start.time_s,
        stop_s,
        str(stop.metadata.get("status", "no status")) if stop else "",
        benchmark,
        None if seed is None else int(seed),
        _config(log.events),
        phases,
        found,
        total,
        str(_last(log.events, "submission_platform") or ""),
        log.system or _system_description(path),
        {name: fact for name, fact in facts.items() if fact is not None},
        tuple(f"{path.stem}: {note}" for note in (*_notes(log, start, stop, stop_s), *about, *more)),
    )


def target_of(benchmark: str, results: Sequence[Result]) -> Target | None:
    """The strictest target that every run met that says it succeeded; None: the benchmark's is not known."""
    known = QUALITY.get(benchmark)
    if known is None or not all(result.scores for result in results):
        return None
    direction, values = known
    lasts = [result.scores[-1].value for result in results if result.ended == "success"]
    metric = RULES[benchmark].shown.metric if benchmark in RULES else "eval_accuracy"
    targets = [Target(metric, value, direction) for value in values]
    return next((target for target in targets if all(map(target.reached, lasts))), targets[0])


def _config(events: Iterable[MllogEvent]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for event in events:
        plain = isinstance(event.value, (int, float, str))
        if plain and (event.key in _WORK or event.key.startswith(_WORK_BEGINS)):
            found[event.key] = event.value
    division = _last(events, "submission_division")
    return {**dict(sorted(found.items())), **({"division": division} if division else {})}


def _notes(log: Mllog, start: MllogEvent, stop: MllogEvent | None, stop_s: float) -> list[str]:
    notes = []
    if log.broken:
        notes.append(f"{log.broken} of its lines could not be read")
    if stop is None:
        notes.append("it has no run_stop: it ends with the last line of its log")
    elif stop_s <= start.time_s:
        notes.append("run_stop is at run_start: no time passed, so there is no energy")
    starts = [event.time_s for event in log.events if event.key == "run_start" and event.time_s <= stop_s]
    if starts and max(starts) - starts[0] > RANKS_S:
        notes.append(
            f"run_start comes again {seconds(max(starts) - starts[0])} later, as if begun anew: "
            "all since the first counts"
        )
    if sum(event.key == "run_start" and event.time_s > stop_s for event in log.events):
        notes.append("another run starts after run_stop: only the first is taken")
    return notes


def _system_description(path: Path) -> Mapping[str, Any]:
    """The submitter's description of the machine, where a submission has it; else empty.

    ``<submitter>/results/<system>/<benchmark>/result_0.txt`` → ``<submitter>/systems/<system>.json``
    """
    folders = path.resolve().parents
    if len(folders) < 4 or folders[2].name != "results":
        return {}
    try:
        data = json.loads((folders[3] / "systems" / f"{folders[1].name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _last(events: Iterable[MllogEvent], key: str) -> Any:
    return next((event.value for event in reversed(list(events)) if event.key == key), None)
