"""What each tool was seen to cost, as a table, and where a peer costs less than energyprof."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from energyprof import __version__
from energyprof.compare.statistics.intervals import interval, logs_of, upper_end
from energyprof.compare.statistics.sequential import interleaved
from peers import environments
from peers.session import Footprint

PARTS = ("alone", "all cores")
ALPHA = 0.05
QUIET = 0.02  # share of a loop that even a quiet machine's other work may take
# The figures that are one number a tool, what they are called and how they are written.
SINGLE = {
    "import": "import, ms CPU",
    "around": "start and end, ms CPU",
    "longer": "… s longer",
    "own": "memory of the process that trains, MB",
    "memory": "… of all processes, MB",
}
DIGITS = {"import": "{:.0f}", "around": "{:.0f}", "longer": "{:.2f}", "own": "{:.1f}", "memory": "{:.1f}"}
# What the program that trains pays. energyprof pays the rest in a process of its own.
JUDGED = ("import", "own")


@dataclass
class Costs:
    """What one tool was seen to take."""

    runs: list[Footprint] = field(default_factory=list)
    # By part and round: the loop's time, relative to one without the tool.
    ratios: dict[str, dict[int, float]] = field(default_factory=lambda: {part: {} for part in PARTS})
    problems: list[str] = field(default_factory=list)


def table(
    imports: Mapping[str, Sequence[float]], bare: Sequence[Footprint], costs: Mapping[str, Costs]
) -> list[str]:
    """Markdown, a row for each tool."""
    lines = [
        f"| tool | {' | '.join(SINGLE.values())} "
        "| slow-down alone, % | … all cores, % | of a core, alone, % | … all cores, % |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    figures = {tool: single_figures(imports[tool], bare, found) for tool, found in costs.items()}
    for tool, found in costs.items():
        cells = [label(tool)]
        for name in SINGLE:
            value, ours = figures[tool].get(name), figures.get("energyprof", {}).get(name)
            words = "–" if value is None else DIGITS[name].format(value)
            if value is not None and ours is not None and ours > 0 and tool != "energyprof":
                words += f" ({value / ours:.2g} ×)"
            cells.append(words)
        cells += [slow_down(list(found.ratios[part].values())) for part in PARTS]
        for part in PARTS:
            cores = [one.loops[part].tool_core for one in found.runs]
            cells.append(f"{100 * statistics.mean(cores):.2f}" if cores else "–")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def single_figures(imports: Sequence[float], bare: Sequence[Footprint], found: Costs) -> dict[str, float]:
    """Medians over the runs, in the table's units; only the import's where no run came through."""
    figures = {"import": 1e3 * statistics.median(imports)}
    if found.runs:
        for name, unit, value in (
            ("around", 1e3, lambda one: one.around_cpu_s),
            ("longer", 1, lambda one: one.around_s),
            ("own", 1e-6, lambda one: one.own_bytes),
            ("memory", 1e-6, lambda one: one.peak_bytes),
        ):
            with_tool, without = (statistics.median(map(value, runs)) for runs in (found.runs, bare))
            figures[name] = unit * (with_tool - without)
    return figures


def slow_down(ratios: Sequence[float]) -> str:
    """The mean of ratios as a slow-down in percent, with its 95 % interval."""
    if len(ratios) < 2:
        return "–"
    logs = logs_of(ratios)
    ends = interval(logs)
    assert ends is not None
    mean, low, high = (100 * math.expm1(log) for log in (logs.mean, *ends))
    return f"{mean:+.2f} ({low:+.2f} … {high:+.2f})"


def label(tool: str) -> str:
    """The tool with its version."""
    number = __version__ if tool == "energyprof" else environments.PACKAGES[tool][0].partition("==")[2]
    return f"{tool} {number}"


def beaten(
    imports: Mapping[str, Sequence[float]], bare: Sequence[Footprint], costs: Mapping[str, Costs]
) -> list[str]:
    """Where a peer costs less than energyprof, in words; a slow-down counts beyond its interval only."""
    if "energyprof" not in costs or not costs["energyprof"].runs:
        return ["energyprof did not come through"]
    ours = single_figures(imports["energyprof"], bare, costs["energyprof"])
    peers = [tool for tool in costs if tool != "energyprof"]
    problems = []
    for tool in peers:
        theirs = single_figures(imports[tool], bare, costs[tool])
        for name in JUDGED:
            if name in theirs and theirs[name] < ours[name]:
                words = " against ".join(DIGITS[name].format(value) for value in (theirs[name], ours[name]))
                problems.append(f"{tool}: {SINGLE[name]}: {words}")
        for part in PARTS:
            both = [costs[one].ratios[part] for one in (tool, "energyprof")]
            turns = sorted(both[0].keys() & both[1].keys())
            if len(turns) < 2:
                continue
            theirs_logs, our_logs = (logs_of([ratios[turn] for turn in turns]) for ratios in both)
            change = interleaved(theirs_logs, our_logs, [True] * len(turns))
            # One false alarm in twenty runs of this program, however many comparisons it makes.
            end = upper_end(change, ALPHA / (len(PARTS) * len(peers)))
            if end is not None and end < 0:
                problems.append(f"{tool}: slow-down {part}: {100 * math.expm1(change.log_ratio):+.2f} %")
    return problems


def remarks(
    imports: Mapping[str, Sequence[float]], bare: Sequence[Footprint], costs: Mapping[str, Costs], count: int
) -> list[str]:
    """What belongs beside the table."""
    times = {part: [one.loops[part].took_s for one in bare] for part in PARTS}
    waited = {part: 100 * statistics.mean(one.loops[part].waited for one in bare) for part in PARTS}
    spread = [
        f"{statistics.mean(took):.2f} s {part} (from run to run {100 * spread_of(took):.1f} %, "
        f"{waited[part]:.1f} % of it off the core)"
        for part, took in times.items()
    ]
    lines = [f"The loop: {count:,} steps, without a tool {', '.join(spread)}; {len(bare) - 1} rounds."]
    if max(waited.values()) > 100 * QUIET:
        lines.append("The machine was busy with something else: take the slow-downs again when it is not.")
    if "exec" in imports:
        lines.append(
            f"`energyprof exec --meters none -- true`, interpreter and all: "
            f"{1e3 * statistics.median(imports['exec']):.0f} ms CPU. A program that marks no phases imports "
            "nothing. energyprof's other figures are those of both processes, and its time holds the seconds "
            "in which it looks at the idle machine."
        )
    for tool, found in costs.items():
        lines += [f"{tool}: failed: {problem}" for problem in found.problems]
        if tool != "perun" and found.runs and not all(one.joules for one in found.runs):
            lines.append(f"{tool}: measured nothing in some runs")
    return lines


def spread_of(values: Sequence[float]) -> float:
    """The coefficient of variation."""
    return statistics.stdev(values) / statistics.mean(values)
