"""Whether two machines of reports are one: by their hardware's numbers, else by what they are said to be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from energyprof.report.record import NodeRecord
from energyprof.storable.frozen import dataclass

GIB = 1 << 30
Machine = Mapping[str, Any]

# same: one machine · other: two, or one that was rebuilt · unknown: nothing tells
Standing = Literal["same", "other", "unknown"]
# hardware: its numbers · name: `--machine` says so · description: what older reports call their id, which two
# machines of one model and host name have in common
By = Literal["hardware", "name", "description"]

# The board's own numbers, the firmest first: the first that both have decides.
_BOARD = ("product", "serial", "board")
# What can only be equal on one machine, though on one machine it may differ: after a boot; in a container
# that sees one of its GPUs.
_WHERE_EQUAL = ("boot", "gpus")
# Facts that must agree on one machine: it may have been given other parts.
_PARTS = ("cpu", "threads", "memory_gib", "gpus")


@dataclass(frozen=True)
class Likeness:
    """Whether two are one machine, and what says so."""

    standing: Standing
    by: By = "hardware"
    hardware: Standing = "unknown"  # what its numbers alone say


def likeness(one: Sequence[NodeRecord], other: Sequence[NodeRecord]) -> Likeness:
    """Of the machines of two reports; of several that trained together each must have its like."""
    if len(one) != len(other):
        return Likeness("other", hardware="other")
    if not one:
        return Likeness("unknown")
    if len(one) == 1:
        return _likeness(one[0].machine, other[0].machine)
    left = [node.machine for node in other]
    found: list[Likeness] = []
    for node in one:
        likes = [_likeness(node.machine, machine) for machine in left]
        best = min(range(len(likes)), key=lambda i: _FIRST.index(likes[i].standing))
        found.append(likes[best])
        del left[best]
    worst = max(found, key=lambda like: _FIRST.index(like.standing))
    numbers = max((like.hardware for like in found), key=_FIRST.index)
    weakest = max((like.by for like in found), key=_BY.index)
    return Likeness(worst.standing, weakest, numbers)


_FIRST: tuple[Standing, ...] = ("same", "unknown", "other")
_BY: tuple[By, ...] = ("hardware", "name", "description")


def _likeness(one: Machine, other: Machine) -> Likeness:
    numbers = _by_hardware(_hardware(one), _hardware(other))
    if numbers == "same" and not parts_agree(one, other):
        numbers = "other"
    names = (one.get("named"), other.get("named"))
    if all(names):
        alike = names[0] == names[1] and parts_agree(one, other)
        return Likeness("same" if alike else "other", "name", numbers)
    if _hardware(one) and _hardware(other):
        return Likeness(numbers, "hardware", numbers)
    return Likeness(_by_description(one, other), "description", numbers)


def _hardware(machine: Machine) -> Mapping[str, Any]:
    found = machine.get("hardware")
    return found if isinstance(found, dict) else {}


def _by_hardware(one: Mapping[str, Any], other: Mapping[str, Any]) -> Standing:
    for kind in _BOARD:
        if one.get(kind) and other.get(kind):
            return "same" if one[kind] == other[kind] else "other"
    if any(one.get(kind) and one[kind] == other.get(kind) for kind in _WHERE_EQUAL):
        return "same"
    if one.get("installation") and other.get("installation"):
        return "same" if one["installation"] == other["installation"] else "other"
    return "unknown"


def _by_description(one: Machine, other: Machine) -> Standing:
    """Where one is of a version that knew machines by their description alone: its id is a digest of that."""
    ids = []
    for machine, beside in ((one, other), (other, one)):
        new = bool(_hardware(machine)) and not _hardware(beside)
        ids.append(description(machine) if new else str(machine.get("id") or ""))
    if not all(ids):
        return "unknown"
    return "same" if ids[0] == ids[1] else "other"


def parts_agree(one: Machine, other: Machine) -> bool:
    """Whether both have the same processor, memory and GPUs, as far as both know."""
    mine, theirs = _described(one), _described(other)
    return all(mine[k] == theirs[k] for k in _PARTS if mine[k] is not None and theirs[k] is not None)


def description(machine: Machine) -> str:
    """The id that earlier versions gave a machine: a digest of its host's name and its parts."""
    facts = _described(machine)
    text = json.dumps([facts[name] for name in ("host", *_PARTS)], sort_keys=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _described(machine: Machine) -> dict[str, Any]:
    memory, gpus = machine.get("memory_bytes"), machine.get("gpus")
    return {
        **{name: machine.get(name) for name in ("host", "cpu", "threads")},
        "memory_gib": round(memory / GIB) if isinstance(memory, (int, float)) else None,
        "gpus": [g.get("name") if isinstance(g, dict) else g for g in gpus]
        if isinstance(gpus, list)
        else None,
    }


def known_as(machine: Machine) -> set[str]:
    """Every id under which a file of ours may know this machine."""
    named = (str(machine.get("id") or ""), *map(str, _hardware(machine).values()))
    return {*filter(None, named), *([description(machine)] if _hardware(machine) else [])}
