"""What trackers of experiments keep of a run: settings, tags, figures with their ends, and its course."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from energyprof.compare.emissions import described
from energyprof.compare.figures import run_name
from energyprof.formats.interchange.contract import Source
from energyprof.formats.interchange.numbers import began_s, numbers
from energyprof.report.record import Point


class Tracked(NamedTuple):
    """One run."""

    name: str
    start_s: float | None  # since 1970; None: not known
    settings: Mapping[str, str]
    tags: Mapping[str, str]
    figures: Mapping[str, float]  # with _low and _high beside what has an interval
    history: tuple[Point, ...]


def tracked(source: Source) -> list[Tracked]:
    """The report's runs."""
    report = source.report
    tags = {
        "energyprof.version": report.energyprof,
        "energyprof.workload": f"{report.workload.name} {report.workload.size or ''}".strip(),
        "energyprof.work": report.workload.work,
        "energyprof.task": report.workload.task,
        "energyprof.origin": report.origin,
        "energyprof.boundary": report.boundary or "",
        "energyprof.meters": ", ".join(meter.name for meter in report.meters if meter.counted),
        "energyprof.machine": ", ".join(node.name for node in report.nodes),
        "energyprof.commit": report.commit.revision if report.commit else "",
        "energyprof.grid": described(source.grid) if source.grid else "",
    }
    found = []
    for index, run in enumerate(report.runs):
        figures: dict[str, float] = {}
        for number in numbers(run, source.grid).values():
            figures[number.name] = float(number.value)
            if number.low is not None and number.high is not None:
                figures |= {f"{number.name}_low": number.low, f"{number.name}_high": number.high}
        own = {"energyprof.status": run.status, "energyprof.flags": " ".join(str(f.kind) for f in run.flags)}
        settings = {name: str(value) for name, value in report.workload.config.items()}
        if run.seed is not None:
            settings["seed"] = str(run.seed)
        shown = {name: tag for name, tag in {**tags, **own}.items() if tag}
        found.append(
            Tracked(
                f"{report.workload.name}, {run_name(report, index)}",
                began_s(run),
                settings,
                shown,
                figures,
                run.history,
            )
        )
    return found
