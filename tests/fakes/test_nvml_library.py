"""The fake libnvidia-ml.so.1 as other programs meet it: by NVIDIA's bindings and from C."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakes import nvml as fake
from fakes import waveform

# What torch, Zeus, codecarbon, carbontracker, pyJoules, perun and pynvml_utils ask for, with its answer.
ASKED = """
import json, pynvml as n
n.nvmlInit()
n.nvmlInitWithFlags(0)
h = n.nvmlDeviceGetHandleByIndex(1)
answers = {
    "driver": n.nvmlSystemGetDriverVersion(),
    "library": n.nvmlSystemGetNVMLVersion(),
    "cuda": n.nvmlSystemGetCudaDriverVersion(),
    "count": n.nvmlDeviceGetCount(),
    "by uuid": n.nvmlDeviceGetIndex(n.nvmlDeviceGetHandleByUUID(n.nvmlDeviceGetUUID(h))),
    "by bus": n.nvmlDeviceGetIndex(n.nvmlDeviceGetHandleByPciBusId(n.nvmlDeviceGetPciInfo(h).busId)),
    "by serial": n.nvmlDeviceGetIndex(n.nvmlDeviceGetHandleBySerial(n.nvmlDeviceGetSerial(h))),
    "bus": [n.nvmlDeviceGetPciInfo(h).busId, n.nvmlDeviceGetPciInfo(h).bus],
    "name": n.nvmlDeviceGetName(h),
    "minor": n.nvmlDeviceGetMinorNumber(h),
    "brand": n.nvmlDeviceGetBrand(h),
    "architecture": n.nvmlDeviceGetArchitecture(h),
    "capability": n.nvmlDeviceGetCudaComputeCapability(h),
    "virtual": n.nvmlDeviceGetVirtualizationMode(h),
    "mJ": n.nvmlDeviceGetTotalEnergyConsumption(h),
    "mW": n.nvmlDeviceGetPowerUsage(h),
    "fields": [[f.nvmlReturn, f.value.uiVal] for f in n.nvmlDeviceGetFieldValues(h, [185, (186, 0), 1])],
    "limits": [n.nvmlDeviceGetPowerManagementLimitConstraints(h), n.nvmlDeviceGetPowerManagementLimit(h),
               n.nvmlDeviceGetPowerManagementDefaultLimit(h), n.nvmlDeviceGetEnforcedPowerLimit(h)],
    "memory": [n.nvmlDeviceGetMemoryInfo(h).used, n.nvmlDeviceGetMemoryInfo(h, n.nvmlMemory_v2).used],
    "rates": [n.nvmlDeviceGetUtilizationRates(h).gpu, n.nvmlDeviceGetUtilizationRates(h).memory],
    "celsius": [n.nvmlDeviceGetTemperature(h, 0), n.nvmlDeviceGetTemperatureV(h, 0)],
    "mhz": [n.nvmlDeviceGetClockInfo(h, kind) for kind in (0, 1, 2)],
    "most mhz": n.nvmlDeviceGetMaxClockInfo(h, 1),
    "modes": [n.nvmlDeviceGetPersistenceMode(h), n.nvmlDeviceGetComputeMode(h), n.nvmlDeviceGetPowerState(h),
              n.nvmlDeviceGetPowerManagementMode(h)],
    "pids": [[p.pid for p in ask(h)] for ask in (n.nvmlDeviceGetComputeRunningProcesses_v2,
             n.nvmlDeviceGetComputeRunningProcesses_v3, n.nvmlDeviceGetGraphicsRunningProcesses)],
    "program": n.nvmlSystemGetProcessName(7),
}
try:
    n.nvmlDeviceGetC2cModeInfoV(h)
except n.NVMLError_NotSupported:
    answers["superchip"] = False
n.nvmlShutdown()
n.nvmlShutdown()
print(json.dumps(answers))
"""

ANSWERS = {
    "driver": "550.00.fake",
    "library": "12.550.00.fake",
    "cuda": 12040,
    "count": 2,
    "by uuid": 1,
    "by bus": 1,
    "by serial": 1,
    "bus": ["00000000:02:00.0", 2],
    "name": "NVIDIA T400",
    "minor": 1,
    "brand": 2,
    "architecture": 9,
    "capability": [9, 0],
    "virtual": 0,
    "mJ": 20_000_000,
    "mW": 200_000,
    "fields": [[0, 200_000], [0, 200_000], [3, 0]],
    "limits": [[100_000, 400_000], 400_000, 400_000, 400_000],
    "memory": [1 << 30, 1 << 30],
    "rates": [50, 10],
    "celsius": [45, 45],
    "mhz": [1410, 1410, 1593],
    "most mhz": 1980,
    "modes": [1, 0, 0, 1],
    "pids": [[7, 9], [7, 9], []],
    "program": "./train",
    "superchip": False,
}


@pytest.fixture(scope="session")
def library() -> Path:
    """The fake library."""
    return fake.build()


@pytest.mark.slow
def test_every_question_of_other_profilers_has_its_answer(library: Path, tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("100")
    environment = fake.environment(
        library,
        gpus=2,
        names="NVIDIA H100,NVIDIA T400",
        capability="8.6,9.0",
        wave=waveform.constant(100).spec(),
        processes="7=./train,9=python3",
        clock=tmp_path / "clock",
    )
    assert fake.python(ASKED, environment) == ANSWERS


@pytest.mark.parametrize(
    ("capability", "architecture"),
    [
        *[("3.7", 2), ("5.2", 3), ("6.1", 4), ("7.0", 5), ("7.5", 6), ("8.0", 7), ("8.6", 7)],
        *[("8.9", 8), ("9.0", 9), ("10.0", 10), ("12.0", 10)],
    ],
)
def test_the_architecture_follows_from_the_capability(
    library: Path, capability: str, architecture: int
) -> None:
    script = """
import json, pynvml as n
n.nvmlInit()
print(json.dumps(n.nvmlDeviceGetArchitecture(n.nvmlDeviceGetHandleByIndex(0))))
"""
    assert fake.python(script, fake.environment(library, capability=capability)) == architecture


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"zero_s": 990, "reset_s": 10}, [0, 10, 20]),
        ({"zero_s": 990, "fail": "15:20:21:1,15:30:31:0"}, [1000, 1010, 15]),
        ({"zero_s": 990, "slow": "30:15:25"}, [1000, 1010, 1020]),
    ],
)
def test_the_times_of_faults_count_from_their_own_zero(
    library: Path, tmp_path: Path, settings: dict[str, Any], expected: list[int]
) -> None:
    script = """
import json, os, time, pynvml as n
from pathlib import Path
n.nvmlInit()
h = n.nvmlDeviceGetHandleByIndex(0)
answers, took_s = [], []
for at in ("1000", "1010", "1020"):
    Path(os.environ["FAKE_NVML_CLOCK"]).write_text(at)
    begun = time.monotonic()
    try:
        answers.append(n.nvmlDeviceGetTotalEnergyConsumption(h) / 1000)
    except n.NVMLError as error:
        answers.append(error.value)
    took_s.append(time.monotonic() - begun)
print(json.dumps([answers, took_s]))
"""
    (tmp_path / "clock").write_text("1000")
    environment = fake.environment(library, wave="constant:1:1:1:1", clock=tmp_path / "clock", **settings)
    answers, took_s = fake.python(script, environment)
    assert answers == expected
    assert ("slow" not in settings) or took_s[1] >= 0.03
