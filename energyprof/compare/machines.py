"""The machines of reports: what they are called, and whether two reports are of one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from energyprof.compare.statistics.sequential import one_series
from energyprof.report.machines import Likeness, known_as, likeness
from energyprof.report.record import MeterRecord, Report
from energyprof.storable.once import once, once_beside

# A device's own number: NVIDIA's UUIDs, others' UUIDs, the address of a network card.
_OWN_NUMBER = re.compile(
    r"\b(?:GPU|MIG)-\w+|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b|"
    r"\b[0-9a-f]{12}\b",
    re.IGNORECASE,
)


@once_beside
def alike(one: Report, other: Report) -> Likeness:
    """Whether both were made on one machine. Those of one series were, by what made them."""
    found = likeness(one.nodes, other.nodes)
    if found.standing == "unknown" and one_series(one, other):
        return Likeness("same", hardware="same")
    return found


@once_beside
def alike_to_first(report: Report, first: Report) -> Likeness:
    """`alike` of the first of many reports and another: kept with the other, since the first has many."""
    return alike(first, report)


@once
def own_number(meter: MeterRecord) -> str:
    """What tells the device from every other of its make; empty if it is only known by its machine."""
    found = _OWN_NUMBER.search(meter.info.device)
    return f"{meter.info.kind} {meter.part} {found[0].lower()}" if found else ""


def machine_id(report: Report) -> str:
    """The identity of the machine, or of all nodes together; empty if one of them has none."""
    return joint_id([str(node.machine.get("id", "")) for node in report.nodes])


def joint_id(ids: Sequence[str]) -> str:
    """The identity of machines that trained together, whatever their order; empty if one of them has none."""
    return "+".join(sorted(ids)) if all(ids) else ""


def machine_name(report: Report) -> str:
    """Host, processor and GPUs, as far as the report has them; of several nodes, each."""
    return " + ".join(filter(None, (_node_name(node.machine) for node in report.nodes)))


def _node_name(machine: Mapping[str, Any]) -> str:
    gpus = _gpu_names(machine.get("gpus"))
    parts = (machine.get("named"), machine.get("host"), machine.get("cpu"))
    # A machine's facts are anything: another program may have written them.
    said = [str(part) for part in (*parts, *(gpus if isinstance(gpus, list) else ())) if part]
    return ", ".join(dict.fromkeys(said))


def facts_of(report: Report, key: str) -> Any:
    """One fact of the machine, or of each node."""
    found = [_gpu_names(node.machine.get(key)) for node in report.nodes]
    return found[0] if len(found) == 1 else found


def _gpu_names(fact: Any) -> Any:
    if isinstance(fact, list):
        return [gpu.get("name") if isinstance(gpu, dict) else gpu for gpu in fact]
    return fact


def machine_ids(report: Report) -> set[str]:
    """Every id under which a file of ours may know the machine of a report, or its nodes together."""
    if len(report.nodes) == 1:
        return known_as(report.nodes[0].machine)
    return {joined} if (joined := machine_id(report)) else set()


def weakly_known(reports: Sequence[Report], labels: Sequence[str]) -> list[str]:
    """A line if nothing but host name and description say that these are of one machine, and it matters."""
    for report, label in zip(reports[1:], labels[1:], strict=True):
        found = alike_to_first(report, reports[0])
        if found.standing == "same" and found.by == "description" and _has_gain(report):
            return [
                f"{labels[0]} and {label} are taken to be of one machine by host name and description alone: "
                "no number of its hardware is known in both; of two machines both meters' gains would count"
            ]
    return []


def _has_gain(report: Report) -> bool:
    """Of a meter that only its machine tells from others of its make."""
    told = all(own_number(meter) for meter in report.meters if meter.counted)
    return not told and any(run.gain_u_j for run in report.runs)
