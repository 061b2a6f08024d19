"""One report for people: what it took, how sure that is, what was not measured, where it lies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from energyprof.compare import budget, levers
from energyprof.compare.bank import bank_of, faster, faster_together
from energyprof.compare.change import collect
from energyprof.compare.emissions import Grid, described, grams
from energyprof.compare.figures import BY_NAME, NODE_FIGURES
from energyprof.compare.success import success
from energyprof.formats.breakdown import blocks_of_the_network, where_it_goes
from energyprof.formats.inference import inference_table
from energyprof.formats.meters import BOUNDARIES, meters_table
from energyprof.formats.model import about_model
from energyprof.formats.node_flags import said_by_nodes
from energyprof.formats.nodes import nodes_tables
from energyprof.formats.phase_sums import by_name, longest
from energyprof.formats.rounds import rounds_table
from energyprof.formats.waiting import waiting_tables
from energyprof.formats.windows import windows_table
from energyprof.formats.wording import cost
from energyprof.report.energy import MIN_COVERAGE
from energyprof.report.phases import PART
from energyprof.report.record import JobRecord, Report, Run
from energyprof.units import joules, seconds, share, watts, with_ends

# More rows would fill screens, and seconds.
MOST_RUNS, MOST_PHASES, MOST_WARNINGS = 40, 40, 100
# More nodes stand in their table alone.
MOST_PLACES = 2

STILL_RUNS = "still runs"
STYLES = {
    "reached": "green",
    "done": "green",
    "missed": "yellow",
    "interrupted": "yellow",
    STILL_RUNS: "cyan",
}


def summary(
    report: Report, path: Path | None, grid: Grid | None = None, *, still_runs: bool = False
) -> RenderableType:
    """The report for people, at 80 columns; ``path`` is where it lies. With a ``grid``, emissions, too.

    ``still_runs``: its profiler is at work on it.
    """
    parts: list[RenderableType] = [_title(report), Text()]
    if len(report.runs) > 1:
        parts += [_runs(report, still_runs), Text()]
    if report.runs:
        parts += [_figures(report, grid, still_runs), Text()]
        if not report.joined:  # sums over nodes that work side by side say nothing: they stand apart below
            beside = [Text(OVERLAP, style="dim")] if any(map(_overlap, report.runs)) else []
            parts += [_phases(report.runs), *beside, Text()]
        if (by_actor := rounds_table(report.runs)) is not None:
            parts += [by_actor, Text()]
        if (nodes := nodes_tables(report)) is not None:
            parts += [nodes, Text()]
        if (waiting := waiting_tables(report)) is not None:
            parts += [waiting, Text()]
        if (windows := windows_table(report.runs)) is not None:
            parts += [windows, Text()]
        if (goes := where_it_goes(report)) is not None:
            parts += [goes, Text()]
        if (blocks := blocks_of_the_network(report)) is not None:
            parts += [blocks, Text()]
        if (inferring := inference_table(report)) is not None:
            parts += [inferring, Text()]
    else:
        parts += [Text("  nothing has been run yet"), Text()]
    parts.append(meters_table(report))
    if report.notes:
        parts += [Text(), Text("notes")]
        parts += [Padding(Text(note, style="dim"), (0, 0, 0, 2)) for note in report.notes]
    warnings = _warnings(report, path, still_runs)
    parts += [Text(), *warnings] if warnings else []
    if path is not None:
        parts += [Text(), Text(f"report  {path}", style="bold", no_wrap=True, overflow="ignore")]
    return Group(*parts)


def _title(report: Report) -> Text:
    work = report.workload
    title = Text(f"{work.name} {work.size or ''}".strip(), style="bold")
    places = " + ".join(_place(node.machine) for node in report.nodes[:MOST_PLACES])
    if (left := len(report.nodes) - MOST_PLACES) > 0:
        places += f" + {left:,} more"
    title.append(f"  on {places}", style="not bold")
    if report.runs and (device := report.runs[-1].facts.get("device")):
        title.append(f", trained on {device}", style="not bold")
    return title


def _place(machine: Mapping[str, Any]) -> str:
    where = [str(machine.get("host", "?")), str(machine.get("cpu") or machine.get("arch", ""))]
    return ", ".join(filter(None, [*where, *gpu_names(machine)]))


def gpu_names(machine: Mapping[str, Any]) -> list[str]:
    """The machine's GPUs, grouped by name: ``8 × NVIDIA A100``."""
    counts: dict[str, int] = {}
    gpus = machine.get("gpus")
    for gpu in gpus if isinstance(gpus, (list, tuple)) else ():
        name = str(gpu.get("name", "?")) if isinstance(gpu, dict) else "?"
        counts[name] = counts.get(name, 0) + 1
    return [name if count == 1 else f"{count} × {name}" for name, count in counts.items()]


