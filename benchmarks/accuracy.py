"""Claims about energyprof's figures, on counters whose energy is known, beside unmodified peers:

* a window of 10 to 11 s on a counter: off by at most 0.3 %, worst case;
* a window of 0.25 s on a counter: rmse at most 5 % under a 1 Hz square wave, 10 % under bursts;
* the truth lies inside the stated uncertainty in at least 95 % of the windows.

    sudo .venv/bin/python benchmarks/accuracy.py -o accuracy.md

Every tool runs unmodified, in an environment of its own, on the same hardware (``hardware.py``) at the same
time. Its windows begin at random phases of the waveform, and the truth is the waveform's integral between its
own calls to begin and to end. Takes twelve minutes, the first time some more for the environments.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).parent))

from ending import ended
from hardware import Machine, Zone, in_namespace
from peers.jobs import SPINNING_AT_ONCE, SPINNING_JOBS, SPINS, Answer, Job, first_window_s, run
from peers.jobs import Window as Measured

from fakes.waveform import burst, constant, ramp, square

LONG_S, SHORT_S = 10.0, 0.25
LONGER = 0.1  # at most, a share
LONG_N, SHORT_N, QUICK_N = 6, 16, 2

WORST_LONG = 0.003
RMSE_SHORT = {"square 1 Hz": 0.05, "burst": 0.10}
COVERED = 0.95

# All of a mean of 60 W, so that what a tool gets wrong shows in percents that can be compared.
WAVES = {
    "constant": constant(60),
    "square 1 Hz": square(20, 100, period_s=1.0),
    "burst": burst(50, 250, period_s=2.0, length_s=0.1),
    "ramp": ramp(20, 100, period_s=3.0),
    "square 10 Hz": square(20, 100, period_s=0.1),
}
COUNTED = ("constant", "square 1 Hz", "burst", "ramp")
POLLED = ("constant", "burst", "square 10 Hz")

# A column: the adapter and its settings. CodeCarbon as it comes, and read as often as the others.
TOOLS: dict[str, tuple[str, dict[str, Any]]] = {
    "energyprof": ("energyprof", {}),
    "zeus": ("zeus", {}),
    "codecarbon": ("codecarbon", {}),
    "codecarbon 1 s": ("codecarbon", {"measure_power_secs": 1}),
    "carbontracker": ("carbontracker", {}),
    "pyJoules": ("pyjoules", {}),
}


@dataclass(frozen=True)
class Case:
    """One waveform on one kind of hardware."""

    hardware: str
    waveform: str

    @property
    def counts(self) -> bool:
        """Whether the hardware has a counter of energy."""
        return "power" not in self.hardware

    @property
    def meters(self) -> str:
        """The meters to use, in energyprof's word."""
        return "rapl" if self.hardware == "RAPL" else "nvml"

    def machine(self) -> Machine:
        """The hardware."""
        wave = WAVES[self.waveform]
        if self.meters == "rapl":
            return Machine(zones=(Zone("intel-rapl:0", "package-0", wave),))
        if not self.counts:
            return Machine(gpu={"wave": wave.spec(), "no_counter": "0", "capability": "6.1"})
        tick_s = float(self.hardware.split()[1]) / 1000
        return Machine(gpu={"wave": wave.spec(), "tick_s": tick_s})


BATCHES = tuple(
    tuple(Case(hardware, waveform) for waveform in waveforms)
    for hardware, waveforms in (
        ("RAPL", COUNTED),
        ("NVML 100 ms", COUNTED),
        ("NVML 20 ms", COUNTED),
        ("NVML power", POLLED),
    )
)


@dataclass(frozen=True)
class Cell:
    """What one tool made of one case in windows of one length."""

    case: Case
    tool: str
    length_s: float
    errors: Sequence[float]  # relative
    windows: int
    inside: Sequence[bool]  # whether the truth lies in the stated uncertainty
    inside_read: Sequence[bool]  # and in what is left of it without the sensor's gain error
    u: Sequence[float]  # the stated uncertainty, relative
    problem: str

    @property
    def rmse(self) -> float:
        """Root mean square of the errors."""
        return math.sqrt(sum(error**2 for error in self.errors) / len(self.errors))

    @property
    def largest(self) -> float:
        """The error that is furthest off."""
        return max(self.errors, key=abs)

    @property
    def mean(self) -> float:
        """The mean error."""
        return sum(self.errors) / len(self.errors)


