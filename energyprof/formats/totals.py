"""What a report's runs took together, for people: each figure with its uncertainty, and how they ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from energyprof.compare import budget, levers
from energyprof.compare.change import collect
from energyprof.compare.emissions import Grid, described, grams
from energyprof.compare.figures import BY_NAME, NODE_FIGURES
from energyprof.compare.success import success
from energyprof.formats.meters import BOUNDARIES
from energyprof.formats.model import about_model
from energyprof.formats.wording import cost
from energyprof.report.phases import PART
from energyprof.report.record import JobRecord, Report, Run
from energyprof.units import ending, joules, seconds, watts, with_ends

STILL_RUNS = "still runs"


STYLES = {
    "reached": "green",
    "done": "green",
    "missed": "yellow",
    "interrupted": "yellow",
    STILL_RUNS: "cyan",
}


def totals_table(report: Report, grid: Grid | None, still_runs: bool) -> Table:
    """The mean over the runs that count, with the uncertainty that ``show --budget`` takes apart."""
    runs = budget.counting(report)
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="dim")
    table.add_column()
    reached = report.workload.target and any(run.status == "reached" for run in runs)
    table.add_row("energy to target" if reached else "energy", _energy(report))
    if (tries := success(report)) is not None:
        table.add_row("a success", cost(tries))
    if (node := _node_energy(report)) is not None:
        table.add_row("of the whole node", node)
    if (net := budget.net_energy(report)) is not None:
        table.add_row("net of idle", with_ends(net.mean_j, *net.ends_j, "J"))
    if grid is not None:
        table.add_row("emissions", _emissions(report, grid))
    sample = budget.energy_per_sample(report)
    if sample is not None:
        table.add_row("energy per sample", with_ends(sample.mean_j, *sample.ends_j, "J"))
    starts_up = any(phase.name == "startup" for run in runs for phase in run.phases)
    if starts_up and (total_j := _mean(run.total_energy_j for run in runs)):
        apart = any(phase.name.startswith(PART) for run in runs for phase in run.phases)
        end = "the end of training" if apart else "its end"
        table.add_row("with start-up", f"{joules(total_j)} from the program's start to {end}")
    if time_s := _compared(report, "time_to_target", "time") or _mean(run.time_s for run in runs):
        table.add_row("time", seconds(time_s))
    power_w = _compared(report, "power")
    if power_w is None:
        power_w = _mean(run.energy_j / run.time_s for run in runs if run.energy_j is not None and run.time_s)
    if power_w is not None:
        table.add_row("mean power", watts(power_w) + _idle(runs))
    if samples := _compared(report, "samples_to_target") or _mean(run.samples for run in runs):
        table.add_row("samples", f"{samples:,.0f}")
    target = report.workload.target
    score = _compared(report, "score")
    if score is None:
        score = _mean(run.score for run in runs)
    if score is not None:
        aim = f"   target {target.value:g}" if target else ""
        table.add_row(target.metric if target else "score", f"{score:.3f}{aim}")
    table.add_row("status", _status(report, still_runs))
    if paradigm := _paradigm(report.workload.config.get("paradigm")):
        table.add_row("paradigm", Text(paradigm))
    if report.job is not None:
        table.add_row("job", _job(report.job))
    if turned := levers.levers_of(report):
        table.add_row("turned", "; ".join(f"{levers.words(lever)} (was {lever.before})" for lever in turned))
    facts = runs[-1].facts
    for name, line in about_model(facts, None if sample is None else sample.mean_j):
        table.add_row(name, line)
    return table


def _energy(report: Report) -> Text:
    found = budget.energy(report)
    if found is None:
        return Text("not measured", style="yellow")
    shown = with_ends(found.mean_j, *found.ends_j, "J")
    if found.runs == 1 and (run := report.runs[0]).energy_j == found.mean_j:
        shown = with_ends(found.mean_j, *ends(run), "J")
    text = Text(shown, style="bold")
    if report.origin != "measured":
        text.append("  an estimate, not a measurement", style="yellow not bold")
    if found.runs > 1:
        lost = any(run.status == "missed" for run in report.runs) and found.figure == "energy_to_target"
        which = (
            f"the {found.runs} of {len(report.runs)} runs that reached it" if lost else f"{found.runs} runs"
        )
        text.append(f"  geometric mean of {which}", style="dim not bold")
    return text


def ends(run: Run) -> tuple[float | None, float | None]:
    """The interval of a run's energy; one that has only its ± lies evenly around it."""
    if run.energy_low_j is not None and run.energy_high_j is not None:
        return max(0.0, run.energy_low_j), run.energy_high_j
    if run.energy_j is None:
        return None, None
    u_j = run.energy_u_j or 0.0
    return max(0.0, run.energy_j - u_j), run.energy_j + u_j


