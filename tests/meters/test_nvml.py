"""NVML through NVIDIA's own bindings, against a fake library in child processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from energyprof.meters.gpus import Gpu, visible
from fakes import nvml as fake
from fakes import waveform

FIND = """
import json, sys
from pathlib import Path
from energyprof.meters import find
f = find("nvml", Path("/"))
found = {s.info.name: s.info.device for s in f.sources}
print(json.dumps([f.state, found, f.reason, f.remedy, f.notes]))
"""


def uuid(index: int) -> str:
    """The fake's UUID of a board."""
    return f"GPU-{0xA0 + index:02x}000000-0000-4000-8000-0000000000{index:02x}"


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fake library, built once."""
    return fake.build(tmp_path_factory.mktemp("nvml"))


def python(script: str, environment: dict[str, str]) -> Any:
    """What the script prints as JSON."""
    child = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    assert child.stderr == ""
    return json.loads(child.stdout)


@pytest.mark.parametrize("gpus", [1, 2, 8])
def test_every_gpu_is_a_meter_with_its_uuid(library: Path, gpus: int) -> None:
    state, found, *_ = python(FIND, fake.environment(library, gpus=gpus))
    assert state == "found"
    assert found == {f"nvml:{index}": uuid(index) for index in range(gpus)}


def test_a_driver_without_gpus_is_absent(library: Path) -> None:
    state, _, reason, *_ = python(FIND, fake.environment(library, gpus=0))
    assert (state, reason) == ("absent", "the NVIDIA driver sees no GPU")


def test_without_the_library_there_is_no_driver() -> None:
    state, _, reason, *_ = python(FIND, fake.environment(None))
    assert (state, reason) == ("absent", "no NVIDIA driver (libnvidia-ml.so.1)")


@pytest.mark.parametrize(
    ("code", "reason", "remedy"),
    [
        (9, "Driver Not Loaded", "sudo modprobe nvidia"),
        (18, "version mismatch", "restart the machine"),
        (4, "Insufficient Permissions", "run as root"),
        (999, "Unknown Error", "nvidia-smi"),
    ],
)
def test_a_driver_that_does_not_start_is_blocked_with_its_remedy(
    library: Path, code: int, reason: str, remedy: str
) -> None:
    state, _, why, what, _ = python(FIND, fake.environment(library, init=code))
    assert state == "blocked"
    assert reason in why
    assert remedy in what


def test_a_gpu_without_the_counter_is_named_beside_the_others(library: Path) -> None:
    state, found, _, _, notes = python(FIND, fake.environment(library, gpus=2, no_counter=0))
    assert (state, list(found)) == ("found", ["nvml:1"])
    assert notes[0].startswith("nvml:0 (NVIDIA Fake 100): older than Volta")


@pytest.mark.parametrize("how", ["NotSupported", "missing symbol"])
def test_gpus_without_any_counter_are_blocked(library: Path, tmp_path: Path, how: str) -> None:
    folder = library if how == "NotSupported" else fake.build(tmp_path, "-DWITHOUT_ENERGY")
    state, _, reason, *_ = python(FIND, fake.environment(folder, no_counter=0))
    assert state == "blocked"
    assert "needs a sampled meter, not in this version" in reason


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("0,2", ["nvml:0", "nvml:2"]),
        ("2,0", ["nvml:2", "nvml:0"]),
        ("1,-1,0", ["nvml:1"]),
        ("1,9,0", ["nvml:1"]),
        ("GPU-a1", ["nvml:1"]),
        (f"{uuid(2)},{uuid(0)}", ["nvml:2", "nvml:0"]),
        ("GPU-a", []),  # all of them begin so
        ("GPU-ff", []),
        ("", []),
        ("-1", []),
        ("nonsense", []),
    ],
)
def test_only_the_gpus_a_program_may_see_are_metered(library: Path, asked: str, expected: list[str]) -> None:
    environment = fake.environment(library, gpus=3, CUDA_VISIBLE_DEVICES=asked)
    state, found, reason, _, _ = python(FIND, environment)
    assert list(found) == expected
    if not expected:
        assert state == "absent"
        assert reason == f"CUDA_VISIBLE_DEVICES={asked!r} hides all 3 GPUs"


@pytest.mark.parametrize("asked", ["MIG-b1000001-0000-5000-8000-000000000001", "MIG-b100", None])
def test_a_mig_instance_is_metered_by_its_board(library: Path, asked: str | None) -> None:
    settings = {} if asked is None else {"CUDA_VISIBLE_DEVICES": asked}
    if asked == "MIG-b100":  # a beginning that both instances of one board share still names the board
        settings = {"CUDA_VISIBLE_DEVICES": "MIG-b1"}
    environment = fake.environment(library, gpus=2, mig="1:2", **settings)
    _, found, _, _, notes = python(FIND, environment)
    assert "nvml:1" in found
    assert ("nvml:0" in found) == (asked is None)
    assert any("whole board" in note for note in notes)


@pytest.mark.parametrize(
    ("asked", "order", "names", "warned"),
    [
        ("0", "", ("A100", "T400"), True),
        ("0", "FASTEST_FIRST", ("A100", "T400"), True),
        ("0", "PCI_BUS_ID", ("A100", "T400"), False),
        ("0", "", ("A100", "A100"), False),
        ("0,1", "", ("A100", "T400"), False),  # all of them, in whatever order
        ("GPU-u0", "", ("A100", "T400"), False),
    ],
)
def test_indices_are_doubted_where_cuda_may_number_gpus_otherwise(
    asked: str, order: str, names: tuple[str, ...], warned: bool
) -> None:
    gpus = [Gpu(index, f"GPU-u{index}", name) for index, name in enumerate(names)]
    _, notes = visible(gpus, asked, order)
    assert any("CUDA_DEVICE_ORDER" in note for note in notes) == warned


def test_old_mig_names_carry_their_boards_uuid() -> None:
    gpus = [Gpu(0, "GPU-aa", "A100"), Gpu(1, "GPU-bb", "A100")]
    chosen, _ = visible(gpus, "MIG-GPU-bb/1/0,MIG-GPU-bb/2/0", "")
    assert chosen == [gpus[1]]


READ = """
import json, os, sys
from pathlib import Path
from energyprof.errors import MeterError
from energyprof.meters import find
def at(seconds):
    Path(os.environ["FAKE_NVML_CLOCK"]).write_text(repr(seconds))
