"""Whatever goes wrong with a meter: the figure is right within what is stated, or it says what it lacks.

All but the last tests run in simulated time. Faults of one kind of meter stand with the tests of that kind.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import math
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytest

from energyprof.measure import sampler
from energyprof.measure.meters.jetson import jetson
from energyprof.measure.meters.network import shelly
from energyprof.measure.meters.rapl import rapl
from energyprof.measure.sampler import Sampler
from energyprof.measure.selection import select
from energyprof.report.energy import Energy, total
from fakes import http_meters, sysfs
from fakes import jetson as boards
from fakes import nvml as fake_nvml
from fakes.http_meters import Fault, ShellyRpc, serving
from fakes.meters import FakeMeter, counter, gauge, since_now
from fakes.powercap import LAG_J
from fakes.simulated import (
    Device,
    File,
    Through,
    Value,
    at_times,
    failing,
    in_microjoules,
    knowing_its_tick,
    restarted,
    simulate,
    stalled,
)
from fakes.simulated import counter as joules_of
from fakes.simulated import power as watts_of
from fakes.traces import Trace, integrate, segments
from fakes.waveform import constant

INTERVAL_S = 0.097
POWER_W = 60.0
START_S, END_S = 2.0, 12.0  # of the window
FAULT_S = 5.0
TRUTH_J = POWER_W * (END_S - START_S)

# One meter, one fault.

Meter = Literal["RAPL", "NVML", "power"]


@contextmanager
def opened(
    meter: Meter, fault: Callable[[Value], Value], text: Callable[[float], str | None]
) -> Iterator[Device]:
    """A meter of a constant load with a fault; of RAPL also the ``text`` that its file holds instead."""
    wave = constant(POWER_W)
    if meter == "power":
        yield Device(gauge(max_power_w=800), fault(watts_of(wave, 0.0)))
        return
    if meter == "NVML":
        info = counter(refresh_s=0.1, ticks=True, resolution=0.001, max_power_w=800)
        device = knowing_its_tick(Device(info, joules_of(wave, 100.0, 0.1003, 0.04)), 1)
        yield replace(device, value=fault(device.value))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        sysfs.cpuinfo(root)
        path = sysfs.zone(root, "intel-rapl:0", "package-0", 1) / "energy_uj"
        (source,) = rapl.find(root).sources
        number = in_microjoules(fault(joules_of(wave, 100.0, 0.001, 0.0004)), sysfs.INTEL_RANGE_UJ)

        def shown(at_s: float) -> str:
            instead = text(at_s)
            return number(at_s) if instead is None else instead

        value = Through(source, path, shown)
        yield Device(replace(source.info, gain_a=0.0), value)
        value.close()


def traced(device: Device, until_s: float = END_S + 1) -> Trace:
    return simulate([device], INTERVAL_S, until_s, [START_S, END_S], "faults")[0]


@dataclass(frozen=True)
class Row:
    """A fault and what must come out."""

    meters: Sequence[Meter]
    fault: Callable[[Value], Value] = lambda value: value
    text: Callable[[float], str | None] = lambda at_s: None
    read_s: Callable[[float], float] = lambda at_s: 50e-6
    truth_j: float = TRUTH_J
    within: Literal["0.3 %", "its U"] = "0.3 %"
    flags: frozenset[str] = frozenset()
    coverage: tuple[float, float] = (1.0, 1.0)


ALL: Sequence[Meter] = ("RAPL", "NVML", "power")
COUNTERS: Sequence[Meter] = ("RAPL", "NVML")


def for_a_while(words: str) -> Callable[[float], str | None]:
    """The words in the file every other tenth of a second."""
    return lambda at_s: words if FAULT_S <= at_s < FAULT_S + 0.4 and int(at_s / 0.1) % 2 else None


def now_and_then(by: float) -> Callable[[Value], Value]:
    return lambda value: at_times(value, by, FAULT_S, FAULT_S + 0.4)


GAP = frozenset({"failed_read", "gap"})

ROWS: dict[str, Row] = {
    "constant 60 W, power polling": Row(["power"]),
    "counter reset to zero": Row(
        COUNTERS, lambda value: restarted(value, FAULT_S), within="its U", flags=frozenset({"reset"})
    ),
    "driver reload": Row(
        ["NVML"],
        lambda value: failing(restarted(value, FAULT_S + 0.2), FAULT_S, FAULT_S + 0.2, "Uninitialized"),
        within="its U",
        flags=frozenset({"reset", "failed_read"}),
    ),
    "stall 3 s then catch-up": Row(
        COUNTERS, lambda value: stalled(value, FAULT_S, FAULT_S + 3), flags=frozenset({"stalled"})
    ),
    "permanent stall": Row(
        COUNTERS,
        lambda value: stalled(value, FAULT_S),
        within="its U",
        flags=frozenset({"stalled"}),
        coverage=(0.28, 0.32),
    ),
    "meter lost for 2 s": Row(
        ALL,
        lambda value: failing(value, FAULT_S, FAULT_S + 2),
        within="its U",
        flags=GAP,
        coverage=(0.75, 0.81),
    ),
    "2 s of EIO": Row(
        COUNTERS, lambda value: failing(value, FAULT_S, FAULT_S + 2), flags=GAP, coverage=(0.75, 0.81)
    ),
    "meter lost for good": Row(
        ALL,
        lambda value: failing(value, FAULT_S),
        within="its U",
        flags=frozenset({"lost"}),
        coverage=(0.28, 0.31),
    ),
    "EACCES in mid-run": Row(
        ALL,
        lambda value: failing(value, FAULT_S, words="Permission denied"),
        within="its U",
        flags=frozenset({"lost"}),
        coverage=(0.28, 0.31),
    ),
    "slow read": Row(
        ALL,
        read_s=lambda at_s: 1.0 if FAULT_S <= at_s < FAULT_S + 0.2 else 50e-6,
        within="its U",
        flags=frozenset({"gap"}),
        coverage=(0.8, 0.95),
    ),
    "garbage": Row(["RAPL"], text=for_a_while("garbage"), flags=frozenset({"failed_read"})),
    "empty": Row(["RAPL"], text=for_a_while(""), flags=frozenset({"failed_read"})),
    "NaN in the file": Row(["RAPL"], text=for_a_while("nan"), flags=frozenset({"failed_read"})),
    "-1 in the file": Row(["RAPL"], text=for_a_while("-1"), flags=frozenset({"failed_read"})),
    "NaN": Row(["NVML", "power"], now_and_then(math.nan), flags=frozenset({"rejected_reading"})),
    "-1": Row(["NVML", "power"], now_and_then(-1.0), flags=frozenset({"rejected_reading"})),
    "10 MW spike": Row(["NVML", "power"], now_and_then(1e7), flags=frozenset({"rejected_reading"})),
    "10 MJ in the file": Row(
        ["RAPL"], text=for_a_while(str(sysfs.INTEL_RANGE_UJ - 7)), flags=frozenset({"rejected_reading"})
    ),
}


@pytest.mark.parametrize(
    ("name", "meter"), [(name, meter) for name, row in ROWS.items() for meter in row.meters]
)
def test_a_fault(name: str, meter: Meter) -> None:
    row = ROWS[name]
    with opened(meter, row.fault, row.text) as device:
        trace = traced(replace(device, read_s=row.read_s))
    energy = integrate(trace, [(START_S, END_S)])[0]
    assert energy.joules is not None
    stated_j = 2 * energy.reading_u_j + 1e-6
    doubt_j = {"0.3 %": 0.003 * row.truth_j, "its U": stated_j}[row.within]
    assert abs(energy.joules - row.truth_j) <= doubt_j
    assert row.flags <= set(energy.flags)
    assert bool(row.flags) == bool(energy.flags)
    assert row.coverage[0] <= energy.coverage <= row.coverage[1]
    assert all(part.joules >= 0 for part in segments(trace))


# When the counter of 60 W goes round, and how often: 262 kJ are 73 minutes of it, 120 J are 2 s.
WRAPS: dict[str, tuple[int, float]] = {
    "wrap in the window": (sysfs.INTEL_RANGE_UJ, 7.0),
    "wrap at its start": (sysfs.INTEL_RANGE_UJ, START_S),
    "wrap 0 ms before its end": (sysfs.INTEL_RANGE_UJ, END_S - 0.0002),
    "wrap 20 ms before its end": (sysfs.INTEL_RANGE_UJ, END_S - 0.02),
    "wrap 50 ms before its end": (sysfs.INTEL_RANGE_UJ, END_S - 0.05),
    "window ends 0 ms after a wrap": (sysfs.AMD_RANGE_UJ, END_S - 0.0002),
    "window ends 50 ms after a wrap": (sysfs.AMD_RANGE_UJ, END_S - 0.05),
    "several wraps": (119_999_999, 2.5),
}


def sum_of(used: Value, before_j: float, at_s: float) -> float:
    return before_j + used(at_s)


@pytest.mark.parametrize("name", WRAPS)
def test_exact_in_spite_of_a(name: str, tmp_path: Path) -> None:
    range_uj, wrap_s = WRAPS[name]
    sysfs.cpuinfo(tmp_path)
    path = sysfs.zone(tmp_path, "intel-rapl:0", "package-0", 1, range_uj) / "energy_uj"
    (source,) = rapl.find(tmp_path).sources
    energies = []
    used = joules_of(constant(POWER_W), 10.0, 0.001, 0.0)
    modulus_uj = range_uj + 1
    for first_uj in (1_000_000, (modulus_uj - round((10 + wrap_s) * POWER_W * 1e6)) % modulus_uj):
        shown = in_microjoules(functools.partial(sum_of, used, first_uj / 1e6), range_uj)
        with contextlib.closing(Through(source, path, shown)) as value:
            trace = traced(Device(replace(source.info, gain_a=0.0), value))
        wraps = sum(b.value < a.value for a, b in itertools.pairwise(trace.samples))
        energies.append((wraps, integrate(trace, [(START_S, END_S)])[0]))
    (_, without), (wraps, across) = energies
    assert wraps >= (6 if name == "several wraps" else 1)
    assert across.joules == pytest.approx(without.joules, abs=2e-4)
    assert (across.coverage, across.flags) == (1, ())


# Every joule once.


def intel_client(root: Path) -> dict[str, float]:
    sysfs.intel_client(root)
    return {"psys": 100, "package-0": 60, "core": 40, "uncore": 5}


def everything(root: Path) -> dict[str, float]:
    sysfs.intel_client(root)
    sysfs.zone(root, "intel-rapl:1:2", "dram", 1_000_000, sysfs.DRAM_RANGE_UJ)
    return {"psys": 100, "package-0": 60, "core": 40, "uncore": 5, "dram": 7}


def intel_server(root: Path) -> dict[str, float]:
    sysfs.intel_server(root)
    dies = {f"package-{package}-die-{die}": 10.0 for package in (0, 1) for die in range(6)}
    return {**dies, "dram": 2}


def rails(name: str) -> Callable[[Path], dict[str, float]]:
    def build(root: Path) -> dict[str, float]:
        boards.TREES[name](root)
        return {}

    return build


# What the tree is, what its zones draw in W, and what the machine draws.
MACHINES: dict[str, tuple[Callable[[Path], dict[str, float]], float]] = {
    "psys + package + core + dram + mmio": (everything, 67.0),
    "client CPU with psys": (intel_client, 60.0),
    "server, packages + dram": (intel_server, 12 * 12.0),
    "VDD_IN with its parts": (rails("orin_nx"), 10.0),
    "six Xavier rails": (rails("xavier_jetpack5"), 12.5),
    "AGX Xavier, JetPack 4": (rails("xavier_jetpack4"), 12.5),
}


def machine_energy(root: Path, powers_w: Mapping[str, float]) -> Energy:
    """The total over the window of what is counted: RAPL's zones at these powers, rails as they stand."""
    selection = select([rapl.find(root), jetson.find(root)], ["auto"])
    lanes: dict[str, list[Device]] = {}
    with contextlib.ExitStack() as stack:
        zones = []
        for path in root.glob("sys/devices/**/name"):
            if (name := path.read_text().strip()) in powers_w:
                zones.append((File(path.with_name("energy_uj")), powers_w[name]))
                stack.callback(zones[-1][0].close)
        for source in selection.sources:
            meter: Any = source.open()
            stack.callback(meter.close)

            def value(at_s: float, meter: Any = meter) -> float:
                for file, power_w in zones:
                    file.show(str(round((10 + at_s) * power_w * 1e6)))
                read: float = meter.read()
                return read

            lanes.setdefault(source.info.lane, []).append(Device(source.info, value))
        traces = [
            trace
            for lane in lanes.values()
            for trace in simulate(lane, INTERVAL_S, 6, [1, 5], source.info.lane)
            if trace.meter.name in selection.counted
        ]
    return total([integrate(trace, [(1, 5)])[0] for trace in traces])


