"""pyRAPL as a meter: the real package, on counters that a private mount namespace puts in its way."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from energyprof.measure.meters import pyrapl
from fakes import sysfs

needs_pyrapl = pytest.mark.skipif(
    importlib.util.find_spec("pyRAPL") is None, reason="needs energyprof[pyrapl]"
)


def _namespaces() -> bool:
    """Whether a process may have mounts of its own here."""
    try:
        mount = ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/sys/class"]
        return subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


needs_mounts = pytest.mark.skipif(not _namespaces(), reason="needs mounts of its own (root)")


def machine(root: Path, sockets: int = 2) -> None:
    """Sockets with a package and a memory zone each, and the CPUs that pyRAPL counts the sockets by."""
    for socket in range(sockets):
        sysfs.zone(root, f"intel-rapl:{socket}", f"package-{socket}", energy_uj=(5 + socket) * 10**6)
        sysfs.zone(root, f"intel-rapl:{socket}:0", "core", energy_uj=10**6)
        sysfs.zone(root, f"intel-rapl:{socket}:1", "dram", energy_uj=(2 + socket) * 10**6)
        sysfs.write(root / f"cpu/cpu{socket}/topology/physical_package_id", f"{socket}\n")
    sysfs.write(root / "cpu/present", f"0-{sockets - 1}\n")
    (root / "sys/class/powercap/intel-rapl").symlink_to(root / "sys/devices/virtual/powercap/intel-rapl")


def python(root: Path, script: str) -> Any:
    """What the script prints as JSON on a machine whose ``/sys`` has the zones and CPUs of ``root``."""
    mounts = (
        "mount -t tmpfs none /sys/class && ln -s $0/sys/class/powercap /sys/class/powercap"
        " && mount --bind $0/cpu /sys/devices/system/cpu && exec $1 -c $2"
    )
    # energyprof as it lies in this tree, whatever the folder.
    tree = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{tree}:{tree / 'tests'}"}
    child = subprocess.run(
        ["unshare", "-m", "sh", "-c", mounts.replace("$2", '"$2"'), str(root), sys.executable, script],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert child.returncode == 0, child.stderr
    assert child.stderr == ""
    return json.loads(child.stdout)


@pytest.mark.slow
@needs_pyrapl
@needs_mounts
def test_each_sockets_package_and_memory_is_a_meter_that_checks_rapls(tmp_path: Path) -> None:
    machine(tmp_path)
    answer = python(
        tmp_path,
        """
import json, logging, sys
from pathlib import Path
from energyprof.measure.meters import find
finding = find("pyrapl", Path("/"))
early = [name for name in ("pyRAPL", "pandas") if name in sys.modules]
readings = {}
for source in finding.sources:
    meter = source.open()
    readings[source.info.name] = [meter.read(), source.info.part, source.info.checks]
    meter.close()
    meter.close()
print(json.dumps([finding.state, finding.role, finding.notes, readings, early, logging.root.handlers]))
""",
    )
    state, role, notes, readings, early, handlers = answer
    assert (state, role) == ("found", "cross-check")
    assert "unmaintained since 2019" in notes[0] and "undoes no wraps" in notes[0]
    assert readings == {
        "pyrapl:package-0": [5.0, "cpu", "rapl:package-0"],
        "pyrapl:package-1": [6.0, "cpu", "rapl:package-1"],
        "pyrapl:dram-0": [2.0, "dram", "rapl:dram-0"],
        "pyrapl:dram-1": [3.0, "dram", "rapl:dram-1"],
    }
    assert early == []
    assert handlers == []


@pytest.mark.slow
@needs_pyrapl
@needs_mounts
def test_a_wrap_is_undone_and_garbage_is_no_reading(tmp_path: Path) -> None:
    machine(tmp_path, sockets=1)
    counter = tmp_path / "sys/class/powercap/intel-rapl:0/energy_uj"
    answer = python(
        tmp_path,
        f"""
import json
from pathlib import Path
from energyprof.errors import MeterError
from energyprof.measure.meters import find
from energyprof.trace.rows import Sample
from fakes.traces import Trace, segments
counter = Path({str(counter)!r})
source = find("pyrapl", Path("/")).sources[0]
counter.write_text(str({sysfs.INTEL_RANGE_UJ} - 10_000_000))
meter = source.open()
samples = [Sample(0.0, 0.0, meter.read())]
counter.write_text("20000000")
samples.append(Sample(1.0, 1.0, meter.read()))
joules = sum(segment.joules for segment in segments(Trace(source.info, 1.0, samples)))
problems = []
for text in ("", "N/A", "-7", str({sysfs.INTEL_RANGE_UJ} * 2)):
    counter.write_text(text)
    try:
        problems.append(meter.read())
    except MeterError as error:
        problems.append(str(error))
