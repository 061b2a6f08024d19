"""MLPerf Training results and their power logs, a run for each result log.

A submission keeps the power logs of ``result_0.txt`` in ``power/result_0/``: ``node_0.txt``, ``sw_0.txt``, …
The energy is that of all nodes and switches from run_start to run_stop, whatever idle time pads their logs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from energyprof.errors import UsageError
from energyprof.meter import Boundary, MeterInfo
from energyprof.report.importers.imported import (
    Imported,
    Request,
    event,
    header,
    holds,
    meter_name,
    reading,
)
from energyprof.report.importers.mllog import MARK
from energyprof.report.importers.mlperf_phases import RULES
from energyprof.report.importers.mlperf_result import Result, read_result, target_of
from energyprof.report.importers.mlperf_samples import COUNTED_AS_EPOCHS
from energyprof.report.importers.power_fit import about, listed, misfits, within
from energyprof.report.importers.power_log import JOINED, PowerLog, read_power_logs
from energyprof.report.record import MeterRecord, meter_record
from energyprof.trace.gains import CPU_MODEL
from energyprof.trace.rows import Row
from energyprof.units import utc
from energyprof.workload import Target

# MLPerf's rules want a meter that is right within 5 % at a reading a second.
GAIN_A = 0.05
GAIN_SOURCE = "MLPerf Training's power measurement rules: 5 % at 1 Hz"
# An interconnect's estimate is the most that it may draw: it draws anything below.
ESTIMATE_A = 1.0
ESTIMATE_SOURCE = "the maximum of the specification, which MLPerf's rules take"
# A rack of 72 GPUs as one node (130 kW), with room.
MAX_POWER_W = 200_000.0

# A launcher and NCCL may have said as much before the first line of the logger.
LOOKED_THROUGH_BYTES = 256 << 20

SUFFIXES = (".txt", ".log", ".csv")


def recognises(path: Path) -> bool:
    """Whether MLPerf's logger wrote into it."""
    return holds(path, MARK, LOOKED_THROUGH_BYTES)


def read(request: Request) -> Imported:
    """The runs, and the power of the machines that trained. Raises as `Importer`."""
    results = [read_result(path) for path in request.files]
    results = [result for result in results if request.only in ("", result.benchmark)]
    benchmark = _one_work(results, request.only)
    logs = [_logs_of(result, results, request) for result in results]
    names = {name for own in logs for name in own}
    if strange := set(request.boundaries) - names:
        raise UsageError(
            f"--meter {min(strange)}=…: there is no power log of that name: there are "
            f"{', '.join(sorted(names)) or 'none'}"
        )
    unknown = set(request.offsets_h) - {"", *names}
    if unknown:
        raise UsageError(f"--offset {min(unknown)}=…: there is no power log of that name")
    missing = _missing(results, logs)
    notes = [note for result in results for note in result.notes]
    notes += [f"{name}: a node of the machine without a power log" for name in missing]
    bare = [result.name for result, own in zip(results, logs, strict=True) if not own]
    notes += [f"{listed(bare)}: no power log; give it with --power"] if bare else []
    notes += about(log for own in logs for log in own.values())
    notes += misfits((result, own.values()) for result, own in zip(results, logs, strict=True))
    meters, boundary, aside = _meters(results, logs, missing)
    target = target_of(benchmark, results)
    notes += [*aside, *_about_target(benchmark, target, results)]
    report = header(
        "mlperf",
        benchmark,
        results[0].config,
        machine=_machine(results[0]),
        boundary=boundary,
        meters=meters,
        notes=notes,
        target=target,
    )
    rows = tuple(tuple(_rows(result, own)) for result, own in zip(results, logs, strict=True))
    return Imported(report, rows)


def _one_work(results: Sequence[Result], only: str) -> str:
    """The benchmark of all of them. Raises UsageError: there are several, or several settings of one."""
    if not results:
        raise UsageError(f"--only {only}: none of the files is from that benchmark")
    benchmarks = dict.fromkeys(result.benchmark for result in results)
    if len(benchmarks) > 1:
        raise UsageError(f"one report, one work: these are {', '.join(benchmarks)}; --only NAME takes one")
    first = results[0]
    for other in results[1:]:
        for key in dict.fromkeys([*first.config, *other.config]):
            mine, its = first.config.get(key, "absent"), other.config.get(key, "absent")
            if mine != its:
                raise UsageError(
                    f"not one work: {key} is {mine} in {first.path.name}, {its} in {other.path.name}"
                )
    return first.benchmark