def turns(batch: Sequence[Case], tools: Sequence[str]) -> Iterator[tuple[Sequence[Case], Sequence[str]]]:
    """What runs at the same time: all of a batch, but a tool that takes all the cores apart."""
    if batch[0].counts or SPINS not in tools:
        yield batch, tools
        return
    for first in range(0, len(batch), SPINNING_AT_ONCE):
        yield batch[first : first + SPINNING_AT_ONCE], [SPINS]
    if calm := [tool for tool in tools if tool != SPINS]:
        yield batch, calm


def schedule(first_s: float, long_n: int, short_n: int, rng: random.Random) -> list[tuple[float, float]]:
    """The windows, at random times so that their phases are random; first the long ones, then the short."""
    at_s, windows = first_s, []
    for length_s, gap_s in (*((LONG_S, 0.7),) * long_n, *((SHORT_S, 0.5),) * short_n):
        at_s += gap_s + rng.uniform(0, 1)
        # A whole number of ticks would let the errors of its two ends cancel.
        end_s = at_s + length_s * rng.uniform(1, 1 + LONGER)
        windows.append((at_s, end_s))
        at_s = end_s
    return windows


def measure(cases: Sequence[Case], tools: Sequence[str], long_n: int, short_n: int) -> list[Answer]:
    """All tools on all cases at the same time; the answers in that order."""
    each = SPINNING_JOBS if not cases[0].counts and SPINS in tools else 1
    installed = {TOOLS[label][0] for label in tools}
    first_s, rng = first_window_s(each * len(cases) * len(tools), installed), random.Random()
    jobs = []
    for case in cases:
        machine = case.machine()
        for label in tools:
            tool, settings = TOOLS[label]
            # Windows of their own for each: were they to wake at the same moment, they would wait in a queue.
            windows = schedule(first_s, long_n, short_n, rng)
            jobs.append(Job(label, tool, machine, case.meters, windows, settings))
    return run(jobs)


def cells(case: Case, answer: Answer) -> Iterator[Cell]:
    """The answer's windows, the long ones and the short ones apart."""
    wave = WAVES[case.waveform]
    for length_s in (LONG_S, SHORT_S):
        windows = [
            window
            for window, (start_s, end_s) in zip(answer.windows, answer.job.windows, strict=True)
            if length_s <= end_s - start_s <= length_s * (1 + LONGER)
        ]
        known = [window for window in windows if window.energy_j is not None]
        truths = [wave.energy_j(window.begin_s, window.end_s) for window in known]
        stated = [(w, truth) for w, truth in zip(known, truths, strict=True) if w.u_j is not None]
        yield Cell(
            case,
            answer.job.label,
            length_s,
            [_energy(window) / truth - 1 for window, truth in zip(known, truths, strict=True)],
            len(windows),
            [abs(_energy(w) - truth) <= (w.u_j or 0.0) for w, truth in stated],
            [abs(_energy(w) - truth) <= (w.read_u_j or 0.0) for w, truth in stated],
            [(w.u_j or 0.0) / truth for w, truth in stated],
            answer.error,
        )


def _energy(window: Measured) -> float:
    assert window.energy_j is not None
    return window.energy_j


def percent(share: float) -> str:
    """A share in percent with about two digits that mean something."""
    value = 100 * share
    return f"{value:.2f}" if abs(value) < 1 else f"{value:.1f}" if abs(value) < 10 else f"{value:.0f}"


def table(found: Sequence[Cell], tools: Sequence[str], length_s: float, notes: list[str]) -> list[str]:
    """Markdown: a row for each case, a column for each tool; footnotes are added to ``notes``."""
    lines = [
        "| hardware | waveform | " + " | ".join(tools) + " |",
        "| --- " * (2 + len(tools)) + "|",
    ]
    for case in dict.fromkeys(cell.case for cell in found):
        words = []
        for tool in tools:
            (cell,) = [c for c in found if (c.case, c.tool, c.length_s) == (case, tool, length_s)]
            words.append(text(cell, notes))
        lines.append(f"| {case.hardware} | {case.waveform} | " + " | ".join(words) + " |")
    return lines


def text(cell: Cell, notes: list[str]) -> str:
    """A cell: mean, largest, rmse in percent; what is missing is said in a footnote."""
    if len(cell.errors) == cell.windows:
        return f"{_sign(cell.mean)} / {_sign(cell.largest)} / {percent(cell.rmse)}"
    note = f"{cell.tool}: {cell.problem or 'says nothing'}"
    if note not in notes:
        notes.append(note)
    mark = f"[{notes.index(note) + 1}]"
    if not cell.errors:
        return f"no {mark}"
    return (
        f"{_sign(cell.mean)} / {_sign(cell.largest)} / {percent(cell.rmse)}"
        f", {len(cell.errors)} of {cell.windows} {mark}"
    )


