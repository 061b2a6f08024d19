"""What each report was measured on and how, and how the machines differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from energyprof.compare.budget import gain_limits
from energyprof.formats.html.tags import Markup, paragraph, section, table, tag, text
from energyprof.formats.meters import BOUNDARIES
from energyprof.report.record import MeterRecord, Report
from energyprof.units import share, si

# Always shown; the others only where the machines differ.
ALWAYS = ("host", "cpu", "threads", "memory_bytes", "gpus")
LONGEST = 200
ABSENT = "–"


def machines(reports: Sequence[Report], labels: Sequence[str]) -> Markup:
    """The section with what differs between the machines, then the settings, then the meters."""
    columns = _together([_machine(report) for report in reports], labels)
    alike = len(columns) == 1
    parts = (
        [paragraph("All reports come from machines with the same description.")]
        if alike and len(reports) > 1
        else []
    )
    parts.append(_differences(columns, ALWAYS))
    work = _together([_work(report) for report in reports], labels)
    if len(work) > 1:
        parts += [tag("h3", text("Differences of the work")), _differences(work, ())]
    parts += [tag("h3", text("Meters")), _meters(reports, labels)]
    return section("Machines and meters" if alike else "Machine differences and meters", *parts)


def _together(
    facts: Sequence[Mapping[str, str]], labels: Sequence[str]
) -> list[tuple[str, Mapping[str, str]]]:
    """One column for all reports with the same facts: their names, and the facts."""
    columns: list[tuple[list[str], Mapping[str, str]]] = []
    for label, said in zip(labels, facts, strict=True):
        same = next((names for names, other in columns if other == said), None)
        if same is None:
            columns.append(([label], said))
        else:
            same.append(label)
    return [(", ".join(names), said) for names, said in columns]


def _differences(columns: Sequence[tuple[str, Mapping[str, str]]], always: Sequence[str]) -> Markup:
    keys = dict.fromkeys([*always, *(key for _, said in columns for key in said)])
    rows = []
    for key in keys:
        values = [said.get(key, ABSENT) for _, said in columns]
        differs = len(set(values)) > 1
        if (differs or key in always) and set(values) != {ABSENT}:
            words = text(key.removesuffix("_bytes").replace("_", " "))
            name = tag("mark", words) if differs else words
            rows.append([name, *map(text, values)])
    if not rows:
        return paragraph("Nothing is known of the machine.")
    return table(("", *(name for name, _ in columns)), rows)


def _machine(report: Report) -> dict[str, str]:
    several = len(report.nodes) > 1
    facts = {
        (f"{node.name} {key}" if several else key): _shown(key, value)
        for node in report.nodes
        for key, value in node.machine.items()
        if key not in ("id", "hardware")
    }
    trained = {str(run.facts["device"]) for run in report.runs if run.facts.get("device")}
    if trained:
        facts["trained_on"] = ", ".join(sorted(trained))
    return {key: value for key, value in facts.items() if value}


def _work(report: Report) -> dict[str, str]:
    return {"name": report.workload.name, "size": report.workload.size or ABSENT} | {
        str(key): _shown(str(key), value) for key, value in report.workload.config.items()
    }


def _shown(key: str, value: Any) -> str:
    if value is None or value == "" or value == []:
        return ""
    if key.endswith("_bytes") and isinstance(value, (int, float)):
        return si(value, "B")
    if key == "gpus" and isinstance(value, list):
        names = [str(gpu.get("name", "GPU")) if isinstance(gpu, dict) else str(gpu) for gpu in value]
        return ", ".join(f"{names.count(name)} × {name}" for name in dict.fromkeys(names))
    if isinstance(value, bool):
        return "yes" if value else "no"
    shown = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def _meters(reports: Sequence[Report], labels: Sequence[str]) -> Markup:
    """A row for each meter; reports that read it in the same way share a row."""
    heads = ("meter", "reports", "part", "boundary", "read through", "gain", "rate", "covers")
    groups: dict[tuple[object, ...], list[tuple[str, MeterRecord]]] = {}
    for report, label in zip(reports, labels, strict=True):
        for meter in report.meters:
            same = (meter.name, meter.part, meter.boundary, _method(meter), _gain(meter), meter.origin)
            groups.setdefault(same, []).append((label, meter))
    if not groups:
        return paragraph("Measured without a meter: these reports hold no energy.", "note warn")
    held = {report.boundary for report in reports if report.boundary}
    means = [paragraph(f"Boundary {name}: {BOUNDARIES.get(name, name)}.") for name in sorted(held)]
    maps = {by.source: by for report in reports if (by := report.node_map) is not None}
    means += [
        paragraph(
            f"The whole node ({BOUNDARIES.get(by.boundary, by.boundary)}), with its components:"
            f" measured with a fitted map, {by.source}; never added to theirs."
        )
        for by in maps.values()
    ]
    return tag("div", *means, table(heads, [_row(group, len(reports)) for group in groups.values()]))


def _row(group: Sequence[tuple[str, MeterRecord]], of: int) -> list[Markup]:
    meter, name = group[0][1], text(group[0][1].name)
    if meter.origin != "measured":
        name = tag("span", name, text(" "), tag("span", text("estimate"), class_="badge estimate"))
    holders = "all" if len(group) == of > 1 else ", ".join(label for label, _ in group)
    rates = [m.achieved_hz for _, m in group if m.achieved_hz is not None]
    rate = "–" if not rates else f"{min(rates):.1f} Hz"
    covered = share(min(m.coverage for _, m in group))
    words = (holders, meter.part, meter.boundary, _method(meter), _gain(meter), rate, covered)
    return [name, *map(text, words)]


def _method(meter: MeterRecord) -> str:
    return meter.method + ("" if meter.counted else ", beside the total")


def _gain(meter: MeterRecord) -> str:
    if meter.info.calibration is not None:
        return f"calibrated: {meter.info.calibration.source}"
    return f"{gain_limits(meter.info)} ({meter.info.gain_source})"
