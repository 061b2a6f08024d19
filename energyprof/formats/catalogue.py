"""The standard workloads, for people and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from energyprof.compare.bank import packaged
from energyprof.settings import SETTINGS, Settings
from energyprof.units import seconds
from energyprof.workload import WorkloadError
from energyprof.workloads import WORKLOADS, workload_module


def catalogue_data() -> list[dict[str, Any]]:
    """Every workload with its sizes, targets, reference banks, and the options only some workloads have."""
    entries = []
    for name in WORKLOADS:
        module = workload_module(name)
        entries.append(
            {
                "name": name,
                "summary": module.SUMMARY,
                "sizes": [_size(module, name, size, line) for size, line in module.SIZES.items()],
                "options": sorted(row.option for row in SETTINGS if name in row.workloads),
            }
        )
    return entries


def _size(module: ModuleType, name: str, size: str, summary: str) -> dict[str, Any]:
    """One size as it is without any option; what it cannot run without is in ``needs``."""
    entry: dict[str, Any] = {"size": size, "summary": summary, "needs": None}
    try:
        plan = module.plan(Settings(size=size))
    except WorkloadError as error:
        unknown = dict.fromkeys(("task", "work", "target", "max_samples", "config", "bank"))
        return {**entry, **unknown, "needs": str(error)}
    target = plan.target
    return {
        **entry,
        "task": plan.task(),
        "work": plan.work(),
        "target": {"metric": target.metric, "value": target.value, "direction": target.direction},
        "max_samples": plan.max_samples,
        "config": dict(plan.config),
        "bank": packaged(name, size, plan.work()),
    }


def catalogue() -> RenderableType:
    """Every workload for people."""
    parts: list[RenderableType] = []
    for entry in catalogue_data():
        parts.append(Text.assemble((entry["name"], "bold"), f"  {entry['summary']}"))
        table = Table.grid(padding=(0, 2))
        for size in entry["sizes"]:
            table.add_row(Text(size["size"], style="bold cyan"), size["summary"])
            for line in size_lines(size):
                table.add_row("", Text(line))
        parts.append(Padding(table, (0, 0, 0, 2), expand=False))
        if entry["options"]:
            own = Text.assemble(("its own options: ", "dim"), " ".join(entry["options"]))
            parts.append(Padding(own, (0, 0, 0, 2)))
        parts += [
            Text(f"  train it: energyprof run {entry['name']} --size {entry['sizes'][0]['size']}"),
            Text(),
        ]
    return Group(*parts[:-1])


def size_lines(size: Mapping[str, Any]) -> list[str]:
    """What a person wants to know about one size of the `catalogue_data`, except its summary."""
    if size["needs"] is not None:
        return [f"needs more: {size['needs']}"]
    target = size["target"]
    word = "at least" if target["direction"] == "max" else "at most"
    metric, most = target["metric"].replace("_", " "), size["max_samples"]
    lines = [f"target: {metric} {word} {target['value']:g}, within {most:,} samples"]
    lines.append(f"data: {size['config'].get('data', '?')}")
    if size["bank"] is None:
        return [*lines, "no reference bank: nothing is known of how often the target is reached"]
    return [*lines, *_reference(size["bank"], target["direction"])]


def _reference(bank: Mapping[str, Any], direction: str) -> list[str]:
    """What was reached without a network, and with one by the reference seeds."""
    best = max if direction == "max" else min
    method = best(bank["baselines"], key=bank["baselines"].get)
    lines = [f"without a network: {bank['baselines'][method]:.3g} at best ({method})"]
    reached = [run for run in bank["runs"] if run["status"] == "reached"]
    counts = f"reference: {len(reached)} of {len(bank['runs'])} seeds reach it"
    if not reached:
        return [*lines, counts]
    samples = statistics.median(run["samples"] for run in reached)
    took_s = statistics.median(run["seconds"] for run in reached)
    made = bank["made"]
    threads = f"{made['threads']} threads of " if made["device"] == "cpu" else ""
    lines.append(
        f"{counts}, after a median of {samples:,.0f} samples, "
        f"{seconds(took_s)} of training on {threads}{made['device_name']}"
    )
    return lines