at(0.0)
meters = [source.open() for source in find("nvml", Path("/")).sources]
answers = []
for seconds in json.loads(os.environ["TIMES"]):
    at(seconds)
    row = []
    for meter in meters:
        try:
            row.append(meter.read())
        except MeterError as error:
            row.append(str(error))
    answers.append(row)
print(json.dumps(answers))
"""


@pytest.mark.parametrize(
    "wave",
    [
        waveform.constant(250),
        waveform.square(50, 350, period_s=1.0),
        waveform.burst(20, 400, period_s=2.0, length_s=0.1),
        waveform.ramp(0, 300, period_s=3.0),
    ],
    ids=lambda wave: wave.shape,
)
def test_the_counter_is_the_integral_of_the_power_up_to_its_last_tick(
    library: Path, tmp_path: Path, wave: waveform.Waveform
) -> None:
    times = [0.04, 0.25, 1.0, 7.77, 1000.33]
    environment = fake.environment(library, gpus=2, wave=wave.spec(), tick_s=0.1, clock=tmp_path / "clock")
    rows = python(READ, {**environment, "TIMES": json.dumps(times)})
    for seconds, (first, second) in zip(times, rows, strict=True):
        assert first == pytest.approx(wave.counter_j(seconds, tick_s=0.1), abs=0.001)
        assert second == pytest.approx(2 * first, abs=0.002)


def test_a_gpu_that_fails_says_so_and_comes_back(library: Path, tmp_path: Path) -> None:
    environment = fake.environment(
        library, wave="constant:100:100:1:1", tick_s=0, clock=tmp_path / "clock", fail="15:10:20"
    )
    rows = python(READ, {**environment, "TIMES": "[9, 10, 19, 20]"})
    assert rows == [[900.0], ["nvml:0: GPU is lost"], ["nvml:0: GPU is lost"], [2000.0]]


def test_nvml_is_shut_down_with_the_last_meter(library: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = """
import json, os
from pathlib import Path
from energyprof.meters import find
from energyprof.meters.nvml import devices
def calls(): return Path(os.environ["FAKE_NVML_LOG"]).read_text()
steps = []
sources = find("nvml", Path("/")).sources; steps.append(calls())
first, second = (source.open() for source in sources); steps.append(calls())
devices(); steps.append(calls())
first.close(); first.close(); steps.append(calls())
second.close(); steps.append(calls())
print(json.dumps(steps))
"""
    steps = python(script, fake.environment(library, gpus=2, log=log))
    assert steps == ["is", "isi", "isi", "isi", "isis"]


@pytest.mark.parametrize(("limit_w", "believed_w"), [(700, 1400.0), (0, 2000.0)])
def test_a_power_is_believed_up_to_twice_the_boards_limit(
    library: Path, limit_w: int, believed_w: float
) -> None:
    script = """
import json
from pathlib import Path
from energyprof.meters import find
print(json.dumps(find("nvml", Path("/")).sources[0].info.max_power_w))
"""
    assert python(script, fake.environment(library, limit_w=limit_w)) == believed_w


def test_devices_are_those_of_the_machine_whatever_cuda_may_see(library: Path) -> None:
    script = "import json; from energyprof.meters.nvml import devices; print(json.dumps(devices()))"
    environment = fake.environment(library, gpus=2, names="NVIDIA A100,NVIDIA T400", CUDA_VISIBLE_DEVICES="")
    assert python(script, environment) == [
        {
            "name": name,
            "uuid": uuid(index),
            "memory_bytes": 80 << 30,
            "driver": "550.00.fake",
        }
        for index, name in enumerate(["NVIDIA A100", "NVIDIA T400"])
    ]
    assert python(script, fake.environment(None)) == []


@pytest.mark.parametrize("package", ["pynvml/__init__.py", "pynvml.py"])
def test_an_old_package_that_hides_nvidias_is_blocked_with_the_remedy(
    library: Path, tmp_path: Path, package: str
) -> None:
    # pynvml up to 11.5.3 imports all public names of its module; nvidia-ml-py3 has no energy counter.
    lines = ["class NVMLError(Exception): pass", "def nvmlInit(): raise AssertionError"]
    lines.append(
        "def nvmlDeviceGetTotalEnergyConsumption(handle): pass"
        if package.endswith("__init__.py")
        else "def _nvmlGetFunctionPointer(name): pass"
    )
    path = tmp_path / package
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines))
    environment = fake.environment(library)
    environment["PYTHONPATH"] = f"{tmp_path}:{environment['PYTHONPATH']}"
    state, _, reason, remedy, _ = python(FIND, environment)
    assert state == "blocked"
    assert "hides NVIDIA's own module" in reason
    assert "pip uninstall -y pynvml" in remedy and "nvidia-ml-py" in remedy
