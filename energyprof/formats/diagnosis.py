"""What a machine is and what can be measured on it, for people and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from energyprof.formats.summary import BOUNDARIES, gpu_names
from energyprof.meter import Finding
from energyprof.selection import Selection

MARKS = {"found": ("✓", "green"), "blocked": ("✗", "red"), "absent": ("–", "dim")}
ROLES = {
    "real": "",
    "cross-check": "cross-check only, on request",
    "estimate": "an estimate, the last resort",
}


def diagnosis(facts: Mapping[str, Any], findings: Sequence[Finding], selection: Selection) -> RenderableType:
    """The machine, each kind of meter with its remedy, and what ``run`` would use."""
    parts: list[RenderableType] = [Text("machine", style="bold"), _machine(facts), Text()]
    parts.append(Text("meters", style="bold"))
    for finding in findings:
        parts += _finding(finding)
    return Group(*parts, Text(), *_verdict(selection))


def _machine(facts: Mapping[str, Any]) -> RenderableType:
    memory = f"{facts['memory_bytes'] / 2**30:.0f} GiB" if facts.get("memory_bytes") else None
    lines = [f"{facts['host']}: {facts['system']}, kernel {facts['kernel']}, {facts['arch']}"]
    threads = f"{facts['threads']} threads" if facts.get("threads") else None
    lines.append(", ".join(filter(None, [facts.get("cpu"), threads, memory])))
    lines += gpu_names(facts)
    if facts.get("jetson"):
        lines.append(str(facts["jetson"]))
    if facts.get("virtual"):
        kind = "" if facts["virtual"] == "unknown" else f" ({facts['virtual']})"
        lines.append(f"a virtual machine{kind}: the processor's energy counters are not passed through")
    if facts.get("container"):
        lines.append(f"inside a container ({facts['container']})")
    if facts.get("on_battery"):
        lines.append("on battery: plug it in, or power and clocks will change during a run")
    return Padding(Text("\n".join(lines)), (0, 0, 0, 2))


def _finding(finding: Finding) -> list[RenderableType]:
    mark, style = MARKS[finding.state]
    head = Text.assemble("  ", (mark, style), " ", (finding.kind, "bold"), f"  {finding.state}")
    if ROLES[finding.role]:
        head.append(f" ({ROLES[finding.role]})", style="dim")
    body = [finding.reason] if finding.reason else []
    for source in finding.sources:
        info = source.info
        device = f", {info.device}" if info.device else ""
        body.append(f"{info.name}: {info.part}, {info.method}, ± {100 * info.gain_a:.0f} %{device}")
    body += finding.notes
    lines: list[RenderableType] = [head]
    lines += [Padding(Text(line), (0, 0, 0, 6)) for line in body]
    if finding.remedy:
        # A command must stay one line when it is copied, however narrow the terminal.
        lines.append(Text(f"      try: {finding.remedy}", style="cyan", no_wrap=True, overflow="ignore"))
    return lines


def _verdict(selection: Selection) -> list[Text]:
    if not selection.sources:
        return [Text("`energyprof run` would measure no energy here: there is no meter.", style="yellow")]
    names = ", ".join(selection.counted)
    boundary = BOUNDARIES.get(selection.boundary or "", "")
    if selection.estimated:
        return [
            Text(f"`energyprof run` would estimate with {names}: no meter is within reach.", style="yellow")
        ]
    return [Text(f"`energyprof run` would measure with {names}: {boundary}.", style="green")]


def diagnosis_data(
    facts: Mapping[str, Any], findings: Sequence[Finding], selection: Selection
) -> dict[str, Any]:
    """The same as JSON data."""
    return {
        "machine": dict(facts),
        "meters": [
            {
                "kind": finding.kind,
                "role": finding.role,
                "state": finding.state,
                "reason": finding.reason,
                "remedy": finding.remedy,
                "notes": list(finding.notes),
                "meters": [
                    {
                        "name": s.info.name,
                        "part": s.info.part,
                        "boundary": s.info.boundary,
                        "method": s.info.method,
                        "estimated": s.info.estimated,
                        "device": s.info.device,
                    }
                    for s in finding.sources
                ],
            }
            for finding in findings
        ],
        "auto": {
            "meters": list(selection.counted),
            "boundary": selection.boundary,
            "estimated": selection.estimated,
        },
    }
