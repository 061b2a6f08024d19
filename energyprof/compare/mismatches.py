"""What must agree before reports may be compared, and every way in which they disagree."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from energyprof.compare.machines import alike_to_first, facts_of, machine_id
from energyprof.errors import NotComparable
from energyprof.report.facts import flat
from energyprof.report.record import MeterRecord, Report, WorkloadRecord
from energyprof.storable.frozen import dataclass

Aspect = Literal["task", "work", "boundary", "origin", "meters", "machine"]

# Of more values or reports than this, a line names the first and counts the rest.
NAMED = 3
LONGEST = 80  # characters of a value that are shown
_MACHINE_FACTS = ("host", "cpu", "threads", "memory_bytes", "gpus")


@dataclass(frozen=True)
class Mismatch:
    """One difference between reports, in one line."""

    kind: Aspect
    message: str


def mismatches(reports: Sequence[Report], labels: Sequence[str], kinds: Iterable[Aspect]) -> list[Mismatch]:
    """Every difference of these ``kinds``, all at once; ``labels`` name the reports."""
    return [Mismatch(kind, message) for kind in kinds for message in _FINDERS[kind](reports, labels)]


def refuse(found: Sequence[Mismatch], what: str, remedy: str = "") -> None:
    """Raise if anything was found.

    Raises:
        NotComparable: the message begins with ``what`` and has one line per difference.
    """
    if found:
        lines = [f"  {obstacle.kind}: {obstacle.message}" for obstacle in found]
        raise NotComparable("\n".join([what, *lines, *([remedy] if remedy else [])]))


def same_task(one: WorkloadRecord, other: WorkloadRecord) -> bool:
    """Whether both are to achieve the same.

    Equal work is, whatever is known of the task, and so is what differs in nothing but its code.
    """
    known = one.work == other.work or one.task == other.task != ""
    settings = [(work.name, work.size, work.config) for work in (one, other)]
    return one.target == other.target and (known or settings[0] == settings[1])


def same_script(one: WorkloadRecord, other: WorkloadRecord) -> bool:
    """Whether both are one script of the user's with the same arguments and target; its code may differ."""
    scripts = all(work.size is None and "arguments" in work.config for work in (one, other))
    return scripts and (one.name, one.config, one.target) == (other.name, other.config, other.target)


def _task(reports: Sequence[Report], labels: Sequence[str]) -> list[str]:
    works = [report.workload for report in reports]
    if all(same_task(works[0], work) for work in works):
        return []
    if len({work.name for work in works}) > 1:
        return _differing([{"name": work.name} for work in works], labels)
    known = all(work.task for work in works)
    facts = [_aim(work) if known else _all_facts(work) for work in works]
    lines = _differing(facts, labels) or _differing(
        [{"task": _short(work.task or work.work)} for work in works], labels
    )
    unknown = [label for work, label in zip(works, labels, strict=True) if not work.task]
    return [_joined(lines) + (f" (what {_few(unknown)} must achieve is not known)" if unknown else "")]


def _work(reports: Sequence[Report], labels: Sequence[str]) -> list[str]:
    works = [report.workload for report in reports]
    if len({(work.work, work.target) for work in works}) < 2:
        return []
    # Of two workloads the settings mean little beside each other.
    lines = _differing([{"name": work.name, "size": work.size} for work in works], labels)
    lines = lines or _differing([_all_facts(work) for work in works], labels)
    if lines:
        return [_joined(lines)]
    return [f"the code: {line}" for line in _differing([{"id": _short(work.work)} for work in works], labels)]


def differing_samples(reports: Sequence[Report], labels: Sequence[str]) -> str | None:
    """In what a sample of the one is not a sample of the other; ``None``: it is."""
    works = [report.workload for report in reports]
    keys = dict.fromkeys(key for work in works for key in work.sample_keys)
    lines = _differing([_of_config(work, tuple(keys)) for work in works], labels)
    return _joined(lines) if lines else None


def _all_facts(work: WorkloadRecord) -> dict[str, Any]:
    named = {"name": work.name, "size": work.size, "target": target_words(work)}
    return {**named, **flat({"config": work.config})}


def _aim(work: WorkloadRecord) -> dict[str, Any]:
    return {"target": target_words(work), **_of_config(work, work.task_keys)}


def _of_config(work: WorkloadRecord, keys: tuple[str, ...]) -> dict[str, Any]:
    """The config's entries under ``keys``, and those that hold one of them."""
    entries = flat({"config": work.config})
    wanted = [f"config.{key}" for key in keys]
    return {
        key: fact
        for key, fact in entries.items()
        if any(key == other or key.startswith(f"{other}.") or other.startswith(f"{key}.") for other in wanted)
    }


def _short(identity: str) -> str:
    """As much of a digest as tells two apart."""
    return identity[:19]


def target_words(work: WorkloadRecord) -> str:
    """Such as ``dice >= 0.8``."""
    if work.target is None:
        return "none"
    sign = ">=" if work.target.direction == "max" else "<="
    return f"{work.target.metric} {sign} {work.target.value:g}"


