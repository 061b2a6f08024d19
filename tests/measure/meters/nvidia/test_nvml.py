"""NVML through NVIDIA's own bindings, against a fake library in child processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from energyprof.measure.meters.nvidia.gpus import Gpu, visible
from fakes import nvml as fake

FIND = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from energyprof.measure.meters import find
f = find("nvml", Path("/"))
sources = {s.info.name: asdict(s.info) for s in f.sources}
print(json.dumps([f.state, sources, f.reason, f.remedy, f.notes]))
"""


def search(environment: dict[str, str]) -> tuple[str, dict[str, dict[str, Any]], str, str, list[str]]:
    """State, sources by name, reason, remedy and notes."""
    return tuple(fake.python(FIND, environment))


def counted(sources: dict[str, dict[str, Any]]) -> list[str]:
    """The meters that are not held against another."""
    return [name for name, info in sources.items() if not info["checks"]]


@pytest.fixture(scope="session")
def library() -> Path:
    """The fake library."""
    return fake.build()


@pytest.mark.parametrize("gpus", [1, 2, 8])
def test_every_gpu_is_a_meter_with_its_uuid(library: Path, gpus: int) -> None:
    state, found, *_ = search(fake.environment(library, gpus=gpus))
    assert state == "found"
    devices = {name: info["device"] for name, info in found.items() if not info["checks"]}
    assert devices == {f"nvml:{index}": fake.uuid(index) for index in range(gpus)}


def test_a_driver_without_gpus_is_absent(library: Path) -> None:
    state, _, reason, *_ = search(fake.environment(library, gpus=0))
    assert (state, reason) == ("absent", "the NVIDIA driver sees no GPU")


def test_without_the_library_there_is_no_driver() -> None:
    state, _, reason, *_ = search(fake.environment(None))
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
    state, _, why, what, _ = search(fake.environment(library, init=code))
    assert state == "blocked"
    assert reason in why
    assert remedy in what


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("0,2", ["nvml:0", "nvml:2"]),
        ("2,0", ["nvml:2", "nvml:0"]),
        ("1,-1,0", ["nvml:1"]),
        ("1,9,0", ["nvml:1"]),
        ("GPU-a1", ["nvml:1"]),
        (f"{fake.uuid(2)},{fake.uuid(0)}", ["nvml:2", "nvml:0"]),
        ("GPU-a", []),  # all of them begin so
        ("GPU-ff", []),
        ("", []),
        ("-1", []),
        ("nonsense", []),
    ],
)
def test_only_the_gpus_a_program_may_see_are_metered(library: Path, asked: str, expected: list[str]) -> None:
    environment = fake.environment(library, gpus=3, CUDA_VISIBLE_DEVICES=asked)
    state, found, reason, _, _ = search(environment)
    assert counted(found) == expected
    if not expected:
        assert state == "absent"
        assert reason == f"CUDA_VISIBLE_DEVICES={asked!r} hides all 3 GPUs"


@pytest.mark.parametrize("asked", ["MIG-b1000001-0000-5000-8000-000000000001", "MIG-b100", None])
def test_a_mig_instance_is_metered_by_its_board(library: Path, asked: str | None) -> None:
    settings = {} if asked is None else {"CUDA_VISIBLE_DEVICES": asked}
    if asked == "MIG-b100":  # a beginning that both instances of one board share still names the board
        settings = {"CUDA_VISIBLE_DEVICES": "MIG-b1"}
    environment = fake.environment(library, gpus=2, mig="1:2", **settings)
    _, found, _, _, notes = search(environment)
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


def test_nvml_is_shut_down_with_the_last_meter(library: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = """
import json, os
from pathlib import Path
from energyprof.measure.meters import find
from energyprof.measure.meters.nvidia.nvml import devices
def calls(): return Path(os.environ["FAKE_NVML_LOG"]).read_text()
steps = []
sources = find("nvml", Path("/")).sources; steps.append(calls())
first, second = (s.open() for s in sources if s.info.checks); steps.append(calls())
devices(); steps.append(calls())
first.close(); first.close(); steps.append(calls())
second.close(); steps.append(calls())
print(json.dumps(steps))
"""
    steps = fake.python(script, fake.environment(library, gpus=2, log=log))
    assert steps == ["is", "isi", "isi", "isi", "isis"]


@pytest.mark.parametrize(("limit_w", "believed_w"), [(1200, 2400.0), (75, 2000.0), (0, 2000.0)])
def test_a_power_is_believed_up_to_twice_the_boards_limit_or_more(
    library: Path, limit_w: int, believed_w: float
) -> None:
    script = """
import json
from pathlib import Path
from energyprof.measure.meters import find
print(json.dumps(find("nvml", Path("/")).sources[0].info.max_power_w))
"""
    assert fake.python(script, fake.environment(library, limit_w=limit_w)) == believed_w


def test_devices_are_those_of_the_machine_whatever_cuda_may_see(library: Path) -> None:
    script = (
        "import json; from energyprof.measure.meters.nvidia.nvml import devices; print(json.dumps(devices()))"
    )
    environment = fake.environment(library, gpus=2, names="NVIDIA A100,NVIDIA T400", CUDA_VISIBLE_DEVICES="")
    assert fake.python(script, environment) == [
        {
            "name": name,
            "uuid": fake.uuid(index),
            "memory_bytes": 80 << 30,
            "driver": "550.00.fake",
        }
        for index, name in enumerate(["NVIDIA A100", "NVIDIA T400"])
    ]
    assert fake.python(script, fake.environment(None)) == []


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
    state, _, reason, remedy, _ = search(environment)
    assert state == "blocked"
    assert "hides NVIDIA's own module" in reason
    assert "pip uninstall -y pynvml" in remedy and "nvidia-ml-py" in remedy