def _sign(share: float) -> str:
    return ("−" if share < 0 else "+") + percent(abs(share))


def uncertainty_table(found: Sequence[Cell]) -> list[str]:
    """Markdown: how often the truth lies inside what energyprof states."""
    lines = [
        "| hardware | waveform | window | stated U (median) | truth inside | inside, gain left out |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for cell in found:
        if cell.tool == "energyprof" and cell.inside:
            median = sorted(cell.u)[len(cell.u) // 2]
            lines.append(
                f"| {cell.case.hardware} | {cell.case.waveform} | {cell.length_s:g} s | {percent(median)} % "
                f"| {sum(cell.inside)} of {cell.windows} | {sum(cell.inside_read)} of {cell.windows} |"
            )
    return lines


def broken(found: Sequence[Cell]) -> list[str]:
    """The claims that energyprof does not keep, in words."""
    ours = [cell for cell in found if cell.tool == "energyprof"]
    problems = []
    for cell in ours:
        where = f"{cell.case.hardware}, {cell.case.waveform}, {cell.length_s:g} s"
        if len(cell.errors) < cell.windows:
            problems.append(f"{where}: {len(cell.errors)} of {cell.windows} windows measured: {cell.problem}")
        if not cell.errors or not cell.case.counts:
            continue
        if cell.length_s == LONG_S and abs(cell.largest) > WORST_LONG:
            problems.append(f"{where}: off by {percent(cell.largest)} %, limit {percent(WORST_LONG)} %")
        limit = RMSE_SHORT.get(cell.case.waveform)
        if cell.length_s == SHORT_S and limit is not None and cell.rmse > limit:
            problems.append(f"{where}: rmse {percent(cell.rmse)} %, limit {percent(limit)} %")
    for length_s in (LONG_S, SHORT_S):
        for hardware in dict.fromkeys(cell.case.hardware for cell in ours):
            inside = [
                one
                for cell in ours
                if (cell.case.hardware, cell.length_s) == (hardware, length_s)
                for one in cell.inside
            ]
            if inside and sum(inside) < COVERED * len(inside):
                share = f"{sum(inside)} of {len(inside)}"
                problems.append(f"{hardware}, {length_s:g} s: truth inside U in {share} windows, limit 95 %")
    return problems


def main() -> int:
    """Print the tables; 1 if energyprof does not keep a claim."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tools", default=",".join(TOOLS), help=f"of: {', '.join(TOOLS)}")
    parser.add_argument("--hardware", default="", help="only the hardware whose name holds this")
    parser.add_argument("--quick", action="store_true", help=f"n = {QUICK_N}")
    parser.add_argument("-o", "--output", type=Path, help="write the tables to this file")
    asked = parser.parse_args()
    tools = [tool.strip() for tool in asked.tools.split(",")]
    if unknown := sorted(set(tools) - set(TOOLS)):
        parser.error(f"--tools: there is no {', '.join(unknown)}; there are {', '.join(TOOLS)}")
    in_namespace()
    long_n, short_n = (QUICK_N, QUICK_N) if asked.quick else (LONG_N, SHORT_N)
    found: list[Cell] = []
    versions: dict[str, str] = {}
    start_s = time.monotonic()
    for batch in BATCHES:
        if asked.hardware not in batch[0].hardware:
            continue
        print(f"{batch[0].hardware} …", file=sys.stderr, flush=True)
        for cases, turn in turns(batch, tools):
            answers = iter(measure(cases, turn, long_n, short_n))
            for case in cases:
                for label in turn:
                    answer = next(answers)
                    versions[label] = answer.version
                    found += cells(case, answer)
    notes: list[str] = []
    lines = [", ".join(f"{label} {number}" for label, number in versions.items()) + "."]
    for length_s, count in ((LONG_S, long_n), (SHORT_S, short_n)):
        what = f"Windows of {length_s:g} s and up to a tenth more, n = {count}"
        lines += ["", f"{what}: mean / largest / rmse error in %.", ""]
        lines += table(found, tools, length_s, notes)
    if notes:
        lines += ["", *(f"[{number}] {note}  " for number, note in enumerate(notes, 1))]
    if "energyprof" in tools:
        lines += ["", "What energyprof states of itself:", "", *uncertainty_table(found)]
    problems = broken(found)
    return ended(lines, problems, "broken", start_s, asked.output)


if __name__ == "__main__":
    sys.exit(main())