@pytest.mark.parametrize("name", MACHINES)
def test_every_joule_once(name: str, tmp_path: Path) -> None:
    build, power_w = MACHINES[name]
    energy = machine_energy(tmp_path, build(tmp_path))
    assert energy.joules == pytest.approx(4 * power_w, rel=0.003)
    assert energy.coverage == 1


# GPUs. Board k draws k + 1 times 120 W: four of them 1200 W, as four of 300 W do.
GPUS = """
import json, os, sys
from pathlib import Path
from fakes.traces import integrate
from energyprof.report.energy import total
from energyprof.errors import EnergyprofError
from energyprof.measure.meters import find
from energyprof.measure.selection import select
from fakes.simulated import Device, nvml_time, simulate
answers = {}
for name, settings in json.loads(os.environ["CASES"]).items():
    os.environ.update(settings)
    with nvml_time(100.0) as show:
        try:
            selection = select([find("nvml", Path("/"))], ["nvml"])
            energies = []
            for source in selection.sources:
                if source.info.name in selection.counted:
                    meter = source.open()
                    def value(at_s):
                        show(200 + at_s)
                        return meter.read()
                    (trace,) = simulate([Device(meter.info, value)], 0.097, 12, [1, 11], name)
                    energies.append(integrate(trace, [(1, 11)])[0])
                    meter.close()
            answers[name] = [list(selection.counted), total(energies).joules, " ".join(selection.notes)]
        except EnergyprofError as error:
            answers[name] = [None, None, str(error)]
    for setting in settings:
        del os.environ[setting]
print(json.dumps(answers))
"""

