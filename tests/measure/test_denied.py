"""What a user without permission is told: the file, what opens it, and what is not in the total."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes import amdsmi, hwmon, nvml, sysfs

pytestmark = pytest.mark.slow

PLACE = "0000:03:00.0"

# Root may read anything, so the search runs in a child that gives root up after its imports.
FIND = """
import json, os, sys
from pathlib import Path
from energyprof.errors import EnergyprofError
from energyprof.measure.left_out import with_left_out
from energyprof.measure.meters import KINDS, find, find_asked
from energyprof.measure.selection import select
for kind in KINDS:
    find(kind, Path("/nowhere"))
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
root, asked = Path(sys.argv[1]), sys.argv[2]
found = find(asked, root)
said = {"state": found.state, "reason": found.reason, "remedy": found.remedy, "missing": found.missing}
for words in ("auto", asked, "rapl"):
    try:
        selection = with_left_out(select(find_asked(root, [words]), [words]), root)
        said[words] = [list(selection.counted), list(selection.notes), list(selection.left_out)]
    except EnergyprofError as error:
        said[words] = [type(error).__name__, str(error)]
print(json.dumps(said))
"""


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that other users may look into, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def seen(root: Path, asked: str, closed: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """What a user finds who may not read the files of this name."""
    for path in root.rglob(closed):
        path.chmod(0o400 if os.getuid() == 0 else 0)
    child = subprocess.run(
        [sys.executable, "-c", FIND, str(root), asked],
        env=environment or {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=True,
    )
    said: dict[str, Any] = json.loads(child.stdout)
    return said


def battery(root: Path) -> None:
    for name, value in {"type": "Battery", "status": "Discharging", "power_now": 12_000_000}.items():
        sysfs.write(root / "sys/class/power_supply/BAT0" / name, f"{value}\n")


@pytest.mark.parametrize(
    ("kind", "build", "closed", "path"),
    [
        (
            "intelgpu",
            lambda root: hwmon.chip(root, 0, "xe", {"energy1_input": 5_000_000}, PLACE),
            "energy1_input",
            "sys/class/hwmon/hwmon0/energy1_input",
        ),
        (
            "amdgpu",
            lambda root: amdsmi.card(root, 0, PLACE),
            "power1_average",
            "sys/class/hwmon/hwmon0/power1_average",
        ),
        ("hwmon", lambda root: hwmon.acpi_meter(root, 0, 200), "power1_average", "power1_average"),
        ("battery", battery, "power_now", "sys/class/power_supply/BAT0/power_now"),
    ],
)
def test_a_file_that_may_not_be_read_is_named_with_the_command_that_opens_it(
    root: Path, kind: str, build: Callable[[Path], object], closed: str, path: str
) -> None:
    build(root)
    said = seen(root, kind, closed)
    assert said["state"] == "blocked"
    assert said["reason"].endswith(f"{path}: Permission denied")
    assert said["remedy"].startswith(f"sudo chmod a+r {root}/") and path in said["remedy"]
    error, line = said[kind]
    assert error == "MissingPart"
    assert "\n" not in line and said["remedy"] in line


def test_a_gpu_that_may_not_be_read_is_not_in_the_total_and_named_once(root: Path) -> None:
    sysfs.intel_client(root)
    hwmon.chip(root, 0, "xe", {"energy1_input": 5_000_000}, PLACE)
    said = seen(root, "intelgpu", "energy1_input")
    counted, notes, left_out = said["rapl"]
    assert counted == ["rapl:package-0"]
    (line,) = left_out
    assert line.startswith(
        f"hwmon:xe:energy1:{PLACE} is not in the total: a GPU whose power cannot be read: /"
    )
    assert f"try: {said['remedy']}" in line and "auto counts it" not in line
    assert line in notes
    counted, notes, left_out = said["auto"]
    assert (counted, left_out) == (["rapl:package-0"], [])
    assert [said["remedy"] in note for note in notes].count(True) == 1


def test_nvidias_gpus_that_may_not_be_asked_are_named_where_something_else_was_asked_for(root: Path) -> None:
    sysfs.intel_client(root)
    library = nvml.build()
    for settings in ({"init": 4}, {"fail": "4:0:1e12"}):
        said = seen(root, "nvml", "nothing", nvml.environment(library, **settings))
        assert said["state"] == "blocked"
        assert said["remedy"].startswith("run as root")
        (line,) = said["rapl"][2]
        assert line.startswith("nvml blocked: ") and line.endswith("NVIDIA's GPUs are not in the total")
        assert "Insufficient Permissions" in line
        assert said["auto"][2] == []
        assert any(note.startswith("nvml blocked: ") for note in said["auto"][1])


@pytest.mark.parametrize(("boards", "lost"), [(1, "0:1e12"), (2, "0:1e12:1")])
def test_a_board_that_does_not_answer_is_missing_and_not_a_machine_without_one(
    root: Path, boards: int, lost: str
) -> None:
    environment = nvml.environment(nvml.build(), gpus=boards, lost=lost)
    said = seen(root, "nvml", "nothing", environment)
    words = f"nvml:{boards - 1} does not answer: GPU is lost"
    assert said["state"] == ("blocked" if boards == 1 else "found")
    assert said["reason"] == (words if boards == 1 else "")
    assert said["missing"] == ([] if boards == 1 else [words])
    error, line = said["nvml"]
    assert error == "MissingPart" and words in line


def test_of_counters_that_may_not_be_read_those_that_may_are_no_whole(root: Path) -> None:
    sysfs.cpuinfo(root, sockets=2)
    sysfs.zone(root, "intel-rapl:0", "package-0")
    sysfs.zone(root, "intel-rapl:1", "package-1")
    counter = root / "sys/class/powercap/intel-rapl:1/energy_uj"
    counter.chmod(0o400 if os.getuid() == 0 else 0)
    said = seen(root, "rapl", "nothing")
    assert said["missing"] == [f"rapl:package-1: {counter}: Permission denied"]
    assert said["rapl"][0] == "MissingPart"
    counted, notes, left_out = said["auto"]
    assert counted == ["rapl:package-0"]
    (line,) = left_out
    assert line in notes
    assert line == f"rapl is not whole: {said['missing'][0]}; try: {said['remedy']}"


def test_many_counters_that_may_not_be_read_are_one_short_line(root: Path) -> None:
    sysfs.intel_server(root)
    said = seen(root, "rapl", "energy_uj")
    folder = root / "sys/class/powercap"
    assert said["reason"] == (
        f"rapl:package-0-die-0 … rapl:dram-1-die-5 (24): {folder}/intel-rapl*/energy_uj: Permission denied"
    )
    assert "left out" not in said["rapl"][1]


def test_a_card_whose_counter_and_power_are_closed_is_neither_a_second_die_nor_a_partition(
    root: Path,
) -> None:
    amdsmi.card(root, 0, "0000:03:00.1")
    environment = amdsmi.environment(amdsmi.build(), root, places="0000:03:00.1", watts=0, start=0)
    assert seen(root, "amdgpu", "power1_average", environment)["state"] == "blocked"
    environment = amdsmi.environment(amdsmi.build(), root, places="0000:03:00.1", energy=10)
    said = seen(root, "amdgpu", "power1_average", environment)
    assert said["state"] == "blocked"
    assert "groups render and video" in said["remedy"] and "sudo chmod a+r" in said["remedy"]