def _node_energy(report: Report) -> Text | None:
    """What the whole node used for it by the report's map, with its boundary; it holds the energy above."""
    by = report.node_map
    if by is None or by.boundary not in NODE_FIGURES:
        return None
    found = collect(BY_NAME[NODE_FIGURES[by.boundary]], report)
    if found is None:
        return Text("not known: no run has it", style="yellow")
    text = Text(with_ends(found.mean.value, *found.mean.ends, "J"), style="bold")
    return text.append(f"  at {BOUNDARIES[by.boundary]}; holds the above", style="dim not bold")


def _emissions(report: Report, grid: Grid) -> Text:
    """The emissions of the energy above, with its uncertainty; the grid's is not known."""
    found = budget.energy(report)
    if found is None:
        return Text("not measured", style="yellow")
    mean_g, low_g, high_g = (grams(joules_j, grid) for joules_j in (found.mean_j, *found.ends_j))
    text = Text(with_ends(mean_g, low_g, high_g, "g CO2e"), style="bold")
    return text.append(f"  of this energy alone, at {described(grid)}", style="dim not bold")


def _status(report: Report, still_runs: bool) -> Text:
    counts: dict[str, int] = {}
    for run in report.runs:
        status = status_word(run, still_runs)
        counts[status] = counts.get(status, 0) + 1
    text = Text()
    for status, count in counts.items():
        text.append(", " if text else "")
        amount = f" ({count} of {len(report.runs)})" if len(report.runs) > 1 else ""
        text.append(status + amount, style=STYLES.get(status, "red"))
    ends = sorted({end for run in report.runs if (end := _ended_by(run))})
    return text.append(f", {', '.join(ends)}") if ends else text


def _ended_by(run: Run) -> str:
    """What ended it, where it did not end well: the signal that came, which a workload is sent as another."""
    came = next((flag.detail for flag in run.flags if flag.kind == "interrupted"), "")
    return came or (ending(run.exit_code) if run.exit_code else "")


def _paradigm(config: Any) -> str:
    """``federated, 8 clients, split natural, transfer int8``; of a central training nothing."""
    if not isinstance(config, Mapping) or "name" not in config:
        return ""
    numbers = [f"{config[what]} {what}" for what in ("clients", "parts") if what in config]
    told = ("split", "topology", "update", "transfer")
    words = [f"{what} {config[what]}" for what in told if what in config]
    return ", ".join([str(config["name"]), *numbers, *words])


def _job(job: JobRecord) -> str:
    """The batch job: "slurm 4711, step 0, node n3, account physics"."""
    parts = {"step": job.step, "array": job.array, "node": job.node, "account": job.account}
    said = [f"{name} {value}" for name, value in parts.items() if value]
    return ", ".join([f"{job.manager} {job.id}", *said])


def _idle(runs: Sequence[Run]) -> str:
    """The idle machine's power before and after the runs."""
    before_w, after_w = _mean(run.idle_before_w for run in runs), _mean(run.idle_after_w for run in runs)
    if before_w is None:  # an older report has idle power only from before the run, as a phase
        idle = [p for run in runs for p in run.phases if p.name == "idle" and p.energy_j is not None]
        # One that knows its coverage would have told the power, had it been looked at for long enough.
        idle = [p for p in idle if p.coverage is None]
        spent_s = sum(p.end_s - p.start_s for p in idle) if after_w is None else 0.0
        before_w = sum(p.energy_j or 0.0 for p in idle) / spent_s if spent_s > 0 else None
    shown = [f"before: {watts(before_w)}"] if before_w is not None else []
    shown += [f"after: {watts(after_w)}"] if after_w is not None else []
    return "   idle " + ", ".join(shown) if shown else ""


def _compared(report: Report, *figures: str) -> float | None:
    """The mean that ``compare`` gives for the first of the figures that the report has."""
    found = (collect(BY_NAME[name], report) for name in figures)
    return next((values.mean.value for values in found if values is not None), None)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def status_word(run: Run, still_runs: bool) -> str:
    """The run's status; what its profiler left for the case that it is killed is none yet."""
    return STILL_RUNS if still_runs and any(f.kind == "unfinished" for f in run.flags) else run.status