def _logs_of(result: Result, results: Sequence[Result], request: Request) -> dict[str, PowerLog]:
    """The power logs of one run, by the names of their meters."""
    usual = result.path.parent / "power" / result.name
    given = request.logs or ((usual,) if usual.is_dir() else ())
    wanted = dataclasses.replace(
        JOINED, by=request.wanted.by, unit=request.wanted.unit, zone=request.wanted.zone or JOINED.zone
    )
    others = {other.name for other in results} - {result.name}
    logs: dict[str, PowerLog] = {}
    for path in (file for place in given for file in _files(place)):
        # A folder that is named after a run holds the logs of that run alone.
        if path.parent.name in others:
            continue
        offset_h = request.offsets_h.get(path.stem, request.offsets_h.get("", 0.0))
        for log in read_power_logs(path, offset_h, wanted):
            name = meter_name(log.name)
            name = name if name not in logs else meter_name(f"{path.parent.name}/{log.name}")
            boundary = request.boundary_of(name, log.boundary)
            # Who says what a log sees needs no word on what it does not say.
            said = boundary != log.boundary or name in request.boundaries or request.boundary is not None
            notes = tuple(note for note in log.notes if not (said and "taken as" in note))
            logs[name] = dataclasses.replace(log, name=name, boundary=boundary, notes=notes)
    return logs


def _files(place: Path) -> list[Path]:
    if not place.is_dir():
        return [place]
    return sorted(path for path in place.rglob("*") if path.suffix in SUFFIXES and path.is_file())


def _missing(results: Sequence[Result], logs: Sequence[Mapping[str, PowerLog]]) -> list[str]:
    """Names for the nodes that no run has a log of; those that some run has are missed where they lack."""
    known = {name for own in logs for name in own if not name.startswith("sw")}
    try:
        nodes = int(str(results[0].system.get("number_of_nodes", 0)))
    except ValueError:
        return []
    free = (name for name in (f"node_{i}" for i in range(nodes + len(known))) if name not in known)
    return [next(free) for _ in range(nodes - len(known))] if known else []


def _meters(
    results: Sequence[Result], logs: Sequence[Mapping[str, PowerLog]], missing: Iterable[str]
) -> tuple[list[MeterRecord], Boundary | None, list[str]]:
    """A meter for each name over all runs, what their sum sees, and which of them are not in it."""
    by_name: dict[str, list[PowerLog]] = {}
    for own in logs:
        for name, log in own.items():
            by_name.setdefault(name, []).append(log)
    real = [found[0].boundary for found in by_name.values() if found[0].constant_w is None]
    boundary = real[0] if real else None
    longest_s = max(1.0, *(result.stop_s - result.start_s for result in results))
    meters, aside = [], []
    for name, found in by_name.items():
        estimate = found[0].constant_w is not None
        info = _info(name, found, longest_s, results[0])
        counted = not estimate and info.boundary == boundary
        meters.append(meter_record(info, 0.0, counted=counted))
        if not counted and not estimate:
            aside.append(f"{name}: {info.boundary}, the total is {boundary}: it stands beside it")
    if real:
        first = next(meter.info for meter in meters if meter.counted)
        lost = [dataclasses.replace(first, name=name, device="", method="no log") for name in missing]
        meters += [meter_record(info, 0.0, counted=True) for info in lost]
    return meters, boundary, aside


