"""The standard workloads, for people and as JSON."""

from __future__ import annotations

import json
import statistics
from importlib import resources
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from energyprof.units import seconds
from energyprof.workload import Settings
from energyprof.workloads import WORKLOADS, workload_module


def catalogue_data() -> list[dict[str, Any]]:
    """Every workload with its sizes, targets and reference banks."""
    entries = []
    for name in WORKLOADS:
        module = workload_module(name)
        sizes = []
        for size, line in module.SIZES.items():
            plan = module.plan(Settings(size=size))
            sizes.append(
                {
                    "size": size,
                    "summary": line,
                    "id": plan.id(),
                    "target": {
                        "metric": plan.target.metric,
                        "value": plan.target.value,
                        "direction": plan.target.direction,
                    },
                    "max_samples": plan.max_samples,
                    "config": dict(plan.config),
                    "bank": _bank(name, size),
                }
            )
        entries.append({"name": name, "summary": module.SUMMARY, "sizes": sizes})
    return entries


def catalogue() -> RenderableType:
    """Every workload for people."""
    parts: list[RenderableType] = []
    for entry in catalogue_data():
        parts.append(Text.assemble((entry["name"], "bold"), f"  {entry['summary']}"))
        for size in entry["sizes"]:
            table = Table.grid(padding=(0, 2))
            table.add_row(Text(size["size"], style="bold cyan"), size["summary"])
            for line in _lines(size):
                table.add_row("", Text(line))
            parts.append(Padding(table, (0, 0, 0, 2)))
        parts.append(Text(f"  train it: energyprof run {entry['name']} --size {entry['sizes'][0]['size']}"))
    return Group(*parts)


def _lines(size: dict[str, Any]) -> list[str]:
    target, bank = size["target"], size["bank"]
    word = "at least" if target["direction"] == "max" else "at most"
    lines = [f"target: {target['metric']} {word} {target['value']:g}, within {size['max_samples']:,} samples"]
    lines.append(f"data: {size['config'].get('data', '?')}")
    if bank is None:
        return [*lines, "no reference bank: nobody has shown how often the target is reached"]
    best = max(bank["baselines"].values())
    lines.append(f"without a network: {best:.3f} at best")
    reached = [run for run in bank["runs"] if run["status"] == "reached"]
    samples = statistics.median(run["samples"] for run in reached)
    took_s = statistics.median(run["seconds"] for run in reached)
    made = bank["made"]
    lines.append(
        f"reference: {len(reached)} of {len(bank['runs'])} seeds reach it, in the median after {samples:,.0f}"
        f" samples, {seconds(took_s)} of training on {made['threads']} threads of {made['device_name']}"
    )
    return lines


def _bank(name: str, size: str) -> dict[str, Any] | None:
    """The workload's reference bank: the samples that known seeds needed; ``None`` if there is none."""
    file = resources.files("energyprof.workloads") / "banks" / f"{name}-{size}.json"
    if not file.is_file():
        return None
    bank: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return bank
