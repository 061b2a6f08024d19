"""What spoils a report or casts doubt on it, for people: a line each."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from energyprof.compare import levers
from energyprof.compare.bank import bank_of, faster, faster_together
from energyprof.formats.node_flags import said_by_nodes
from energyprof.report.energy import MIN_COVERAGE
from energyprof.report.record import Report
from energyprof.units import share

# More rows would fill screens, and seconds.
MOST_WARNINGS = 100


FASTER = "reached the target much faster than the reference runs: the work has probably changed ({})"


def warning_lines(report: Report, path: Path | None, still_runs: bool) -> list[Text]:
    """Those of the report that lies at ``path``; of very many the first."""
    lines, bank = levers.unbound(report), bank_of(report.workload)
    if still_runs:
        lines.append("its profiler is still at work: until a run ends, nothing of it stands here")
    elif not report.joined and any(flag.kind == "unfinished" for run in report.runs for flag in run.flags):
        again = f"energyprof recompute {path}" if path else "energyprof recompute"
        lines.append(f"this run was cut off: `{again}` rebuilds the report from its trace")
    for run in report.runs:
        which = f"seed {run.seed}: " if run.seed is not None else ""
        if run.coverage is not None and run.coverage < MIN_COVERAGE:
            lines.append(f"{which}the meters cover only {share(run.coverage)} of the training")
        hidden = ("not_measured",) if report.joined else ("unfinished", "not_measured")
        flags = [flag for flag in run.flags if flag.kind not in hidden]
        said = said_by_nodes(flags, report) if report.joined else [flag.words for flag in flags]
        lines += [which + words for words in said]
        if (why := faster(bank, run)) is not None:
            lines.append(which + FASTER.format(why))
    if (why := faster_together(report)) is not None:
        lines.append("together the runs " + FASTER.format(why))
    left = len(lines) - MOST_WARNINGS
    if left > 0:
        lines[MOST_WARNINGS:] = [f"{left:,} more such lines; `energyprof show --json` has every flag"]
    return [Text(f"! {line}", style="yellow") for line in lines]