# The environment, the boards that are metered, and words that must be said. None: refused.
BOARDS: dict[str, tuple[dict[str, str], Sequence[int] | None, str]] = {
    "0 GPUs": ({"FAKE_NVML_GPUS": "0"}, None, "the NVIDIA driver sees no GPU"),
    "1 GPU": ({"FAKE_NVML_GPUS": "1"}, [0], ""),
    "8 GPUs": ({"FAKE_NVML_GPUS": "8"}, range(8), ""),
    "four GPUs at 300 W": ({"FAKE_NVML_GPUS": "4"}, range(4), ""),
    "subset by index": ({"FAKE_NVML_GPUS": "4", "CUDA_VISIBLE_DEVICES": "1,3"}, [1, 3], "left out"),
    "subset by UUID": ({"FAKE_NVML_GPUS": "4", "CUDA_VISIBLE_DEVICES": fake_nvml.uuid(2)}, [2], "left out"),
    "subset that is none": ({"FAKE_NVML_GPUS": "2", "CUDA_VISIBLE_DEVICES": "7"}, None,
                            "CUDA_VISIBLE_DEVICES='7' hides all 2 GPUs"),
    "MIG": ({"FAKE_NVML_GPUS": "2", "FAKE_NVML_MIG": "1:2", "CUDA_VISIBLE_DEVICES": "MIG-b1000000"}, [1],
            "divided (MIG): the energy is the whole board's"),
}  # fmt: skip


