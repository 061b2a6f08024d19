"""A node of eight GPUs beside a wattmeter: its BMC, and its wall power from its components."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from replay import EXACT, Log, blocks, energies, gauge, read_log, rows
from truth_row import Case

from energyprof.compare.node import calibrate_node
from energyprof.compare.offset import offset
from energyprof.compare.recording import Recording
from energyprof.compare.windows import LEVEL, PARTS
from energyprof.meter import Part
from energyprof.report.calibrated import levels, node_energy, slices
from energyprof.report.energy import Energy, MeterEnergy, Window, total
from energyprof.report.importers.imported import event
from energyprof.report.node_map import NodeMap
from energyprof.report.record import MeterRecord
from energyprof.trace.gains import BMC, NVIDIA, RAPL_DRAM, RAPL_INTEL, WATTMETER, Gain
from energyprof.trace.rows import Row
from energyprof.units import utc

NODE = "8 × V100"
GAP_S = 10.0
BLOCK_S, STRETCH_S, STEP_S = 20.0, 600.0, 10.0
MOST_OFFSET_S = 60.0
V100_W = 300.0
# The recordings name no date; only differences of time enter.
ZERO_S = 1.7e9


def wall_meter() -> MeterRecord:
    """The wattmeter, as `kwollect` describes it."""
    return gauge("wall", WATTMETER, 1.0, part="machine", boundary="wall_ac", window_s=1.0)


def exact_wall() -> MeterRecord:
    """The same as the truth."""
    return gauge("wall", EXACT, 1.0, part="machine", boundary="wall_ac")


def bmc(folder: Path) -> list[Case]:
    """The BMC's minutes by the row of BMCs."""
    wall, own = read_log(folder / "v100x8_wall.csv.gz"), read_log(folder / "v100x8_bmc.csv.gz")
    meter = gauge("ipmi:bmc", BMC, 5.0, part="machine", boundary="wall_ac", window_s=5.0)
    found: list[Case] = []
    for length_s in (60.0, STRETCH_S):
        windows = _common(wall, own, length_s)
        said = energies(meter, rows(meter.name, own, "bmc_w"), windows)
        true = energies(exact_wall(), rows("wall", wall, "wall_w"), windows)
        data = f"BMC of the {NODE} node, blocks of {length_s:.0f} s"
        found += _cases(data, "uncalibrated", (total([e]) for e in said), true)
    return found


def _common(wall: Log, other: Log, length_s: float, gap_s: float = 30.0) -> list[Window]:
    """Blocks in which both were recorded without a gap."""
    walls, others = (
        [(log.times_s[first] + 10, log.times_s[last - 1] - 10) for first, last in log.pieces(gap_s)]
        for log in (wall, other)
    )
    common = [(max(a, c), min(b, d)) for a, b in walls for c, d in others]
    return [block for span in common for block in blocks(span, length_s)]


@dataclass(frozen=True)
class NodeLog:
    """All meters of the node, in runs: the stretches without a gap."""

    wall: Log
    parts: Log
    meters: tuple[MeterRecord, ...]  # of the columns of ``parts``, in their order
    runs: tuple[Window, ...]

    def rows(self, windows: Sequence[Window]) -> list[Row]:
        """Each window as a run of its own."""
        found = []
        for number, (start_s, end_s) in enumerate(windows):
            found.append(event(0.0, "run", seed=None, monotonic_s=0.0, utc=utc(ZERO_S))._replace(run=number))
            found += self._cut(self.wall, "wall", "wall_w", start_s, end_s, number)
            for meter, column in zip(self.meters, self.parts.columns, strict=True):
                found += self._cut(self.parts, meter.name, column, start_s, end_s, number)
        return found

    @staticmethod
    def _cut(log: Log, meter: str, column: str, start_s: float, end_s: float, run: int) -> list[Row]:
        first = next(i for i, t in enumerate(log.times_s) if t >= start_s)
        last = next((i for i, t in enumerate(log.times_s) if t > end_s), len(log.times_s))
        return rows(meter, log, column, first, last, run)

    def map(self, windows: Sequence[Window]) -> NodeMap:
        """The map that `calibrate --node` draws through these stretches."""
        found = self.rows(windows)
        recording = Recording("the node", "", (wall_meter(), *self.meters), lambda: found)
        fitted, _ = calibrate_node(recording, "wall", None, "truth")
        return fitted.map

    def steady(self, windows: Sequence[Window]) -> list[Window]:
        """Those in which the load kept its level, and shortly before: as `calibrate` looks for them."""
        parts = []
        for start_s, end_s in windows:
            part_s = (end_s - start_s) / PARTS
            parts += [(start_s + i * part_s, start_s + (i + 1) * part_s) for i in range(-1, PARTS)]
        own = [
            energies(meter, rows(meter.name, self.parts, column), parts)
            for meter, column in zip(self.meters, self.parts.columns, strict=True)
        ]
        loads_j = [math.fsum(e.joules or 0.0 for e in found) for found in zip(*own, strict=True)]
        most_j, many = LEVEL * (max(loads_j) - min(loads_j)), PARTS + 1
        each = [loads_j[many * i : many * (i + 1)] for i in range(len(windows))]
        return [w for w, found in zip(windows, each, strict=True) if max(found) - min(found) <= most_j]

    def cases(self, data: str, how: str, by: NodeMap, windows: Sequence[Window]) -> Iterator[Case]:
        """The node's energy by ``by`` from the components alone, against the wall's."""
        # The truth is the meter that the map was drawn by: its gain is in both, and drops out.
        by = replace(by, reference_u=0.0)
        own, sliced = self._own(windows), self._own([part for one in windows for part in slices(one)])
        true = energies(exact_wall(), rows("wall", self.wall, "wall_w"), windows)
        parts = len(next(iter(sliced.values()))) // max(1, len(windows))
        said = (
            node_energy(
                by,
                {name: found[i] for name, found in own.items()},
                window,
                utc(ZERO_S),
                None,
                levels(
                    by,
                    {name: found[i * parts : (i + 1) * parts] for name, found in sliced.items()},
                    window[1] - window[0],
                ),
            )
            for i, window in enumerate(windows)
        )
        return _cases(data, how, said, true)

    def _own(self, windows: Sequence[Window]) -> dict[str, list[MeterEnergy]]:
        """What each component's meter says of the windows."""
        return {
            meter.name: energies(meter, rows(meter.name, self.parts, column), windows)
            for meter, column in zip(self.meters, self.parts.columns, strict=True)
        }


