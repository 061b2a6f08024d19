"""Inputs on which tools of the field go wrong: hardware, windows, and what energyprof should say of it."""

from __future__ import annotations

import errno
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from hardware import Machine, Rail, Zone

from fakes.sysfs import DRAM_RANGE_UJ
from fakes.waveform import Waveform, burst, constant, square

WINDOW_S, SHORT_S, GAP_S = 10.0, 0.25, 1.0
SHORT_N = 16

ALL = ("zeus", "codecarbon", "carbontracker", "pyJoules")
POLLING = ("zeus", "codecarbon", "carbontracker")

# What energyprof should say. exact: right to 0.3 %. stated: right within its own U. marked: that, and a flag.
# bridged: that, and a coverage below 100 %. partial: what it saw until the meter was gone, a flag and a
# coverage below 100 %. refused: no figure, but what to do. rmse: right over many short windows. estimate: a
# figure that is called one.
Keeps = Literal["exact", "stated", "marked", "bridged", "partial", "refused", "rmse", "estimate"]


@dataclass(frozen=True)
class Case:
    """One input. ``machine`` makes the hardware for windows that begin at a time."""

    name: str
    truth_w: Waveform
    machine: Callable[[float], Machine]
    keeps: Keeps
    meters: str = "rapl"
    peers: Sequence[str] = ALL
    windows: int = 1
    window_s: float = WINDOW_S
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by tool
    apart: bool = False  # its windows begin at random phases

    @property
    def spins(self) -> bool:
        """Whether Zeus will take all the cores (``peers.jobs.SPINS``)."""
        return "no_counter" in (self.machine(0.0).gpu or {})

    def schedule(self, first_s: float, rng: random.Random) -> list[tuple[float, float]]:
        """Its windows."""
        at_s, found = first_s, []
        for _ in range(self.windows):
            at_s += rng.uniform(0, 1) if self.apart else 0.0
            found.append((at_s, at_s + self.window_s))
            at_s += self.window_s + GAP_S
        return found


def package(wave: Waveform, **faults: Any) -> Machine:
    """One package."""
    return Machine(zones=(Zone("intel-rapl:0", "package-0", wave, faults=faults),))


def polled(wave: Waveform) -> Machine:
    """A board from before Volta: power, no counter."""
    return Machine(gpu={"wave": wave.spec(), "no_counter": "0", "capability": "6.1"})


def counting(wave: Waveform, **settings: object) -> Machine:
    """A board with a counter that ticks every 100 ms."""
    return Machine(gpu={"wave": wave.spec(), "tick_s": 0.1, **settings})


def client() -> Machine:
    """A notebook's processor: the package, and psys that holds it."""
    return Machine(
        zones=(
            Zone("intel-rapl:0", "package-0", constant(20)),
            Zone("intel-rapl:0:0", "core", constant(12)),
            Zone("intel-rapl:1", "psys", constant(35)),
        )
    )


def server() -> Machine:
    """Two sockets with their memory."""
    zones = []
    for socket, (cpu_w, dram_w) in enumerate(((50, 12), (46, 9))):
        zones.append(Zone(f"intel-rapl:{socket}", f"package-{socket}", constant(cpu_w)))
        zones.append(Zone(f"intel-rapl:{socket}:0", "dram", constant(dram_w), DRAM_RANGE_UJ))
    return Machine(zones=tuple(zones))


def xavier() -> Machine:
    """An AGX Xavier with JetPack 4: six rails that lie side by side."""
    names = (("GPU", 10), ("CPU", 6), ("SOC", 4), ("CV", 1), ("VDDRQ", 2), ("SYS5V", 3))
    return Machine(
        rails=tuple(
            Rail(f"4{number // 3}", number % 3, name, constant(power_w))
            for number, (name, power_w) in enumerate(names)
        )
    )


BURST = burst(50, 250, period_s=2.0, length_s=0.1)
FAST = square(20, 100, period_s=0.1)
FLAT = constant(60)
LATE_S = 0.005  # before the window's end
SOON_S, THEN_S, FOREVER_S = 4.0, 6.0, 1e12

CASES = (
    Case(
        "constant 60 W, power polling",
        FLAT,
        lambda at_s: polled(FLAT),
        "stated",
        "nvml",
        POLLING,
        windows=3,
        apart=True,
    ),
    Case(
        "burst (5 % of 2 s), power polling",
        BURST,
        lambda at_s: polled(BURST),
        "stated",
        "nvml",
        POLLING,
        windows=3,
        apart=True,
    ),
    Case(
        "10 Hz square, power polling",
        FAST,
        lambda at_s: polled(FAST),
        "stated",
        "nvml",
        POLLING,
        windows=3,
        apart=True,
    ),
    Case("client CPU: package and psys", constant(20), lambda at_s: client(), "exact"),
    Case(
        "server: two packages and their dram",
        constant(50 + 12 + 46 + 9),
        lambda at_s: server(),
        "exact",
        settings={"codecarbon": {"rapl_include_dram": True}},
    ),
    Case(
        "window ends 5 ms after a wrap",
        FLAT,
        lambda at_s: package(FLAT, wrap_at_s=at_s + WINDOW_S - LATE_S),
        "exact",
    ),
    Case(
        "RAPL counter starts again at 0",
        FLAT,
        lambda at_s: package(FLAT, wrap_at_s=at_s + 1000, reset_at_s=at_s + SOON_S),
        "marked",
    ),
    Case(
        "GPU counter starts again at 0",
        FLAT,
        lambda at_s: counting(FLAT, reset_s=at_s + SOON_S),
        "marked",
        "nvml",
    ),
    Case("EACCES", FLAT, lambda at_s: package(FLAT, fail=[errno.EACCES, 0, FOREVER_S]), "refused"),
    Case(
        "2 s of EIO",
        FLAT,
        lambda at_s: package(FLAT, fail=[errno.EIO, at_s + SOON_S, at_s + THEN_S]),
        "bridged",
    ),
    Case(
        "counter stalls for good after 4 s",
        FLAT,
        lambda at_s: package(FLAT, stall=[at_s + SOON_S, FOREVER_S]),
        "partial",
    ),
    Case(
        "RAPL lost for good after 4 s",
        FLAT,
        lambda at_s: package(FLAT, fail=[errno.ENODEV, at_s + SOON_S, FOREVER_S]),
        "partial",
    ),
    Case(
        "GPU lost for good after 4 s",
        FLAT,
        lambda at_s: counting(FLAT, lost=f"{at_s + SOON_S}:{FOREVER_S}"),
        "partial",
        "nvml",
    ),
    Case(
        "four GPUs, 1200 W together",
        constant(1200),
        lambda at_s: counting(constant(120), gpus=4),
        "exact",
        "nvml",
    ),
    Case("AGX Xavier, six rails", constant(26), lambda at_s: xavier(), "stated", "jetson", ("zeus",)),
    Case(
        "0.25 s windows of a 1 Hz square, 100 ms ticks",
        square(20, 100, period_s=1.0),
        lambda at_s: counting(square(20, 100, period_s=1.0)),
        "rmse",
        "nvml",
        windows=SHORT_N,
        window_s=SHORT_S,
        apart=True,
    ),
    Case(
        "short subprocesses, no meter",
        constant(0),
        lambda at_s: Machine(),
        "estimate",
        "cpu-model",
        ("codecarbon",),
        settings={
            "codecarbon": {"tracking_mode": "process", "short processes": True},
            "energyprof": {"short processes": True},
        },
    ),
)
