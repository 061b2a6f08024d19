"""Logs that say each thing in a line of its own, block after block: powermetrics, IPMI, nvidia-smi -q."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from energyprof.storable.frozen import dataclass
from energyprof.trace.logs.table import Row, Table
from energyprof.trace.logs.text import chunks


@dataclass(frozen=True)
class Blocks:
    """One such log. A block begins with ``begin``; expressions have groups for what they are read for."""

    sign: str  # in a line of any such log
    begin: str
    time: str
    values: tuple[tuple[str, str], ...]  # what finds each, and the title of its column
    time_title: str
    device: str = ""  # a line that begins the part of one device
    beside: str = ""  # one that begins a part of what is more than the device, as deep as what ends it


POWERMETRICS = Blocks(
    sign=r"\*\*\* Sampled system activity \(",
    begin=r"\*\*\* Sampled system activity \(",
    time=r"Sampled system activity \((.*?)\) \([\d.]+ms elapsed\)",
    values=(
        (r"^Combined Power \(.*\): *([\d.]+ m?W)$", "Combined Power (CPU + GPU + ANE)"),
        (r"^(?:Package Power|Intel energy model.*): *([\d.]+ ?m?W)$", "Package Power"),
        (r"^CPU Power: *([\d.]+ m?W)$", "CPU Power"),
        (r"^GPU Power: *([\d.]+ m?W)$", "GPU Power"),
        (r"^ANE Power: *([\d.]+ m?W)$", "ANE Power"),
        (r"^DRAM Power: *([\d.]+ m?W)$", "DRAM Power"),
    ),
    time_title="powermetrics time",
)
IPMITOOL = Blocks(
    sign=r"^\s*Instantaneous power reading:",
    begin=r"^\s*Instantaneous power reading:",
    time=r"^\s*IPMI timestamp: *(.*?)\s*$",
    values=((r"^\s*Instantaneous power reading: *(\d+) Watts", "Instantaneous power reading (Watts)"),),
    time_title="timestamp",
)
FREEIPMI = Blocks(
    sign=r"^\s*Current Power +: *\d+ Watts",
    begin=r"^\s*Current Power +:",
    time=r"^\s*Time Stamp +: *(\S+) - (\S+)",
    values=((r"^\s*Current Power +: *(\d+) Watts", "Instantaneous power reading (Watts)"),),
    time_title="timestamp",
)
NVIDIA_SMI_Q = Blocks(
    sign=r"^=+NVSMI LOG=+$",
    begin=r"^=+NVSMI LOG=+$",
    time=r"^Timestamp *: *(.*?)\s*$",
    values=(
        (r"^\s+(?:Instantaneous )?Power Draw *: *([\d.]+ W)$", "power.draw [W]"),
        (r"^\s+Average Power Draw *: *([\d.]+ W)$", "power.draw.average [W]"),
    ),
    time_title="timestamp",
    device=r"^GPU ([0-9A-Fa-f:.]+)$",
    beside=r"^(\s+)Module Power Readings\s*$",
)
BLOCKS = (POWERMETRICS, IPMITOOL, FREEIPMI, NVIDIA_SMI_Q)


def blocks(path: Path, lines: Sequence[str], growing: bool) -> Table | None:
    """The blocks as rows, one a block, or one a device of it."""
    for kind in BLOCKS:
        sign = re.compile(kind.sign)
        if any(sign.search(line) for line in lines):
            break
    else:
        return None
    device = ("gpu_bus_id",) if kind.device else ()
    # What this machine, or this version, does not say is not a column.
    there = [value for value in kind.values if any(re.match(value[0], line.rstrip()) for line in lines)]
    shown = there or kind.values
    titles = (kind.time_title, *device, *(title for _, title in shown))

    def rows() -> Iterator[Row]:
        begin, time, own = re.compile(kind.begin), re.compile(kind.time), re.compile(kind.device or r"(?!)")
        values = [re.compile(pattern) for pattern, _ in shown]
        more = re.compile(kind.beside or r"(?!)")
        at, stamp, name, depth = 0, "", "", -1
        found = [""] * len(values)

        def row() -> list[Row]:
            if not any(found):
                return []
            return [Row(at, [stamp, *([name] if kind.device else []), *found])]

        for number, line in _numbered(path, growing):
            starts, part = begin.search(line), own.match(line)
            if starts or part:
                yield from row()
                found = [""] * len(values)
                at, name = number, part[1] if part else ""
                stamp = stamp if part else ""
            if when := time.search(line):
                stamp = " ".join(when.groups())
            if other := more.match(line):
                depth = len(other[1])
            elif line and len(line) - len(line.lstrip()) <= depth:
                depth = -1
            if depth >= 0:
                continue
            for i, pattern in enumerate(values):
                if not found[i] and (match := pattern.match(line)):
                    found[i] = match[1]
        # A block that a kill cut off has lost no more than what follows.
        yield from row()

    return Table(path, titles, 0, "", rows)


def _numbered(path: Path, growing: bool) -> Iterator[tuple[int, str]]:
    for first, some in chunks(path, growing=growing):
        yield from enumerate((line.rstrip() for line in some), first)