def _figures(report: Report, grid: Grid | None, still_runs: bool) -> Table:
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
        status = _word(run, still_runs)
        counts[status] = counts.get(status, 0) + 1
    text = Text()
    for status, count in counts.items():
        text.append(", " if text else "")
        amount = f" ({count} of {len(report.runs)})" if len(report.runs) > 1 else ""
        text.append(status + amount, style=STYLES.get(status, "red"))
    codes = sorted({run.exit_code for run in report.runs if run.exit_code})
    if codes:
        text.append(f", exit code {', '.join(map(str, codes))}")
    return text


FASTER = "reached the target much faster than the reference runs: the work has probably changed ({})"


def _word(run: Run, still_runs: bool) -> str:
    """The run's status; what its profiler left for the case that it is killed is none yet."""
    return STILL_RUNS if still_runs and any(f.kind == "unfinished" for f in run.flags) else run.status


def _runs(report: Report, still_runs: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for name in ("seed", "status", "samples", "score", "time", "power", "energy"):
        table.add_column(name, justify="left" if name == "status" else "right", header_style="dim")
    runs, left = report.runs, 0
    if len(runs) > MOST_RUNS:
        runs, left = (*runs[: MOST_RUNS // 2], *runs[-(MOST_RUNS // 2) :]), len(runs) - MOST_RUNS
    for i, run in enumerate(runs):
        if left and i == MOST_RUNS // 2:
            table.add_row("…", Text(f"{left:,} more runs", style="dim"))
        word = _word(run, still_runs)
        power = watts(run.energy_j / run.time_s) if run.energy_j is not None and run.time_s else "–"
        table.add_row(
            "–" if run.seed is None else str(run.seed),
            Text(word, style=STYLES.get(word, "red")),
            "–" if run.samples is None else f"{run.samples:,}",
            "–" if run.score is None else f"{run.score:.3f}",
            "–" if run.time_s is None else seconds(run.time_s),
            power,
            "–" if run.energy_j is None else with_ends(run.energy_j, *ends(run), "J"),
        )
    return table


OVERLAP = "phases overlap: what was used at that time stands in each of them"


def _overlap(run: Run) -> bool:
    """Whether the phases last longer together than from the first to the last."""
    if not run.phases:
        return False
    span_s = max(phase.end_s for phase in run.phases) - min(phase.start_s for phase in run.phases)
    # Actors that take turns hand over within milliseconds.
    return sum(phase.end_s - phase.start_s for phase in run.phases) > 1.01 * span_s


def _phases(runs: Sequence[Run]) -> Table:
    """Time and energy by phase, mean over the runs; phases of the same name are added up."""
    # Parts of a step are about the training, and have a table of their own.
    sums = by_name(phase for run in runs for phase in run.phases if not phase.name.startswith(PART))
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    table.add_column("phase", header_style="dim")
    for name in ("time", "energy", "power"):
        table.add_column(name, justify="right", header_style="dim")
    for name, (time_s, energy_j) in longest(sums, MOST_PHASES).items():
        mean_s = time_s / len(runs)
        energy = "–" if energy_j is None else joules(energy_j / len(runs))
        power = "–" if energy_j is None or time_s <= 0 else watts(energy_j / time_s)
        table.add_row(name, seconds(mean_s), energy, power)
    return table


def _warnings(report: Report, path: Path | None, still_runs: bool) -> list[Text]:
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