def _info(name: str, logs: Sequence[PowerLog], longest_s: float, result: Result) -> MeterInfo:
    log = logs[0]
    estimate = log.constant_w is not None
    period_s = longest_s if estimate else max(log.period_s for log in logs)
    if estimate:
        gain: dict[str, Any] = {"gain_a": ESTIMATE_A, "gain_source": ESTIMATE_SOURCE}
    elif log.origin == "measured":
        gain = {"gain_a": GAIN_A, "gain_source": GAIN_SOURCE}
    else:
        gain = CPU_MODEL.info()
    return MeterInfo(
        name=name,
        kind="mlperf",
        part=log.part,
        boundary=log.boundary,
        reads=log.reads,
        method=log.seen,
        resolution=max(log.resolution for log in logs),
        refresh_s=period_s,
        may_stand_still=estimate,
        **gain,
        max_power_w=MAX_POWER_W,
        device=f"{name} of {result.platform or 'an unknown platform'}",
        min_interval_s=period_s,
        origin="modelled" if estimate else log.origin,
        external=True,
    )


def _about_target(benchmark: str, target: Target | None, results: Sequence[Result]) -> list[str]:
    notes = []
    if target is None:
        notes.append(f"the quality target of {benchmark} is not in its log and not known here: no target")
    else:
        notes.append(f"target {target.value:g}: MLPerf's for {benchmark}, the strictest that its runs met")
        for result in results:
            early = next((s for s in result.scores[:-1] if target.reached(s.value)), None)
            if early is not None:
                gap_s = result.stop_s - early.time_s
                notes.append(
                    f"{result.name}: met the target {gap_s:.0f} s before run_stop: its energy counts to there"
                )
            last = result.scores[-1].value
            if result.ended == "success" and not target.reached(last):
                notes.append(f"{result.name}: run_stop says success at {last:g}, short of {target.value:g}")
    if (rule := RULES.get(benchmark)) is not None:
        other = f"{rule.other.metric} {'≥' if rule.other.direction == 'max' else '≤'} {rule.other.value:g}"
        notes.append(f"the score is its {rule.shown.metric}; one at the target counts with {other} alone")
    if benchmark in COUNTED_AS_EPOCHS:
        notes.append(f"samples are {COUNTED_AS_EPOCHS[benchmark]}: what {benchmark} logs as epoch_num")
    return notes


def _machine(result: Result) -> dict[str, Any]:
    """What the submitter says of the machine; of several equal nodes one, and how many there are."""
    said = {key: str(value) for key, value in result.system.items() if isinstance(value, (str, int))}
    facts: dict[str, Any] = {"host": said.get("system_name") or result.platform}
    if cpu := said.get("host_processor_model_name"):
        facts["cpu"] = cpu
    if nodes := said.get("number_of_nodes"):
        facts["nodes"] = nodes
    gpu, count = said.get("accelerator_model_name"), said.get("accelerators_per_node", "")
    if gpu and count.isdigit():
        facts["gpus"] = [{"name": gpu} for _ in range(int(count))]
    return facts


def _rows(result: Result, logs: Mapping[str, PowerLog]) -> Iterable[Row]:
    """The run as events and readings; its zero is run_start."""
    zero_s, span_s = result.start_s, result.stop_s - result.start_s
    yield event(0.0, "run", seed=result.seed, monotonic_s=0.0, utc=utc(zero_s))
    yield event(0.0, "started")
    counted = result.trained is not None or bool(result.scores)
    for time_s, name, samples, actor in result.marks:
        told = samples if counted else None
        yield event(time_s - zero_s, "phase", name=name, samples=told, actor=actor)
    for i, score in enumerate(result.scores):
        # The run is timed to run_stop, which follows the last evaluation by some milliseconds.
        last = i == len(result.scores) - 1 and result.ended == "success"
        at_s = span_s if last else score.time_s - zero_s
        yield event(at_s, "progress", samples=score.samples, score=score.value)
    if not result.scores and result.trained is not None:
        yield event(span_s, "progress", samples=result.trained, score=None)
    yield event(0.0, "facts", facts=dict(result.facts))
    if result.ended == "success":
        yield event(span_s, "end", status="ok", message="")
        yield event(span_s, "exit", code=0)
    else:
        why = f"its log: run_stop says {result.ended}" if result.ended else "its log, which has no run_stop"
        yield event(span_s, "interrupt", signal=why)
        yield event(span_s, "exit", code=None)
    for name, log in logs.items():
        for time_s, value in within(log, result.start_s, result.stop_s):
            yield reading(time_s - zero_s, name, value)
