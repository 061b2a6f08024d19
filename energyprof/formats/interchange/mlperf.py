"""MLPerf Training's logs: ``result_N.txt`` a run, and ``power/result_N/node_0.txt`` with its power readings.

Lines are those of mlperf_logging's mllog; keys and layout those of MLPerf's power measurement rules
(training_policies, power_measurement.adoc): a reading a second. ``energyprof import`` reads them back.
Readings are means over a second of what the counted meters read; the interval, origin and boundary of the
energy stand in the metadata of ``run_stop``.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from energyprof.errors import FileError
from energyprof.files import make_folder, write_text
from energyprof.formats.interchange.contract import Source
from energyprof.formats.interchange.numbers import began_s, energy
from energyprof.report.energy import total
from energyprof.report.file import trace_path
from energyprof.report.integrator import Integrator
from energyprof.report.nodes.trace import run_rows
from energyprof.report.phases import counts
from energyprof.report.record import Report, Run

# MLPerf asks for a reading a second, at least.
PERIOD_S = 1.0
# Whoever submits knows these; a report does not.
_ASKED = ("submission_org", "submission_division", "submission_status")
_MEASUREMENT = {"wall_ac": "AC", "node_dc": "DC"}


def save(source: Source, place: Path) -> list[str]:
    """Write the folder. Raises FileError: it cannot be written, or the trace cannot be read."""
    report = source.report
    lacking = list(_ASKED)
    if report.boundary not in _MEASUREMENT:
        lacking.append(f"the node's power (the meters saw the boundary {report.boundary})")
    for index, run in enumerate(report.runs):
        start_s = _start_s(run)
        began = began_s(run)
        zero_s = began or 0.0
        if began is None:
            lacking.append(f"time_ms of result_{index}: from its start, which the report does not know")
        lines = [*_result(report, run, zero_s, start_s)]
        path = place / f"result_{index}.txt"
        _write(path, lines)
        powers = _powers(source, index, zero_s, start_s) if start_s is not None else None
        if powers is None:
            lacking.append(f"power_reading of result_{index}: no trace with readings lies beside the report")
        else:
            _write(place / "power" / path.stem / "node_0.txt", powers)
    return lacking


def _write(path: Path, lines: list[str]) -> None:
    make_folder(path)
    write_text(path, "\n".join(lines) + "\n")


def _start_s(run: Run) -> float | None:
    """Where its training begins, from the run's zero."""
    return min((phase.start_s for phase in run.phases if counts(phase.name)), default=None)


def _result(report: Report, run: Run, zero_s: float, start_s: float | None) -> Iterator[str]:
    begin_s = start_s or 0.0
    machine = report.nodes[0].machine if report.nodes else {}

    def say(at_s: float, key: str, value: Any = None, **metadata: Any) -> str:
        return _line(zero_s + at_s, key, value, metadata)

    yield say(0.0, "submission_benchmark", report.workload.name)
    for key in _ASKED:
        yield say(0.0, key, "")
    yield say(0.0, "submission_platform", str(machine.get("cpu") or machine.get("host") or ""))
    if run.seed is not None:
        yield say(0.0, "seed", run.seed)
    if (batch := _batch(report)) is not None:
        yield say(0.0, "global_batch_size", batch)
    if isinstance(items := run.facts.get("training_items"), int):
        yield say(0.0, "train_samples", items)
    yield say(0.0, "init_start")
    yield say(begin_s, "init_stop")
    yield say(begin_s, "run_start")
    for point in run.history:
        if point.score is not None:
            yield say(begin_s + point.time_s, "eval_accuracy", point.score, samples_count=point.samples)
    end_s = begin_s + (run.time_s or 0.0)
    status = "success" if run.status in ("reached", "done") else "aborted"
    yield say(end_s, "run_stop", None, status=status, samples_count=run.samples, **_energy(report, run))


def _energy(report: Report, run: Run) -> dict[str, Any]:
    joules = energy(run)
    if joules is None:
        return {}
    ends = {"energy_low_j": joules.low, "energy_high_j": joules.high}
    return {"energy_j": joules.value, **ends, "origin": report.origin, "boundary": report.boundary}


def _batch(report: Report) -> int | None:
    config = report.workload.config
    size, steps = config.get("batch_size"), config.get("grad_accum", 1)
    return size * steps if isinstance(size, int) and isinstance(steps, int) else None


def _powers(source: Source, index: int, zero_s: float, start_s: float) -> list[str] | None:
    """The power log of a run's node; ``None``: there are no readings."""
    report, run = source.report, source.report.runs[index]
    trace = trace_path(source.path)
    span_s = run.time_s or 0.0
    if span_s <= 0 or not trace.exists():
        return None
    count = math.ceil(span_s / PERIOD_S)
    edges = [start_s + span_s * i / count for i in range(count + 1)]
    stretches = list(itertools.pairwise(edges))
    meters = {m.name: Integrator(m.info, m.interval_s, stretches) for m in report.meters if m.counted}
    for row in run_rows(trace, report, index):
        if row.source in meters:
            meters[row.source].push(row.sample)
    found = [meter.finish() for meter in meters.values()]
    readings = []
    for i, (from_s, to_s) in enumerate(stretches):
        joules = total(energies[i] for energies in found).joules if found else None
        if joules is not None:
            # Each mean at its middle; the first and the last at the edge, too: readers look between readings.
            places = [(from_s + to_s) / 2]
            places = [from_s, *places] if i == 0 else places
            places = [*places, to_s] if i == count - 1 else places
            watts = joules / (to_s - from_s)
            readings += [_line(zero_s + place_s, "power_reading", watts, {}) for place_s in places]
    if not readings:
        return None
    kind = _MEASUREMENT.get(report.boundary or "")
    about = {"boundary": report.boundary, "origin": report.origin, "meters": sorted(meters)}
    lines = [_line(zero_s + start_s, "power_measurement_start", None, about)]
    if kind is not None:
        lines.append(_line(zero_s + start_s, "conversion_eff", 1.0, {"measurement_type": kind}))
    return [*lines, *readings, _line(zero_s + edges[-1], "power_measurement_stop", None, {})]


def _line(time_s: float, key: str, value: Any, metadata: dict[str, Any]) -> str:
    event = {
        "namespace": "",
        "time_ms": round(time_s * 1000),
        "event_type": "INTERVAL_START"
        if key.endswith("_start")
        else "INTERVAL_END"
        if key.endswith("_stop")
        else "POINT_IN_TIME",
        "key": key,
        "value": value,
        "metadata": metadata,
    }
    try:
        return f":::MLLOG {json.dumps(event, allow_nan=False)}"
    except ValueError:
        raise FileError(f"{key}: a number that is not finite has no place in MLPerf's logs") from None
