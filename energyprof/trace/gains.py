"""What is known of how far meters are off: one row a make, with the devices it was found on.

A row's limits hold the truth in 95 % of all cases, relative to a reading, which itself is never changed:
where all devices of a make read too little, the interval reaches further up than down. What nobody has
measured says "assumed". ``benchmarks/truth.py`` leaves each known device out, and sees whether the row that
the others give holds it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class Gain:
    """One row: how far the truth may lie from a reading."""

    row: str  # its name in budgets and tables
    source: str
    known: str  # on how many devices that was found; "": on none, it is assumed
    # A maker's or a standard's bound (half-width of a rectangle), or …
    bound: float | None = None
    # … the limits that were found, 95 %: the truth is from (1 - below) to (1 + above) times the reading.
    below: float = 0.0
    above: float = 0.0
    zero: float = 0.0  # what it may show of nothing, 95 %, as a share of the most the device may draw

    @property
    def words(self) -> str:
        """The row's name, on how many devices it was found, and where that comes from."""
        return f"{self.row} ({self.known or 'assumed'}): {self.source}"

    def info(self) -> dict[str, Any]:
        """The fields of a `MeterInfo` that hold it."""
        if self.bound is not None:
            return {"gain_a": self.bound, "gain_below": None, "gain_above": None, "gain_source": self.words}
        return {
            "gain_a": max(self.below, self.above) * math.sqrt(3) / 2,
            "gain_below": self.below,
            "gain_above": self.above,
            "gain_source": self.words,
        }

    def zero_a_w(self, most_w: float) -> float:
        """The half-width (a rectangle's) of its zero error, of a device that may draw ``most_w``."""
        return self.zero * most_w * math.sqrt(3) / 2


# Boards of Volta or newer against a physical meter on slot and cables: reading / truth - 1 in all.
YANG = "Yang et al., SC'24, arXiv 2312.02741"
VOLTA_OR_NEWER: Mapping[str, float] = MappingProxyType(
    {
        "RTX 3090": -0.0555,
        "RTX 3070 Ti": -0.0359,
        "RTX 2080 Ti": -0.0793,
        "RTX 2060 SUPER": 0.1272,
        "RTX 4090": -0.052,
        "RTX A5000": -0.07,
        "A100 PCIe": -0.0578,
    }
)
# What the study's lines (reading = (1 + slope)·truth + zero) show beside: zero in W, and the board's limit.
ZEROS_OF_VOLTA_OR_NEWER: tuple[tuple[float, float], ...] = (
    (3.469, 350.0),
    (-1.662, 350.0),
    (3.921, 350.0),
    (-5.071, 350.0),
    (-8.528, 350.0),
    (-12.354, 450.0),
    (-4.802, 290.0),
    (-5.795, 250.0),
    (11.849, 175.0),
    (8.764, 230.0),
    (-1.210, 250.0),
)
# Five boards of one model, at 245 W: how much boards of a model differ.
RTX_3090: tuple[float, ...] = (-0.0555, -0.0132, -0.0017, -0.0059, -0.0176)
# Slope, zero in W and limit in W of the study's eight older boards: TITAN Xp, GTX 1080 Ti, GTX 1080,
# GTX TITAN X, P100, M40, K80 (half of it), K40m.
BEFORE_VOLTA: tuple[tuple[float, float, float], ...] = (
    (-0.0259, 2.538, 250.0),
    (-0.0012, -0.334, 250.0),
    (0.0636, -5.155, 180.0),
    (0.0106, 1.231, 250.0),
    (-0.0072, 0.883, 250.0),
    (-0.0287, 1.450, 250.0),
    (-0.0363, -6.293, 150.0),
    (0.0241, 0.806, 235.0),
)

_ZERO = 0.062
# That the energy counter is off as its sensor is, is likely and documented nowhere.
NVIDIA = Gain("NVIDIA GPU", YANG, "7 models of Volta or newer", below=0.15, above=0.21, zero=_ZERO)
NVIDIA_BEFORE_VOLTA = Gain(
    "NVIDIA GPU before Volta", YANG, "8 boards, Kepler to Pascal", below=0.067, above=0.077, zero=0.043
)


def _model(name: str, known: str, below: float, above: float) -> Gain:
    return Gain(name, YANG, known, below=below, above=above, zero=_ZERO)


_ONE = "1 board, spread as of 5 RTX 3090"
# What is known of a model, by a pattern of the name that NVML gives.
NVIDIA_MODELS: Mapping[str, Gain] = MappingProxyType(
    {
        r"RTX 3090": _model("NVIDIA RTX 3090", "5 boards", 0.045, 0.092),
        r"RTX 3070 Ti": _model("NVIDIA RTX 3070 Ti", _ONE, 0.047, 0.137),
        r"RTX 2080 Ti": _model("NVIDIA RTX 2080 Ti", _ONE, 0.005, 0.196),
        r"RTX 2060 SUPER": _model("NVIDIA RTX 2060 SUPER", _ONE, 0.175, 0.0),
        r"RTX 4090": _model("NVIDIA RTX 4090", _ONE, 0.032, 0.158),
        r"RTX A5000": _model("NVIDIA RTX A5000", _ONE, 0.014, 0.183),
        r"A100-PCIE-40GB": _model("NVIDIA A100 PCIe 40 GB", _ONE, 0.026, 0.166),
    }
)


def nvidia(name: str, capability: tuple[int, int] | None) -> Gain:
    """The row of an NVIDIA board, by NVML's name of it and CUDA's capability."""
    for pattern, gain in NVIDIA_MODELS.items():
        if re.search(rf"\b{pattern}$", name):
            return gain
    return NVIDIA_BEFORE_VOLTA if capability is not None and capability < (7, 0) else NVIDIA