@pytest.fixture(scope="module")
def gpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What became of each of ``BOARDS``: the boards, their joules in 10 s, and the words."""
    folder = tmp_path_factory.mktemp("nvml")
    environment = fake_nvml.environment(
        fake_nvml.build(), wave=constant(120).spec(), clock=folder / "clock", tick_s=0.1
    )
    cases = {name: settings for name, (settings, _, _) in BOARDS.items()}
    answers: dict[str, Any] = fake_nvml.python(GPUS, {**environment, "CASES": json.dumps(cases)})
    return answers


@pytest.mark.slow
@pytest.mark.parametrize("name", BOARDS)
def test_the_right_devices_or_a_clear_refusal(gpus: dict[str, Any], name: str) -> None:
    _, expected, words = BOARDS[name]
    counted, joules, said = gpus[name]
    assert words in said
    assert counted == (None if expected is None else [f"nvml:{index}" for index in expected])
    if expected is not None:
        assert joules == pytest.approx(10 * sum(120 * (index + 1) for index in expected), rel=0.003)


# On the network, in real time.


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["time-out", "dribble", "500", "html"])
def test_a_slow_or_broken_answer_keeps_no_other_meter_and_no_end_waiting(
    fault: Fault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    http_meters.no_credentials(monkeypatch, tmp_path)
    device = ShellyRpc()
    with serving(device) as host:
        plug: Any = shelly.find_at(f"http://{host}", {}).sources[0].open()
        device.fault = fault
        asked = len(device.asked)
        good = FakeMeter(since_now(50))
        meters = Sampler([plug, good], 0.01)
        # All of these are read while the plug is being asked for the first or the second time.
        deadline_s = time.monotonic() + 30
        while good.reads < 60 or len(device.asked) == asked:
            assert time.monotonic() < deadline_s
            time.sleep(0.005)
        stop_s = time.monotonic()
        hanging = meters.stop()
        # 1.7 s are due; the rest is for a machine that is busy.
        assert time.monotonic() - stop_s < 5
        assert sampler.STOP_S < 2
        assert hanging in ([], [0])
        readings = list(meters.drain())
        plug.close()
    assert all(reading.value is None and reading.error for reading in readings if reading.meter == 0)
    assert sum(reading.meter == 1 and reading.value is not None for reading in readings) >= 60


# The command.

EXEC = ("exec", "--idle", "0", "--output", "r.json")

# Root may read anything. Without its capabilities DAC_OVERRIDE and DAC_READ_SEARCH (1 and 2; 24 is
# PR_CAPBSET_DROP) it is held to the permissions of files like anyone else.
HELD_TO_PERMISSIONS = """
import ctypes, os, sys
for capability in (1, 2):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@pytest.fixture
def forbidden(command: Any) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command on a machine whose counter nobody may read."""
    sysfs.stat(command.root, 100, 1000)
    (counter_file,) = command.root.glob("sys/class/powercap/*/energy_uj")
    counter_file.chmod(0)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        python, *rest = command.arguments(*words)
        probe = [python, "-c", HELD_TO_PERMISSIONS, "-c", f"open({str(counter_file)!r})"]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            pytest.skip("this process may read anything, and may not give that up")
        return subprocess.run(
            [python, "-c", HELD_TO_PERMISSIONS, *rest],
            cwd=command.folder,
            env=command.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.mark.slow
def test_eacces_at_start_is_refused_with_the_remedy(
    command: Any, forbidden: Callable[..., Any], one_error_line: Any
) -> None:
    line = one_error_line(forbidden(*EXEC, "--meters", "rapl", "--", "touch", "ran"))
    assert line.startswith("error: rapl is not here: rapl blocked: ")
    assert "Permission denied" in line
    assert "try: sudo chmod a+r /sys/class/powercap/" in line
    assert list(command.folder.iterdir()) == []  # nothing was run, nothing was written


@pytest.mark.slow
def test_eacces_is_never_replaced_in_silence(command: Any, forbidden: Callable[..., Any]) -> None:
    done = forbidden(*EXEC, "--meters", "auto", "--", "true")
    assert done.returncode == 0, done.stderr
    report = command.report()
    assert report["origin"] == "modelled"
    assert [meter["origin"] for meter in report["meters"] if meter["counted"]] == ["modelled"]
    assert any("rapl blocked" in note and "sudo chmod a+r" in note for note in report["notes"])
    assert "estimate" in done.stderr


def test_masked_powercap_is_refused_with_the_mounts(
    tmp_path: Path, command: Any, one_error_line: Any
) -> None:
    root = tmp_path / "masked"
    sysfs.intel_client(root)
    sysfs.mask_powercap(root)
    sysfs.write(root / ".dockerenv", "")
    words = (*EXEC, "--meters", "rapl", "--", "true")
    line = one_error_line(command(*words, environment={"ENERGYPROF_SYSFS_ROOT": str(root)}))
    assert "masked in this container (docker)" in line and "docker run -v /sys/class/powercap" in line


@pytest.mark.slow
def test_short_subprocesses_are_counted_like_everything_else(command: Any) -> None:
    done = command(*EXEC, "--", "sh", "-c", "n=0; while [ $n -lt 400 ]; do /bin/true; n=$((n+1)); done")
    assert done.returncode == 0
    run = command.report()["runs"][0]
    # The meter is the machine's: whose the processes are, and how short they live, does not matter.
    assert run["energy_j"] == pytest.approx(50 * run["time_s"], abs=LAG_J)
    assert run["coverage"] > 0.9


@pytest.mark.slow
def test_training_exits_with_3_and_the_report_is_kept(command: Any) -> None:
    done = command(*EXEC, "--", "sh", "-c", "sleep 0.6; exit 3")
    assert done.returncode == 3
    run = command.report()["runs"][0]
    assert (run["exit_code"], run["status"]) == (3, "failed")
    assert run["energy_j"] == pytest.approx(50 * run["time_s"], abs=LAG_J)
    assert (command.folder / "r.trace.csv.gz").exists()
