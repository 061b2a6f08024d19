"""What a machine is and what can be measured on it, for people and as JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from energyprof.compare.budget import gain_limits
from energyprof.formats.meters import ALIKE, BOUNDARIES, row_name
from energyprof.formats.summary import gpu_names
from energyprof.measure.selection import Selection
from energyprof.meter import Finding, MeterInfo
from energyprof.profile.spot_check import SpotCheck
from energyprof.units import watts

MARKS = {"found": ("✓", "green"), "blocked": ("✗", "red"), "absent": ("–", "dim")}


def diagnosis(
    facts: Mapping[str, Any],
    findings: Sequence[Finding],
    selection: Selection,
    spot_check: SpotCheck | None,
    addresses: Sequence[str],
) -> RenderableType:
    """The machine, each kind of meter with its remedy, and what ``run`` would use.

    ``spot_check`` holds what the meters read just now; ``addresses`` are examples of meters that need one.
    """
    parts: list[RenderableType] = [Text("machine", style="bold"), _machine(facts)]
    real = [finding for finding in findings if finding.role == "real"]
    groups = (
        ("meters", [finding for finding in real if finding.state != "absent"]),
        ("on request", [f for f in findings if f.role != "real" and f.state != "absent"]),
        ("not here", [finding for finding in findings if finding.state == "absent"]),
    )
    for title, group in groups:
        if group:
            parts += [Text(), Text(title, style="bold")]
        for finding in group:
            parts += _finding(finding, spot_check)
    parts += [Text(), Text("external meters, by their address", style="bold")]
    parts += [Text(f"  --meters {words}", style="dim", no_wrap=True) for words in addresses]
    if warnings := _warnings(selection, spot_check):
        parts += [Text(), *(Text(f"! {line}", style="yellow") for line in warnings)]
    return Group(*parts, Text(), _verdict(selection))


def _machine(facts: Mapping[str, Any]) -> RenderableType:
    memory = f"{facts['memory_bytes'] / 2**30:.0f} GiB" if facts.get("memory_bytes") else None
    lines = [f"{facts['host']}: {facts['system']}, kernel {facts['kernel']}, {facts['arch']}"]
    threads = f"{facts['threads']} threads" if facts.get("threads") else None
    lines.append(", ".join(filter(None, [facts.get("cpu"), threads, memory])))
    lines += gpu_names(facts)
    if facts.get("jetson"):
        lines.append(str(facts["jetson"]))
    if facts.get("power_mode"):
        clocks = {"on": ", jetson_clocks on", "off": ", jetson_clocks off"}
        lines.append(f"power mode {facts['power_mode']}{clocks.get(facts.get('jetson_clocks') or '', '')}")
    if facts.get("virtual"):
        kind = "" if facts["virtual"] == "unknown" else f" ({facts['virtual']})"
        lines.append(f"a virtual machine{kind}: the processor's energy counters are not passed through")
    if facts.get("container"):
        lines.append(f"inside a container ({facts['container']})")
    lines.append(_identity(facts))
    if facts.get("on_battery"):
        lines.append("on battery: plug it in, or power and clocks will change during a run")
    return _indented(2, *lines)


# What a number of the hardware is to people.
_NUMBERS = {
    "product": "its board's UUID",
    "serial": "its serial number",
    "board": "its board's serial number",
    "gpus": "its GPUs' UUIDs",
    "installation": "its /etc/machine-id",
    "boot": "this boot",
}


def _identity(facts: Mapping[str, Any]) -> str:
    """What tells the machine from others in later comparisons."""
    known = [words for kind, words in _NUMBERS.items() if kind in (facts.get("hardware") or {})]
    if known in ([], [_NUMBERS["boot"]]):
        until = "only until its next boot" if known else "by nothing"
        # What the board says of itself is for root alone, where it says anything.
        other = "" if os.geteuid() == 0 else ", or run as root"
        return f"recognised as the same machine {until}: name it with --machine when you measure{other}"
    return f"recognised as the same machine by {known[0]}"


def _finding(finding: Finding, spot_check: SpotCheck | None) -> list[RenderableType]:
    mark, style = MARKS[finding.state]
    head = Text.assemble("  ", (mark, style), " ", (finding.asked or finding.kind, "bold"))
    if finding.state == "absent":
        return [_hanging(head, finding.reason)]
    lines: list[RenderableType] = [_hanging(head, _headline(finding))]
    if finding.sources:
        lines.append(
            Padding(
                _sources([source.info for source in finding.sources], spot_check), (0, 0, 0, 4), expand=False
            )
        )
    lines += [_indented(4, note, style="dim") for note in finding.notes]
    if finding.remedy:
        # A command must stay on one line so that it can be copied, however narrow the terminal.
        lines.append(Text(f"    try: {finding.remedy}", style="cyan", no_wrap=True, overflow="ignore"))
    return lines


def _headline(finding: Finding) -> str:
    if finding.state == "blocked":
        return f"blocked: {finding.reason}"
    gains = {gain_limits(source.info): source.info.gain_source for source in finding.sources}
    roles = {
        "real": "",
        "cross-check": "for comparison, never on its own",
        "estimate": "an estimate, where there is no meter",
    }
    accuracy = [f"{limits.replace('±', '± ')} ({source})" for limits, source in gains.items()]
    return ", ".join(filter(None, [roles[finding.role], *accuracy, finding.reason]))


def _sources(infos: Sequence[MeterInfo], spot_check: SpotCheck | None) -> Table:
    """A row for each meter; many of the same make share one, with what they read in total."""
    groups: dict[tuple[str, str], list[MeterInfo]] = {}
    for info in infos:
        groups.setdefault((info.part, info.method), []).append(info)
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 0, 0, 2))
    table.add_column(no_wrap=True, overflow="ignore")
    for _ in range(3):
        table.add_column(overflow="fold")
    for (part, method), group in groups.items():
        for row in [group] if len(group) >= ALIKE else [[info] for info in group]:
            powers = [spot_check.power_w(info.name) if spot_check else None for info in row]
            known = [power_w for power_w in powers if power_w is not None]
            now = watts(sum(known)) if len(known) == len(row) else ""
            table.add_row(row_name([info.name for info in row]), part, method, now)
    return table


def _hanging(head: Text, text: str) -> Table:
    """``text`` beside ``head``, with further lines below the first."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 0, 0, 2))
    table.add_column(min_width=14)
    table.add_column(overflow="fold")
    table.add_row(head, Text(text))
    return table


