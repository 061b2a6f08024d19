"""NVIDIA boards beside a physical meter on slot and cables: gains, blocks of a load, windows and delays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from boxcar import find
from replay import EXACT, Log, blocks, energies, gauge, read_log, rows
from truth_row import Case

from energyprof.compare.statistics.fit import line
from energyprof.compare.statistics.left_out import limit
from energyprof.meter import CalibratedRange, Calibration
from energyprof.report.calibrated import transferred
from energyprof.report.energy import total
from energyprof.report.record import MeterRecord
from energyprof.report.transfer import DRIFT_U, SLOPE_U
from energyprof.trace import gains
from energyprof.trace.gains import Gain, in_quadrature

BLOCK_S = 1.0
LOADS = ("transient", "5050")  # steps; a square
CALIBRATED = "blocks of 1 s, RTX 3090, a square load"
REFRESH_S = 0.1
TRUTH_S = 0.005
# Read at this load of what it may draw, where a study has only a board's total error.
LOAD = 0.7


@dataclass(frozen=True)
class Card:
    """One board of the recordings."""

    label: str  # in the files' names
    known: str  # in the table
    limit_w: float
    averages: bool  # power.draw is the mean over 1 s (nvml.h: Ampere and later, but for GA100)
    part_time: bool = False  # it sees 25 ms of 100 ms


CARDS = (
    Card("3090", "RTX 3090", 350.0, True),
    Card("4090", "RTX 4090", 450.0, True),
    Card("a5000", "RTX A5000", 230.0, True),
    Card("a100", "A100 PCIe", 250.0, False, part_time=True),
    Card("k40m", "", 235.0, False),
)
LIMITS_W = {"RTX 3070 Ti": 290.0, "RTX 2080 Ti": 250.0, "RTX 2060 SUPER": 175.0} | {
    card.known: card.limit_w for card in CARDS
}


def without(known: str, limit_w: float) -> Gain:
    """The row of boards of Volta or newer, had nobody ever measured this one."""
    errors = [error for name, error in gains.VOLTA_OR_NEWER.items() if name != known]
    zeros = [w / of_w for w, of_w in gains.ZEROS_OF_VOLTA_OR_NEWER if of_w != limit_w or limit_w == 250.0]
    return _row(limit(errors), limit(zeros))


def _without_k40m() -> Gain:
    others = gains.BEFORE_VOLTA[:-1]
    return _row(limit([slope for slope, *_ in others]), limit([w / of_w for _, w, of_w in others]))


def _row(error: float, zero: float) -> Gain:
    return Gain("left out", "", "", below=1 - 1 / (1 + error), above=1 / (1 - error) - 1, zero=zero)


def known_cards(folder: Path) -> list[Case]:
    """Each board of which only its error is known, at 70 % of its limit, by the row that the others make."""
    found, data = [], "7 boards, Volta or newer"
    for name, error in gains.VOLTA_OR_NEWER.items():
        limit_w = LIMITS_W[name]
        true_w = LOAD * limit_w
        meter = gauge("nvml:0", without(name, limit_w), REFRESH_S, most_w=limit_w)
        steady = Log(tuple(i / 10 for i in range(120)), {"w": (true_w * (1 + error),) * 120})
        found.append(_case(data, "uncalibrated", meter, steady, "w", (1.0, 11.0), 10 * true_w))
    return found


def blocks_of_cards(folder: Path) -> list[Case]:
    """Blocks of the loads that step and alternate, of each board and each field."""
    found = []
    for card in CARDS:
        pairs = [_pair(folder, load, card) for load in LOADS]
        recordings = [pair for pair in pairs if pair is not None]
        for i, (readings, truth) in enumerate(recordings):
            for column in readings.columns:
                if all(map(math.isnan, readings.columns[column])):
                    continue
                meter = _meter(card, column)
                found += _blocks("blocks of 1 s, 5 boards", "uncalibrated", meter, readings, truth, column)
                if i and not card.part_time and (made := _calibration(*recordings[0], column)) is not None:
                    known = replace(meter, info=replace(meter.info, calibration=made))
                    found += _blocks(CALIBRATED, "transferred from steps", known, readings, truth, column)
    return found


def _pair(folder: Path, load: str, card: Card) -> tuple[Log, Log] | None:
    paths = [folder / f"gpu_{load}_{card.label}_{of}.csv.gz" for of in ("nvidia_smi", "truth")]
    return (read_log(paths[0]), read_log(paths[1])) if all(path.exists() for path in paths) else None


def _meter(card: Card, column: str) -> MeterRecord:
    gain = without(card.known, card.limit_w) if card.known else _without_k40m()
    if card.part_time:
        gain = in_quadrature(gain, 0.13, "25 ms of 100 ms")
    averages = card.averages and "instant" not in column
    window_s = 1.0 if averages else 0.0
    return gauge("nvml:0", gain, REFRESH_S, most_w=card.limit_w, window_s=window_s)


def _blocks(
    data: str, how: str, meter: MeterRecord, readings: Log, truth: Log, column: str
) -> Iterator[Case]:
    start_s, end_s = truth.span_s
    windows = list(blocks((start_s + meter.info.window_s, end_s - meter.info.window_s), BLOCK_S))
    said = energies(meter, rows("nvml:0", readings, column), windows)
    board = gauge("board", EXACT, TRUTH_S)
    true = energies(board, rows("board", truth, "board_w"), windows)
    for window, mine, exact in zip(windows, said, true, strict=True):
        energy = total([transferred(mine, window, "")])
        low_j, high_j = energy.interval_j
        if energy.joules is not None and low_j is not None and high_j is not None and exact.joules:
            yield Case(data, how, energy.joules, low_j, high_j, exact.joules)


def _case(
    data: str, how: str, meter: MeterRecord, log: Log, column: str, window: tuple[float, float], true_j: float
) -> Case:
    energy = total(energies(meter, rows(meter.name, log, column), [window]))
    low_j, high_j = energy.interval_j
    assert energy.joules is not None and low_j is not None and high_j is not None
    return Case(data, how, energy.joules, low_j, high_j, true_j)


def _calibration(readings: Log, truth: Log, column: str) -> Calibration | None:
    """The line through a recording's blocks in which the load kept its level."""
    board = gauge("board", EXACT, TRUTH_S)
    windows = list(blocks((truth.span_s[0] + 1.5, truth.span_s[1]), 0.25))
    true = energies(board, rows("board", truth, "board_w"), windows)
    said = energies(gauge("nvml:0", EXACT, REFRESH_S), rows("nvml:0", readings, column), windows)
    pairs = [(m.joules, t.joules) for m, t in zip(said, true, strict=True) if m.joules and t.joules]
    steady = [
        pairs[i]
        for i in range(6, len(pairs))
        if max(t for _, t in pairs[i - 6 : i + 1]) < 1.05 * min(t for _, t in pairs[i - 6 : i + 1])
    ]
    if len(steady) < 3:
        return None
    fitted = line([4 * m for m, _ in steady], [4 * t for _, t in steady])
    readings_w = [4 * m for m, _ in steady]
    # No times are known: as doubtful as a calibration can get.
    made = CalibratedRange(min(readings_w), max(readings_w), "", "", DRIFT_U, SLOPE_U)
    return Calibration(
        fitted.slope, fitted.slope_u / fitted.slope, fitted.intercept, fitted.intercept_u, "the steps", made
    )


def boxcars(folder: Path) -> Sequence[str]:
    """A table of windows and delays."""
    heads = ("board", "load", "field", "mean over", "late by", "slope", "zero")
    lines = ["| " + " | ".join(heads) + " |", "| " + " | ".join("---" for _ in heads) + " |"]
    for card in CARDS:
        for load in LOADS:
            if (pair := _pair(folder, load, card)) is None:
                continue
            for column in pair[0].columns:
                if (found := find(pair[0], column, pair[1])) is not None:
                    field = "power.draw.instant" if "instant" in column else "power.draw"
                    lines.append(
                        f"| {card.known or 'K40m'} | {load} | `{field}` | {1000 * found.window_s:.0f} ms "
                        f"| {1000 * found.delay_s:.0f} ms | {found.slope:.3f} | {found.zero_w:+.1f} W |"
                    )
    return lines
