"""How many samples training to the target takes: from a workload's bank or another report's runs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from energyprof.compare import bank
from energyprof.compare.mismatches import mismatches, refuse
from energyprof.errors import MissingPart, UsageError
from energyprof.report.record import Report, WorkloadRecord
from energyprof.storable.frozen import dataclass
from energyprof.workload import Target


@dataclass(frozen=True)
class Samples:
    """Samples to target, and how often there is an evaluation on the way."""

    source: str
    mean: float  # geometric, until the evaluation that meets the target
    log_sd: float  # of one training
    n: int  # trainings it is known from
    every: float  # from one evaluation to the next
    notes: tuple[str, ...]  # what makes it doubtful

    def log_u(self, repeats: int) -> float:
        """Standard uncertainty of the log of the geometric mean of ``repeats`` more trainings.

        Hahn & Meeker, Statistical Intervals (1991), 4.7.
        """
        return self.log_sd * math.sqrt(1 / repeats + 1 / self.n)


def of_bank(report: Report, label: str) -> Samples:
    """Samples to target from the reference bank of the report's workload.

    Raises:
        MissingPart: it has none.
        NotComparable: its bank is for other work.
    """
    work = report.workload
    content, name = bank.stored(work.name, work.size), work_name(work.name, work.size)
    if content is None:
        raise MissingPart(
            f"{name} has no reference bank: give runs that reached its target with --samples-from REPORT"
        )
    known = content["workload"]
    stored = WorkloadRecord(
        known["name"],
        known["size"],
        known["task"],
        work.work if bank.is_for(content, work.work) else known["work"],
        known["config"],
        Target(**known["target"]),
    )
    _must_agree(report, replace(report, workload=stored), (label, "the bank"))
    return _samples(f"reference bank of {name}", content["runs"], work)


def of_report(report: Report, other: Report, labels: tuple[str, str]) -> Samples:
    """Samples to target from the runs of another report of the same work.

    Raises:
        NotComparable: it is of other work.
        UsageError: fewer than two of its runs reached the target.
    """
    _must_agree(report, other, labels)
    runs = [
        {
            "status": run.status,
            "samples": run.samples,
            "history": [[point.samples, point.score] for point in run.history],
        }
        for run in other.runs
        if run.status == "missed" or (run.status == "reached" and run.samples)
    ]
    return _samples(labels[1], runs, report.workload)


def work_name(name: str, size: str | None) -> str:
    """Such as ``unet tiny``."""
    return f"{name} {size}" if size else name


def _must_agree(report: Report, other: Report, labels: tuple[str, str]) -> None:
    what = f"samples to target of {labels[1]} do not apply to {labels[0]}: it is other work"
    refuse(mismatches((report, other), labels, ["work"]), what)


def _samples(source: str, runs: Sequence[Mapping[str, Any]], work: WorkloadRecord) -> Samples:
    found = bank.bank_in({"runs": runs})
    if found is None:
        raise UsageError(f"{source}: fewer than two runs reached the target, so their variation is unknown")
    reached = [run for run in runs if run["status"] == "reached"]
    steps = [run["samples"] - (run["history"][-2][0] if len(run["history"]) > 1 else 0) for run in reached]
    # The bank holds the crossing, anywhere between two evaluations. Training goes on to the second.
    crossing, half = math.exp(found.log_mean), statistics.fmean(steps) / 2
    planned = work.config.get("eval_every_samples")
    notes = []
    if found.n < len(runs):
        notes.append(
            f"{len(runs) - found.n} of {len(runs)} runs behind the samples missed the target: "
            "the figures are for trainings that reach it"
        )
    return Samples(
        f"{source}, {found.n} runs",
        crossing + half,
        found.log_sd * crossing / (crossing + half),
        found.n,
        float(planned) if isinstance(planned, (int, float)) and planned > 0 else 2 * half,
        tuple(notes),
    )
