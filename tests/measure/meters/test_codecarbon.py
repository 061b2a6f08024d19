"""codecarbon as a silent meter, with the real package in a child process."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from energyprof.measure import selection
from energyprof.measure.meters import codecarbon
from fakes import nvml, sysfs

needs_codecarbon = pytest.mark.skipif(
    importlib.util.find_spec("codecarbon") is None, reason="needs energyprof[codecarbon]"
)


def python(script: str, environment: dict[str, str]) -> Any:
    """What the script prints as JSON; it must print nothing else, on stderr neither."""
    child = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    assert child.stderr == ""
    return json.loads(child.stdout)


@pytest.mark.slow
@needs_codecarbon
def test_it_is_found_without_being_imported(tmp_path: Path) -> None:
    script = """
import json, sys
from pathlib import Path
from energyprof.measure.meters import find
f = find("codecarbon", Path(sys.argv[1] if len(sys.argv) > 1 else "/nowhere"))
print(json.dumps([f.state, f.role, [s.info.name for s in f.sources], "codecarbon" in sys.modules]))
"""
    answer = python(script, nvml.environment(None))
    names = ["codecarbon:cpu", "codecarbon:ram", "codecarbon:total"]
    assert answer == ["found", "cross-check", names, False]


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    finding = codecarbon.find(Path("/"))
    assert finding.state == "absent"
    assert "pip install 'energyprof[codecarbon]'" in finding.reason


@needs_codecarbon
def test_its_models_are_marked_as_estimates_and_its_gpu_figure_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0").mkdir(parents=True)
    smi = sysfs.write(tmp_path / "bin/nvidia-smi", "#!/bin/sh\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", str(smi.parent), prepend=os.pathsep)
    origins = {s.info.name: s.info.origin for s in codecarbon.find(tmp_path).sources}
    assert origins == {
        "codecarbon:cpu": "modelled",
        "codecarbon:ram": "modelled",
        "codecarbon:gpu": "measured",
        "codecarbon:total": "modelled",
    }


@needs_codecarbon
@pytest.mark.parametrize(
    ("asked", "counted"),
    [
        (["codecarbon"], ("codecarbon:cpu", "codecarbon:ram")),
        (["codecarbon:total"], ("codecarbon:total",)),
        (["codecarbon:total", "codecarbon:cpu"], ("codecarbon:cpu",)),
    ],
)
def test_its_total_is_never_added_to_its_parts(
    tmp_path: Path, asked: list[str], counted: tuple[str, ...]
) -> None:
    finding = codecarbon.find(tmp_path)
    assert {s.info.name: s.info.part for s in finding.sources}["codecarbon:total"] == "machine"
    assert selection.select([finding], asked).counted == counted


@needs_codecarbon
@pytest.mark.slow
def test_it_counts_in_silence_and_leaves_no_thread_behind(tmp_path: Path) -> None:
    # A user's settings that would change the figures or send them away must not reach it.
    sysfs.write(tmp_path / ".codecarbon.config", "[codecarbon]\npue = 10\nlog_level = debug\n")
    script = """
import json, os, threading, time
from pathlib import Path
from energyprof.measure.meters import find
sources = find("codecarbon", Path("/nowhere")).sources
meters = [source.open() for source in sources]
assert all(meter._tracker is meters[0]._tracker for meter in meters)
assert meters[0]._tracker._pue == 1.0
first = [meter.read() for meter in meters]
deadline = time.monotonic() + 30
while any(m.read() <= f for m, f in zip(meters, first)) and time.monotonic() < deadline:
    time.sleep(0.1)
grew = [meter.read() > before for meter, before in zip(meters, first)]
while True:  # a measurement between two reads would move them apart
    stamp = meters[0]._tracker._last_measured_time
    *parts, total = [meter.read() for meter in meters]
    if stamp == meters[0]._tracker._last_measured_time:
        break
summed = abs(sum(parts) - total) < 1e-6
running = threading.active_count()
for meter in meters:
    meter.close()
    meter.close()
print(json.dumps([[s.info.name for s in sources], grew, summed, running > 1, threading.active_count(),
                  sorted(p.name for p in Path().iterdir()), "CODECARBON_LOG_LEVEL" in os.environ]))
"""
    environment = {**nvml.environment(None), "HOME": str(tmp_path)}
    work = tmp_path / "work"
    work.mkdir()
    environment["PYTHONPATH"] = os.pathsep.join(
        str(Path(path).resolve()) for path in environment["PYTHONPATH"].split(os.pathsep)
    )
    names, grew, summed, had_threads, threads, files, leaked = python(
        f"import os; os.chdir({str(work)!r})\n{script}", environment
    )
    assert names == ["codecarbon:cpu", "codecarbon:ram", "codecarbon:total"]
    assert grew == [True, True, True]
    assert summed
    assert had_threads and threads == 1
    assert files == []
    assert not leaked


@needs_codecarbon
@pytest.mark.slow
def test_it_reads_the_gpus_that_nvml_counts(tmp_path: Path) -> None:
    library = nvml.build()
    smi = sysfs.write(tmp_path / "bin/nvidia-smi", "#!/bin/sh\n")
    smi.chmod(0o755)
    (tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0").mkdir(parents=True)
    script = f"""
import json, time
from pathlib import Path
from energyprof.measure.meters import find
clock = Path({str(tmp_path / "clock")!r})
source = [s for s in find("codecarbon", Path({str(tmp_path)!r})).sources if s.info.part == "gpu"][0]
meter = source.open()
before = meter.read()
clock.write_text("110")
deadline = time.monotonic() + 30
while meter.read() <= before and time.monotonic() < deadline:
    time.sleep(0.1)
print(json.dumps(meter.read() - before))
meter.close()
"""
    (tmp_path / "clock").write_text("100")
    environment = nvml.environment(library, wave="constant:50:50:1:1", tick_s=0, clock=tmp_path / "clock")
    environment["PATH"] = f"{smi.parent}{os.pathsep}{environment['PATH']}"
    assert python(script, environment) == pytest.approx(500)
