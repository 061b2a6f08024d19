"""One report for people: what it took, how sure that is, what was not measured, where it lies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from energyprof.compare.emissions import Grid
from energyprof.formats.meters import meters_table
from energyprof.formats.node_flags import notes_of_nodes
from energyprof.formats.phase_sums import by_name, longest, unsure
from energyprof.formats.totals import STYLES, ends, status_word, totals_table
from energyprof.formats.waiting import waiting_tables
from energyprof.formats.warning_lines import warning_lines
from energyprof.formats.windows import windows_table
from energyprof.report.phases import PART
from energyprof.report.record import Report, Run
from energyprof.units import joules, seconds, watts, with_ends

# More rows would fill screens, and seconds.
MOST_RUNS, MOST_PHASES = 40, 40
# More nodes stand in their table alone.
MOST_PLACES = 2


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
        parts += [totals_table(report, grid, still_runs), Text()]
        if not report.joined:  # sums over nodes that work side by side say nothing: they stand apart below
            beside = [Text(OVERLAP, style="dim")] if any(map(_overlap, report.runs)) else []
            parts += [_phases(report.runs), *beside, Text()]
        for part in _details(report):
            parts += [part, Text()] if part is not None else []
    else:
        parts += [Text("  nothing has been run yet"), Text()]
    parts.append(meters_table(report))
    if report.notes:
        parts += [Text(), Text("notes")]
        parts += [Padding(Text(note, style="dim"), (0, 0, 0, 2)) for note in _notes(report)]
    warnings = warning_lines(report, path, still_runs)
    parts += [Text(), *warnings] if warnings else []
    if path is not None:
        parts += [Text(), Text(f"report  {path}", style="bold", no_wrap=True, overflow="ignore")]
    return Group(*parts)


def _notes(report: Report) -> Sequence[str]:
    return notes_of_nodes(report) if report.joined else report.notes


def _details(report: Report) -> Iterator[RenderableType | None]:
    """What few reports have, and is loaded for those alone: the end of every run waits for its summary."""
    runs = report.runs
    if any(run.rounds for run in runs):
        from energyprof.formats.rounds import rounds_table

        yield rounds_table(runs)
    if runs[-1].nodes:
        from energyprof.formats.nodes import nodes_tables

        yield nodes_tables(report)
    yield waiting_tables(report)
    yield windows_table(runs)
    parts = any(phase.name.startswith(PART) for run in runs for phase in run.phases)
    if parts or report.workload.size is not None:
        from energyprof.formats.breakdown import blocks_of_the_network, where_it_goes

        yield where_it_goes(report)
        yield blocks_of_the_network(report)
    if parts:
        from energyprof.formats.inference import inference_table

        yield inference_table(report)


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
    where = [
        str(machine.get("host") or "an unknown machine"),
        str(machine.get("cpu") or machine.get("arch", "")),
    ]
    return ", ".join(filter(None, [*where, *gpu_names(machine)]))


def gpu_names(machine: Mapping[str, Any]) -> list[str]:
    """The machine's GPUs, grouped by name: ``8 × NVIDIA A100``."""
    counts: dict[str, int] = {}
    gpus = machine.get("gpus")
    for gpu in gpus if isinstance(gpus, (list, tuple)) else ():
        name = str(gpu.get("name", "?")) if isinstance(gpu, dict) else "?"
        counts[name] = counts.get(name, 0) + 1
    return [name if count == 1 else f"{count} × {name}" for name, count in counts.items()]


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
        word = status_word(run, still_runs)
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
    phases = [phase for run in runs for phase in run.phases if not phase.name.startswith(PART)]
    sums, doubted = by_name(phases), unsure(phases)
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    table.add_column("phase", header_style="dim")
    for name in ("time", "energy", "power"):
        table.add_column(name, justify="right", header_style="dim")
    for name, (time_s, energy_j) in longest(sums, MOST_PHASES).items():
        mean_s = time_s / len(runs)
        energy = "–" if energy_j is None else joules(energy_j / len(runs))
        untold = energy_j is None or time_s <= 0 or name in doubted
        power = "–" if untold else watts((energy_j or 0.0) / time_s)
        table.add_row(name, seconds(mean_s), energy, power)
    return table