def _joined(lines: Sequence[str]) -> str:
    rest = len(lines) - NAMED
    return "; ".join(lines[:NAMED]) + (f"; and {rest} more" if rest > 0 else "")


def _boundary(reports: Sequence[Report], labels: Sequence[str]) -> list[str]:
    return _differing([{"": report.boundary or "no meter"} for report in reports], labels)


def _origin(reports: Sequence[Report], labels: Sequence[str]) -> list[str]:
    return _differing([{"": report.origin} for report in reports], labels)


def _meters(reports: Sequence[Report], labels: Sequence[str]) -> list[str]:
    """What the totals include and how it is read.

    On one machine every meter must be the same. Across machines the kinds must be; how many of a
    kind there are may differ.
    """
    one_machine = all(alike_to_first(report, reports[0]).standing == "same" for report in reports[1:])
    held = [
        sorted(
            {
                f"{m.name} ({_method(m)})" if one_machine else f"{m.part} by {m.info.kind}"
                for m in report.meters
                if m.counted
            }
        )
        for report in reports
    ]
    return _differing([{"": "; ".join(names) or "none"} for names in held], labels)


def _method(meter: MeterRecord) -> str:
    """How it was read; a meter with and without calibration counts as two different meters."""
    calibration = meter.info.calibration
    if calibration is None:
        return meter.method
    return f"{meter.method}, calibrated: × {calibration.gain:.4g} {calibration.offset_w:+.3g} W"


def _machine(reports: Sequence[Report], labels: Sequence[str]) -> list[str]:
    found = [alike_to_first(report, reports[0]) for report in reports[1:]]
    if all(like.standing == "same" for like in found):
        return []
    if any(like.standing == "other" for like in found):
        facts = [{k: facts_of(report, k) for k in _MACHINE_FACTS} for report in reports]
        named = [{"named": [node.machine.get("named") for node in report.nodes]} for report in reports]
        return _differing(facts, labels) or _differing(named, labels) or [_OTHER_HARDWARE]
    nameless = [label for r, label in zip(reports, labels, strict=True) if not machine_id(r)]
    return [f"not known in {_few(nameless)}" if nameless else UNTOLD]


# Of machines with the same description.
_OTHER_HARDWARE = "the same description, but other hardware: its UUID or serial number differs"
UNTOLD = "nothing tells whether it is one machine: no number of its hardware is known in both"


_FINDERS: Mapping[Aspect, Callable[[Sequence[Report], Sequence[str]], list[str]]] = {
    "task": _task,
    "work": _work,
    "boundary": _boundary,
    "origin": _origin,
    "meters": _meters,
    "machine": _machine,
}


# What a work that does not speak of it has.
UNSAID = {"config.paradigm.name": "central"}


def _differing(facts: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> list[str]:
    """A line for each key whose values differ: ``batch_size is 4 in a, 8 in b``."""
    lines = []
    for key in dict.fromkeys(key for fact in facts for key in fact):
        holders: dict[str, list[str]] = {}
        for fact, label in zip(facts, labels, strict=True):
            shown = _shown(fact[key]) if key in fact else UNSAID.get(key, "absent")
            holders.setdefault(shown, []).append(label)
        if len(holders) > 1:
            parts = [f"{shown} in {_few(names)}" for shown, names in list(holders.items())[:NAMED]]
            rest = len(holders) - NAMED
            more = f", and {rest} other value{'s' if rest > 1 else ''}" if rest > 0 else ""
            lines.append((f"{_shown(key)} is " if key else "") + ", ".join(parts) + more)
    return lines


def settings_apart(configs: Sequence[Mapping[str, Any]], *, always: bool = True) -> list[str]:
    """Of each the settings that are not the same in all: ``precision bf16, prune 0.33``.

    What most of them share is left out, unless nothing else would be said and something is ``always`` to be;
    if not, so is what one lacks. Of equal ones: nothing.
    """
    if not configs:
        return []
    shown = [{key: _shown(value) for key, value in config.items()} for config in configs]
    keys = list(dict.fromkeys(key for one in shown for key in one))
    values = {key: [one.get(key, UNSAID.get(f"config.{key}", "absent")) for one in shown] for key in keys}
    common = {key: max(dict.fromkeys(column), key=column.count) for key, column in values.items()}
    differing = [key for key in keys if len(set(values[key])) > 1]
    said = []
    for i in range(len(configs)):
        own = [key for key in differing if values[key][i] != common[key]]
        own = (own or differing) if always else [key for key in own if key in shown[i]]
        named = [f"{_shown(key)} {values[key][i]}" for key in own]
        rest = len(named) - NAMED
        said.append(", ".join(named[:NAMED]) + (f" and {rest} more" if rest > 0 else ""))
    return said


def _few(names: Sequence[str]) -> str:
    rest = len(names) - NAMED
    return " and ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")  # so much of one tells it from others


def _shown(fact: Any) -> str:
    # JSON escapes control characters, so that a report from elsewhere cannot control the terminal.
    text = json.dumps(fact, sort_keys=True, ensure_ascii=True, default=str)
    text = text.strip('"') if isinstance(fact, str) else text
    text = _DIGEST.sub(r"\1", text)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