def _indented(width: int, *lines: str, style: str = "") -> RenderableType:
    return Padding(Text("\n".join(lines), style=style), (0, 0, 0, width), expand=False)


def _verdict(selection: Selection) -> Text:
    if not selection.sources:
        return Text("`energyprof run` would measure no energy here: there is no meter.", style="yellow")
    kinds: dict[str, list[str]] = {}
    for source in selection.sources:
        if source.info.name in selection.counted:
            kinds.setdefault(source.info.kind, []).append(source.info.name)
    names = [
        found[0] if len(found) == 1 else f"{kind} ({len(found)} meters)" for kind, found in kinds.items()
    ]
    if selection.origin != "measured":
        words = f"`energyprof run` would estimate with {', '.join(names)}: no meter is within reach."
        return Text(words, style="yellow")
    boundary = BOUNDARIES.get(selection.boundary or "", "")
    return Text(f"`energyprof run` would measure {boundary}, with {' and '.join(names)}.", style="green")


def _warnings(selection: Selection, spot_check: SpotCheck | None) -> list[str]:
    return [*selection.left_out, *(spot_check.warnings if spot_check else ())]


def diagnosis_data(
    facts: Mapping[str, Any],
    findings: Sequence[Finding],
    selection: Selection,
    spot_check: SpotCheck | None,
    addresses: Sequence[str],
    time: str,
) -> dict[str, Any]:
    """The same as JSON data; ``time``: the UTC now."""
    return {
        "time": time,
        "machine": dict(facts),
        "meters": [
            {
                "kind": finding.kind,
                "asked": finding.asked or None,
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
                        "origin": s.info.origin,
                        "device": s.info.device,
                        "gain": s.info.gain_a,
                        "gain_below": s.info.gain_below,
                        "gain_above": s.info.gain_above,
                        "gain_source": s.info.gain_source,
                        "power_w": spot_check.power_w(s.info.name) if spot_check else None,
                    }
                    for s in finding.sources
                ],
            }
            for finding in findings
        ],
        "external": list(addresses),
        "auto": {
            "meters": list(selection.counted),
            "boundary": selection.boundary,
            "origin": selection.origin,
        },
        "warnings": _warnings(selection, spot_check),
    }