meter.close()
print(json.dumps([joules, problems]))
""",
    )
    joules, problems = answer
    assert joules == pytest.approx(30, abs=0.1)  # a wrap that is not undone: -262113 J
    assert all(isinstance(p, str) and p.startswith("pyrapl:package-0: pyRAPL") for p in problems), problems


@pytest.mark.slow
@needs_pyrapl
@needs_mounts
def test_what_pyrapl_itself_cannot_do_is_told_in_its_place(tmp_path: Path) -> None:
    machine(tmp_path)
    # It wants every socket that it finds a CPU of to have a zone with its number.
    sysfs.write(tmp_path / "cpu/cpu1/topology/physical_package_id", "3\n")
    answer = python(
        tmp_path,
        """
import json
from pathlib import Path
from energyprof.errors import MeterError
from energyprof.measure.meters import find
answers = {}
for source in find("pyrapl", Path("/")).sources:
    try:
        meter = source.open()
        answers[source.info.name] = meter.read()
        meter.close()
    except MeterError as error:
        answers[source.info.name] = str(error)
print(json.dumps(answers))
""",
    )
    assert answer["pyrapl:package-0"] == 5.0
    assert answer["pyrapl:package-1"] == "pyrapl:package-1: pyRAPL: PyRAPLBadSocketIdException"


@pytest.mark.slow
@needs_pyrapl
@needs_mounts
@pytest.mark.parametrize(
    ("zones", "state", "reason"),
    [
        ({}, "absent", "pyRAPL needs powercap, which shows no zone here"),
        ({"intel-rapl:0": "psys"}, "absent", "pyRAPL needs powercap, which shows no zone here"),
        ({"intel-rapl:0": "package-0-die-0"}, "absent", "pyRAPL does not know zones such as package-0-die-0"),
    ],
)
def test_where_it_cannot_work_it_says_why(
    tmp_path: Path, zones: dict[str, str], state: str, reason: str
) -> None:
    for entry, name in zones.items():
        sysfs.zone(tmp_path, entry, name)
    (tmp_path / "sys/class/powercap").mkdir(parents=True, exist_ok=True)
    (tmp_path / "cpu").mkdir()
    script = """
import json
from pathlib import Path
from energyprof.measure.meters import find
finding = find("pyrapl", Path("/"))
print(json.dumps([finding.state, finding.reason]))
"""
    assert python(tmp_path, script) == [state, reason]


@pytest.mark.slow
@needs_pyrapl
@needs_mounts
def test_counters_that_may_not_be_read_come_with_their_remedy(tmp_path: Path) -> None:
    machine(tmp_path)
    for counter in (tmp_path / "sys/devices").rglob("energy_uj"):
        counter.chmod(0o400)
    for folder in (tmp_path, *tmp_path.parents):
        if "pytest" in folder.name or "popen" in folder.name or folder == tmp_path:
            folder.chmod(0o755)
    script = """
import json, os
from pathlib import Path
from energyprof.measure.meters import pyrapl
os.setgid(65534)
os.setuid(65534)
pyrapl.importlib.util.find_spec = lambda name: True  # it may lie where only root may look
finding = pyrapl.find(Path("/"))
print(json.dumps([finding.state, finding.reason, finding.remedy]))
"""
    state, reason, remedy = python(tmp_path, script)
    assert (state, reason) == ("blocked", "the counters in /sys/class/powercap may not be read")
    assert remedy.startswith("sudo chmod a+r /sys/class/powercap/")


@needs_pyrapl
def test_it_cannot_be_pointed_elsewhere(tmp_path: Path) -> None:
    sysfs.intel_client(tmp_path)
    finding = pyrapl.find(tmp_path)
    assert (finding.state, finding.sources) == ("absent", ())
    assert finding.reason == f"pyRAPL reads /sys itself and cannot be pointed at {tmp_path}"


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    finding = pyrapl.find(Path("/"))
    assert finding.state == "absent"
    assert "pip install 'energyprof[pyrapl]'" in finding.reason
