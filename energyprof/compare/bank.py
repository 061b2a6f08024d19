"""A workload's reference bank: the samples that known seeds needed to its target, and what they predict."""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from energyprof.compare.reasons import Reason, reason
from energyprof.compare.statistics.student import t_quantile
from energyprof.decode import Count, Misfit, decode
from energyprof.errors import FileError
from energyprof.files import Schema, parse
from energyprof.report.record import Report, Run, Status, WorkloadRecord
from energyprof.storable.frozen import dataclass

# By chance, one sound run in this many is called too fast.
ALPHA = 0.001


# The schema and its history.
#   energyprof.bank/1   the first; all its files were made again
#   energyprof.bank/2   the task beside the work
_SCHEMA = Schema("energyprof.bank", 2, "bank")


@dataclass(frozen=True)
class SeedRecord:
    """One training of a bank, from one seed."""

    seed: int
    status: Status
    samples: Count
    score: float | None
    history: tuple[tuple[Count, float | None], ...]  # samples and score of each evaluation


@dataclass(frozen=True)
class BankRecord:
    """What the file of a bank holds."""

    schema: str
    workload: WorkloadRecord
    margin: float  # by which the target is beyond the best trivial method
    baselines: Mapping[str, float]  # the scores of the trivial methods
    runs: tuple[SeedRecord, ...]
    made: Mapping[str, Any]  # how, when and where


@dataclass(frozen=True)
class _Names:
    """Under which ids the work of a bank is known."""

    work: str
    formerly: tuple[str, ...] = ()  # when ids were made in another way


@dataclass(frozen=True)
class Bank:
    """The logarithms of the samples after which reference seeds crossed the target."""

    log_mean: float
    log_sd: float  # of one run
    n: int  # seeds that reached the target
    seeds: int  # that were trained

    def samples(self, p: float, runs: int = 1) -> float:
        """What the geometric mean of the samples of ``runs`` more runs stays below with probability ``p``.

        The prediction interval of a normal distribution: Hahn & Meeker, Statistical Intervals (1991), 4.7.
        """
        wide = self.log_sd * math.sqrt(1 / runs + 1 / self.n)
        return math.exp(self.log_mean + t_quantile(p, self.n - 1) * wide)

    def too_fast(self, samples: Sequence[int]) -> bool:
        """Whether runs that had crossed their targets after ``samples`` were faster than chance allows.

        A run may have crossed it at any time since the previous evaluation. It is allowed all of that, so
        evaluating rarely raises no alarm.
        """
        mean = math.fsum(math.log(count) for count in samples) / len(samples)
        return mean < math.log(self.samples(ALPHA, len(samples)))


@functools.cache
def packaged(name: str, size: str | None, work: str) -> Mapping[str, Any] | None:
    """The bank's file; ``None``: there is none, or it is for other work than ``work``."""
    content = stored(name, size)
    return content if content is not None and is_for(content, work) else None


def is_for(content: Mapping[str, Any], work: str) -> bool:
    """Whether the bank is for ``work``, by its id or one that it had when ids were made in another way."""
    known = content["workload"]
    return work in (known["work"], *known.get("formerly", ()))


BANKS = Path(__file__).parents[1] / "workloads/banks"


@functools.cache
def stored(name: str, size: str | None) -> Mapping[str, Any] | None:
    """The file of the workload's bank, whatever work it is for; ``None``: there is none."""
    for file in BANKS.iterdir():
        if file.name == f"{name}-{size}.json":
            return read(file.read_text(encoding="utf-8"), file.name)
    return None


def read(text: str, where: str) -> Mapping[str, Any]:
    """The bank in the ``text`` of a file.

    Raises:
        FileError: it is not a bank, or holds what a bank may not.
    """
    content = parse(text, where, _SCHEMA)
    try:
        decode(BankRecord, content, "bank")
        decode(_Names, content["workload"], "bank.workload")
    except Misfit as error:
        raise FileError(f"{where}: not a valid bank: {error}") from None
    return content


def bank_of(work: WorkloadRecord) -> Bank | None:
    """The bank for exactly this work; ``None``: there is none."""
    return _bank_of(work.name, work.size, work.work)


@functools.cache
def _bank_of(name: str, size: str | None, work: str) -> Bank | None:
    content = packaged(name, size, work)
    return None if content is None else bank_in(content)


def bank_in(content: Mapping[str, Any]) -> Bank | None:
    """The bank in the ``content`` of its file; ``None``: too few seeds reach the target to tell a spread."""
    lasts = [_last_interval(run) for run in content["runs"] if run["status"] == "reached" and run["samples"]]
    if len(lasts) < 2:
        return None
    logs = [math.log((before + after) / 2) for before, after in lasts]
    # The crossing lies anywhere between two evaluations: a rectangle (GUM 4.3.7). If they are far apart it
    # is all the spread that can be seen.
    grids = [2 * (after - before) / (after + before) / math.sqrt(12) for before, after in lasts]
    sd = math.hypot(statistics.stdev(logs), math.hypot(*grids) / math.sqrt(len(grids)))
    return Bank(statistics.fmean(logs), sd, len(logs), len(content["runs"]))


def faster(bank: Bank | None, run: Run) -> Reason | None:
    """A reason if the run reached its target too fast to be the same work as the bank's.

    Judged whenever a report is read, and never stored: a new bank must not break an old report.
    """
    if bank is None or run.status != "reached" or not run.samples or not bank.too_fast([run.samples]):
        return None
    least = bank.samples(ALPHA)
    return reason(
        "faster_than_bank",
        f"{run.samples:,} samples, where {least:,.0f} or more were expected",
        samples=run.samples,
        expected=least,
    )


def faster_together(report: Report) -> Reason | None:
    """A reason if no single run is too fast for the bank but all of them together are."""
    bank = bank_of(report.workload)
    samples = [run.samples for run in report.runs if run.status == "reached" and run.samples]
    alone = any(faster(bank, run) for run in report.runs)
    # Without the slow runs that missed the target, the others would look fast.
    if bank is None or alone or len(samples) < max(2, len(report.runs)) or not bank.too_fast(samples):
        return None
    mean, least = statistics.geometric_mean(samples), bank.samples(ALPHA, len(samples))
    return reason(
        "faster_than_bank_together",
        f"{mean:,.0f} samples on average, where {least:,.0f} or more were expected",
        samples=mean,
        expected=least,
    )


def _last_interval(run: Mapping[str, Any]) -> tuple[int, int]:
    """The samples at the last evaluation that missed the target and at the first that met it."""
    before = run["history"][-2][0] if len(run["history"]) > 1 else 0
    return before, run["samples"]