def in_quadrature(gain: Gain, u: float, why: str) -> Gain:
    """The row with another relative standard uncertainty ``u`` of the readings beside it."""
    below, above = (math.hypot(limit, 2 * u) for limit in (gain.below, gain.above))
    source = f"{gain.source}, {why}"
    return Gain(gain.row, source, gain.known, below=min(below, 1.0), above=above, zero=gain.zero)


# Sensors on boards of which no study is known: as far off as those of a maker of whom there is one.
BOARD_SENSOR = Gain("a board's own sensor", "as NVIDIA's, the only ones studied", "", below=0.15, above=0.21)

# RAPL. Measured by the processor from Haswell on (Hackenberg et al., IPDPSW 2015; Khan et al., ToMPECS 2018),
# modelled from events before and by AMD (Hackenberg et al., ISPASS 2013; Schöne et al., CLUSTER 2021).
RAPL_INTEL = Gain("Intel RAPL from Haswell on", "Hackenberg et al. 2015, Khan et al. 2018", "2 studies", 0.05)
RAPL_INTEL_MODELLED = Gain("Intel RAPL before Haswell", "modelled: Hackenberg et al. 2013", "", 0.10)
RAPL_AMD = Gain("AMD RAPL", "modelled: Schöne et al. 2021", "1 study", 0.10)
RAPL_UNKNOWN = Gain("RAPL of an unknown processor", "the wider of Intel's and AMD's", "", 0.10)
# "match overall energy and power trends, usually by a constant power offset", best where memory is busy.
RAPL_DRAM = Gain("Intel RAPL, DRAM", "Desrochers et al., MEMSYS 2016: an offset that varies", "", 0.20)

INA3221 = Gain(
    "INA3221 on a Jetson",
    "shunt 1 % (NVIDIA DG-09840-001), INA3221 0.25 % in current and in voltage (TI SBOS576)",
    "datasheets",
    0.0106,
)

# The wall took 1.05 to 1.17 times what a DGX-1's read, in 95 % of its minutes. It is one node, so about
# twice that above; below, what ENERGY STAR asks of servers. That another's lies within it nobody has shown,
# and one does not: an iLO of eight A100 read 2,549 W where NVML and RAPL read 3,330 (github.com/mjay42/
# Assessing-the-electricity-consumption-of-ML-training). Beside meters of its parts such a BMC is found out.
BMC = Gain(
    "a BMC",
    "a DGX-1 against a wattmeter, twice over; below, the ±5 % of ENERGY STAR "
    "(data: github.com/vladostp/an-experimental-comparison-of-software-based-power-meters)",
    "1 node; another's may lie outside, as one that read 23 % less than its chips",
    below=0.05,
    above=0.23,
)

SHELLY = Gain(
    "Shelly plug",
    "Energimyndigheten's test of 2022: under 3.5 % from 30 W up",
    "all plugs of the test but one",
    0.035,
)
TASMOTA = Gain("Tasmota plug", "3 to 5 % (Tuya); say gain= once yours is calibrated", "", 0.05)
WATTMETER = Gain("Grid'5000 wattmeter", "none is published; twice that of a class 1 meter", "", 0.02)
INSTRUMENT = Gain("an unknown instrument", "give gain=0.01 from its datasheet", "", 0.05)
BATTERY = Gain("a battery's gauge", "it states no accuracy", "", 0.05)

# W a hardware thread at full load and at none, of servers by processor: Cloud Carbon Footprint's coefficients
# from SPECpower_ssj2008 (cloud-carbon-coefficients, output/coefficients-*-use.csv).
PROCESSORS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "Sandy Bridge": (8.55, 2.17),
        "Ivy Bridge": (8.20, 3.04),
        "Haswell": (5.97, 1.90),
        "Broadwell": (3.39, 0.71),
        "Skylake": (3.90, 0.64),
        "Cascade Lake": (3.64, 0.64),
        "Ice Lake": (3.65, 0.77),
        "Sapphire Rapids": (4.06, 1.04),
        "Emerald Rapids": (4.38, 0.81),
        "Coffee Lake": (5.42, 1.14),
        "EPYC 1st generation": (2.55, 0.82),
        "EPYC 2nd generation": (1.58, 0.47),
        "EPYC 3rd generation": (1.87, 0.45),
    }
)
FACTOR = 3.2
CPU_MODEL = Gain(
    "the CPU model",
    "servers at half load or more, Cloud Carbon Footprint's coefficients from SPECpower",
    "13 generations of processors",
    below=1 - 1 / FACTOR,
    above=FACTOR - 1,
)
# 318 runs of one machine took 1.1 to 3.05 times its figure at the wall.
CODECARBON_MODEL = Gain(
    "CodeCarbon's model",
    "it models a processor as we do, and puts that in RAPL's place without a word",
    "",
    below=1 - 1 / FACTOR,
    above=FACTOR - 1,
)

ROWS: Sequence[Gain] = (
    NVIDIA,
    *NVIDIA_MODELS.values(),
    NVIDIA_BEFORE_VOLTA,
    BOARD_SENSOR,
    RAPL_INTEL,
    RAPL_INTEL_MODELLED,
    RAPL_AMD,
    RAPL_UNKNOWN,
    RAPL_DRAM,
    INA3221,
    BMC,
    SHELLY,
    TASMOTA,
    WATTMETER,
    INSTRUMENT,
    BATTERY,
    CPU_MODEL,
    CODECARBON_MODEL,
)
