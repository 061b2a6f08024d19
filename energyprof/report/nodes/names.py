"""What nodes and their meters are called in a joined report: "node-2/nvml:0" is node-2's meter nvml:0."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence

from energyprof.report.flags import Flag, about_a_meter
from energyprof.report.record import MeterRecord, Report
from energyprof.storable.values import fitted_text

# What a name may not hold where it stands before a meter's in a row of a trace.
_MARKS = re.compile(r'[/,"@\s]')


def node_names(reports: Iterable[Report]) -> tuple[str, ...]:
    """A name for each report's node: its own, with a number behind it where another has it already."""
    names: dict[str, None] = {}
    for number, report in enumerate(reports, 1):
        own = report.nodes[0].name if report.nodes else ""
        name = _MARKS.sub("_", own)[:100] or f"node-{number}"
        tries = (f"{name}#{count}" for count in range(2, number + 2))
        names[name if name not in names else next(other for other in tries if other not in names)] = None
    return tuple(names)


def meters_named(meters: Sequence[MeterRecord], node: str) -> tuple[MeterRecord, ...]:
    """A node's meters as the joined report calls them; meters of two nodes are never read together."""
    named = []
    for meter in meters:
        info = dataclasses.replace(
            meter.info,
            name=f"{node}/{meter.info.name}",
            checks=meter.info.checks and f"{node}/{meter.info.checks}",
            lane=meter.info.lane and f"{node}/{meter.info.lane}",
        )
        flags = flags_named(meter.flags, node)
        named.append(dataclasses.replace(meter, name=f"{node}/{meter.name}", info=info, flags=flags))
    return tuple(named)


def meters_of(meters: Sequence[MeterRecord], node: str) -> tuple[MeterRecord, ...]:
    """The other way: a node's meters among those of a joined report, under their own names."""
    own = f"{node}/"
    found = []
    for meter in meters:
        if meter.name.startswith(own):
            info = dataclasses.replace(
                meter.info,
                name=meter.info.name.removeprefix(own),
                checks=meter.info.checks.removeprefix(own),
                lane=meter.info.lane.removeprefix(own),
            )
            found.append(dataclasses.replace(meter, name=meter.name.removeprefix(own), info=info))
    return tuple(found)


def flags_named(flags: Iterable[Flag], node: str) -> tuple[Flag, ...]:
    """Flags of a node, of which each names it."""
    named = []
    for of_node in flags:
        if of_node.meter or about_a_meter(of_node.kind):
            named.append(dataclasses.replace(of_node, meter=f"{node}/{of_node.meter}".rstrip("/")))
        else:
            detail = fitted_text(f"{node}: {of_node.detail}") if of_node.detail else node
            named.append(dataclasses.replace(of_node, detail=detail))
    return tuple(named)


def actor_named(actor: str, node: str) -> str:
    """Whose phase it is: the node's, or one of its actors'."""
    return f"{node}/{actor}" if actor else node
