"""carbontracker's log: for each epoch its duration and the mean power of each component, so totals only.

A component with several devices is written as their powers, ``[61.2 60.8]``, or (2.4.7) as the mean over
them, one number. A CPU without RAPL has half its TDP, and a simulated device any power.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timezone
from pathlib import Path

from energyprof.errors import FileError, UsageError
from energyprof.meter import Part
from energyprof.report.importers.imported import Imported, Request, header, holds, line_with, text_of
from energyprof.report.importers.totals import COVERAGE, UNCERTAINTY, WindowTotals, total_meter, total_run
from energyprof.storable.values import MAX_TIME_S
from energyprof.trace.stamps import seconds

# So many missing epochs are named.
NAMED = 5
PARTS: dict[str, Part] = {"gpu": "gpu", "cpu": "cpu"}

_LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) - (.*)")
_EPOCH = re.compile(r"Epoch \d+:")
_DURATION = re.compile(r"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)")
_POWER = re.compile(r"Average power usage \(W\) for (\w+): (.*)")
_DEVICES = re.compile(r"(\w+) with device\(s\) (.*?)\.(?= \w+ with device|$)")
_NAME = re.compile(r"(?:(.+)_)?\d+\.\d+_\d{4}-\d\d-\d\dT\d+Z_carbontracker")


def recognises(path: Path) -> bool:
    """Whether carbontracker wrote it."""
    return holds(path, "carbontracker version ") or holds(path, "CarbonTracker: ")


def read(request: Request) -> Imported:
    """A run for each file, its epochs as phases. Raises as `Importer`."""
    if request.power:
        raise UsageError("carbontracker's log holds totals: no power log can be joined to it")
    notes = [
        "carbontracker does not write whether a device was metered, modelled or simulated: an estimate",
        "its factor for the data centre (PUE) is not applied",
        "its times have no zone and are taken as UTC",
        COVERAGE,
        UNCERTAINTY,
    ]
    by_file: dict[Path, list[WindowTotals]] = {}
    names: dict[str, None] = {}
    facts: dict[Path, dict[str, object]] = {}
    for path in request.files:
        messages = _messages(path)
        devices = _devices(text for _, text in messages)
        by_file[path], several = _epochs(path, messages, devices)
        if missing := _missing(by_file[path]):
            notes.append(f"{path.name}: {missing}: no part of the total")
        notes += [
            f"{path.name}: {name} is a mean over {len(devices[name])} devices: taken times their number"
            for name in several
        ]
        if line_with(path, "Training was interrupted"):
            notes.append(f"{path.name}: it was stopped before all its epochs")
        names.update(dict.fromkeys(name for window in by_file[path] for name in window.by_meter_j))
        facts[path] = {"log": path.name, "devices": devices}
        if version := re.search(r"carbontracker version (\S+)", "\n".join(text for _, text in messages)):
            facts[path]["carbontracker_version"] = version[1]
    works = dict.fromkeys(_work(path) for path in request.files)
    if len(works) > 1:
        raise UsageError(f"a report is about one work: these are {', '.join(works)}")
    meters = [
        total_meter(
            name,
            "carbontracker",
            PARTS.get(name.partition(":")[2], "machine"),
            "mean power of each epoch",
            origin="modelled",
            counted=True,
        )
        for name in names
    ]
    report = header(
        "carbontracker",
        next(iter(works)),
        {"components": sorted(names)},
        machine={},
        boundary="component",
        meters=meters,
        notes=notes,
        runs=[total_run(windows, list(names), facts[path]) for path, windows in by_file.items()],
    )
    return Imported(report)


def _messages(path: Path) -> list[tuple[str, str]]:
    """The lines as their times and texts; a long list of powers goes on in the next line.

    Raises:
        FileError: it is the other log, which holds a data centre's overhead and no epochs.
    """
    messages: list[tuple[str, str]] = []
    for line in text_of(path).splitlines():
        if match := _LINE.match(line):
            messages.append((match[1], match[2].strip()))
        elif messages and line.strip():
            messages[-1] = (messages[-1][0], f"{messages[-1][1]} {line.strip()}")
    if any(text.startswith("CarbonTracker: ") for _, text in messages):
        other = path.name.replace("_carbontracker_output.log", "_carbontracker.log")
        raise FileError(f"{path}: this log has the data centre's overhead in it; import {other} beside it")
    return messages


def _devices(texts: Iterable[str]) -> dict[str, list[str]]:
    """The devices of each component, as its first line on them names them."""
    found = next((text for text in texts if text.startswith("The following components were found:")), "")
    listed = found.partition("found:")[2].strip()
    return {name.lower(): devices.split(", ") for name, devices in _DEVICES.findall(listed)}


def _epochs(
    path: Path, messages: Iterable[tuple[str, str]], devices: Mapping[str, list[str]]
) -> tuple[list[WindowTotals], list[str]]:
    """The epochs, and the components of which the log has the mean over several devices."""
    windows: list[WindowTotals] = []
    several: dict[str, None] = {}
    for epoch in _parts(messages):
        stamp, title = epoch[0]
        span_s = None
        joules: dict[str, float | None] = {}
        for _, text in epoch[1:]:
            if duration := _DURATION.match(text):
                span_s = float(duration[1]) * 3600 + float(duration[2]) * 60 + float(duration[3])
                if span_s > MAX_TIME_S:
                    raise FileError(f"{path}: {text[:40]}: no epoch lasts so long")
            elif (power := _POWER.match(text)) and span_s is not None:
                component, listed = power[1].lower(), power[2].startswith("[")
                count = 1 if listed else max(1, len(devices.get(component, ())))
                if count > 1:
                    several[component] = None
                watts = _watts(power[2], count)
                joules[f"carbontracker:{component}"] = None if watts is None else watts * span_s
        if span_s is not None:
            try:
                end_s = seconds(stamp, timezone.utc)
            except ValueError as error:
                raise FileError(f"{path}: {error}") from None
            windows.append(WindowTotals(title.lower().rstrip(":"), end_s - span_s, span_s, joules))
    if not windows:
        raise FileError(f"{path}: it has no epoch with a duration")
    return windows, list(several)


def _missing(windows: Sequence[WindowTotals]) -> str:
    """Which epochs the log lacks between those that it has; "" if there is none."""
    lost: list[str] = []
    for before, after in itertools.pairwise(int(window.name.split()[1]) for window in windows):
        lost += [str(epoch) for epoch in range(before + 1, after)][: NAMED + 1]
    more = " and more" if len(lost) > NAMED else ""
    return f"it has no duration of epoch {', '.join(lost[:NAMED])}{more}" if lost else ""


def _parts(messages: Iterable[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """The messages of each epoch, its title first; what stands before the first is left out."""
    parts: list[list[tuple[str, str]]] = []
    for message in messages:
        if _EPOCH.match(message[1]):
            parts.append([])
        if parts:
            parts[-1].append(message)
    return parts


def _watts(text: str, times: int) -> float | None:
    """The power of all devices; ``None``: there was no reading."""
    try:
        values = [float(word) for word in text.strip("[] ").split()]
    except ValueError:
        return None
    return times * sum(values) if values else None


def _work(path: Path) -> str:
    """The prefix that the user gave the log, if there is one."""
    match = _NAME.fullmatch(path.stem)
    return (match[1] if match else path.stem.removesuffix("_carbontracker")) or "carbontracker"