def node_log(folder: Path) -> NodeLog:
    """The node's recordings."""
    wall, parts = read_log(folder / "v100x8_wall.csv.gz"), read_log(folder / "v100x8_component.csv.gz")
    wall = _joined(wall, parts)
    meters = tuple(map(_component, parts.columns))
    times = parts.times_s
    runs = tuple((times[first], times[last - 1]) for first, last in parts.pieces(GAP_S))
    return NodeLog(wall, parts, meters, runs)


def _joined(wall: Log, parts: Log) -> Log:
    """The wall's log by the components' clock: the steps that both show tell how far they are apart."""
    loads = zip(parts.times_s, *parts.columns.values(), strict=True)
    found = offset(
        [(t, math.fsum(powers_w)) for t, *powers_w in loads],
        list(zip(wall.times_s, wall.columns["wall_w"], strict=True)),
        MOST_OFFSET_S,
    )
    return replace(wall, times_s=tuple(t - found.offset_s for t in wall.times_s))


def _component(column: str) -> MeterRecord:
    kinds: dict[str, tuple[str, Gain, Part, float]] = {
        "package": ("rapl:package-", RAPL_INTEL, "cpu", 0.0),
        "dram": ("rapl:dram-", RAPL_DRAM, "dram", 0.0),
        "gpu": ("nvml:", NVIDIA, "gpu", V100_W),
    }
    word = column.removesuffix("_w")
    kind, number = word.rstrip("0123456789"), word.lstrip("abcdefghijklmnopqrstuvwxyz")
    name, gain, part, most_w = kinds[kind]
    return gauge(f"{name}{number}", gain, 0.5, part=part, most_w=most_w)


def node(folder: Path) -> list[Case]:
    """Calibrated on one part of the recordings, used on another."""
    log = node_log(folder)
    half = len(log.runs) // 2 if len(log.runs) < 3 else _half(log.runs)
    first, second = log.runs[:half], log.runs[half:]
    found: list[Case] = []
    data = f"{NODE} node from its components"
    for name, made_on, used_on in (
        ("calibrated, the same hours", first[::2], first[1::2]),
        ("transferred, first to second half", first, second),
        ("transferred, second to first half", second, first),
    ):
        by = log.map(made_on)
        steady = log.steady(_blocks(used_on, BLOCK_S))
        found += log.cases(f"{data}, steady blocks of {BLOCK_S:.0f} s", name, by, steady)
        stretches = _stretches(used_on)
        apart = len(_blocks(used_on, STRETCH_S)) / len(stretches)
        every = log.cases(f"{data}, every stretch of {STRETCH_S:.0f} s", name, by, stretches)
        found += [replace(case, share=apart) for case in every]
    return found


def steady_blocks(runs: Sequence[Window]) -> list[Window]:
    """The blocks of a map's windows, before those without a level are left out."""
    return _blocks(runs, BLOCK_S)


def _half(runs: Sequence[Window]) -> int:
    """Where the longest break is."""
    return 1 + max(range(len(runs) - 1), key=lambda i: runs[i + 1][0] - runs[i][1])


def _stretches(runs: Sequence[Window]) -> list[Window]:
    """Every ten minutes that begin a whole number of steps after a run does."""
    return [
        (start_s + i * STEP_S, start_s + i * STEP_S + STRETCH_S)
        for start_s, end_s in ((start_s + 5, end_s - 5) for start_s, end_s in runs)
        for i in range(int((end_s - start_s - STRETCH_S) // STEP_S) + 1)
    ]


def _blocks(runs: Sequence[Window], length_s: float) -> list[Window]:
    return [block for start_s, end_s in runs for block in blocks((start_s + 5, end_s - 5), length_s)]


def _cases(data: str, how: str, said: Iterable[Energy], true: Sequence[MeterEnergy]) -> Iterator[Case]:
    for energy, exact in zip(said, true, strict=True):
        low_j, high_j = energy.interval_j
        if energy.joules is not None and exact.joules and not math.isnan(exact.joules):
            yield Case(data, how, energy.joules, low_j, high_j, exact.joules)
