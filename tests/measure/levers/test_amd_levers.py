"""Power limits and clocks through the fake of AMD's library, in a process that finds it."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

import warm
from fakes import amdsmi as fake

FIRST, SECOND = "0000:03:00.0", "0000:83:00.0"

SCRIPT = """
import json
from energyprof.errors import EnergyprofError
from energyprof.measure.levers import control_at, find_asked
from energyprof.measure.levers.amd import find
from energyprof.measure.meters import sysfs_root
from energyprof.profile.levers import turned
root, told = sysfs_root(), []
def tell(what):
    try:
        told.append(what())
    except EnergyprofError as error:
        told.append(str(error))
def lever(word):
    return find_asked(root, [word])[0][0]
{body}
print(json.dumps(told))
"""


def told(tmp_path: Path, body: str, **settings: object) -> Any:
    for name in ("state", "journal"):
        (tmp_path / name).mkdir(exist_ok=True)
    if not (tmp_path / "sys").exists():
        fake.card(tmp_path, 2, FIRST)
    set_ = {"state": tmp_path / "state", "clocks": "0 500 1700", "cap_uw": 250_000_000, **settings}
    environment = fake.environment(fake.build(), tmp_path, **set_)
    environment["ENERGYPROF_STATE"] = str(tmp_path / "journal")
    child = warm.run(["-c", SCRIPT.format(body=body)], environment)
    if child.returncode == -signal.SIGKILL:
        return None
    assert (child.returncode, child.stderr) == (0, ""), child.stderr
    return json.loads(child.stdout)


def state(tmp_path: Path, name: str) -> str:
    return (tmp_path / "state" / name).read_text()


@pytest.mark.slow
def test_each_card_that_rocm_sees_has_a_limit_and_clocks(tmp_path: Path) -> None:
    fake.card(tmp_path, 2, FIRST)
    fake.card(tmp_path, 3, SECOND)
    body = "told = [[lever.label, lever.values.range] for lever in find(root).levers]"
    both = told(tmp_path, body, places=f"{FIRST},{SECOND}")
    assert both == [
        ["gpu.power_limit:amdgpu:0", "0 W … 300 W"],
        ["gpu.clocks:amdgpu:0", "500 MHz … 1.70 GHz"],
        ["gpu.power_limit:amdgpu:1", "0 W … 300 W"],
        ["gpu.clocks:amdgpu:1", "500 MHz … 1.70 GHz"],
    ]
    assert told(tmp_path, body, places=f"{FIRST},{SECOND}", HIP_VISIBLE_DEVICES="1") == both[2:]


def test_limit_and_clocks_are_turned_and_put_back_with_the_performance_level(tmp_path: Path) -> None:
    body = """
with turned(["gpu.power_limit=200W", "gpu.clocks=1200MHz"]) as levers:
    told += [[record.before, record.asked, record.got] for record in levers.records]
    told.append(lever("gpu.clocks=1200MHz").control.read())
told.append(list(levers.problems))
"""
    assert told(tmp_path, body) == [
        ["250 W", "200 W", "200 W"],
        ["500 MHz … 1.70 GHz, automatic", "1.20 GHz", "1.20 GHz"],
        "manual 1199 1200",
        [],
    ]
    assert (state(tmp_path, "cap_uw-0"), state(tmp_path, "clocks-0")) == ("250000000", "0 500 1700")
    assert (tmp_path / "sys/class/hwmon/hwmon2/power1_cap").read_text().strip() == "280000000"


def test_a_killed_runs_clocks_and_level_come_back_at_the_next_start(tmp_path: Path) -> None:
    body = """
import os, signal
with turned(["gpu.power_limit=200W", "gpu.clocks=1200MHz"]):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert told(tmp_path, body) is None
    assert (state(tmp_path, "cap_uw-0"), state(tmp_path, "clocks-0")) == ("200000000", "3 1199 1200")
    told(tmp_path, "from energyprof.profile.lever_journal import restore_left; restore_left()")
    assert (state(tmp_path, "cap_uw-0"), state(tmp_path, "clocks-0")) == ("250000000", "0 500 1700")


def test_a_range_that_somebody_set_is_what_comes_back(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/clocks-0").write_text("3 900 1300")
    body = """
clocks = lever("gpu.clocks=900MHz-1GHz")
told += [clocks.values.range, clocks.control.address]
with turned(["gpu.clocks=900MHz-1GHz"]):
    told.append(control_at(clocks.control.address, root).read())
for text in ("manual 600 700", "manual 1500 1600", "manual 900 1300"):
    clocks.control.write(text)
    told.append(clocks.control.read())
tell(lambda: lever("gpu.clocks=1.5GHz"))
tell(lambda: lever("gpu.clocks=1GHz-900MHz"))
tell(lambda: clocks.control.write("manual 1e9 2"))
"""
    *read, beyond, turned_round, no_range = told(tmp_path, body)
    texts = ["manual 900 1000", "manual 600 700", "manual 1500 1600", "manual 900 1300"]
    assert read == ["900 MHz … 1.30 GHz", f"amdgpu:{FIRST}:clocks", *texts]
    assert "use 900 MHz … 1.30 GHz" in beyond
    assert "the lower frequency comes first" in turned_round
    assert "not a range of clocks" in no_range


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"denied": 1}, "only root may set it (amdsmi 10)"),
        ({"clocks": "8 500 1200"}, "neither auto nor manual (amdsmi 8)"),
        ({"clocks": ""}, "not supported"),
        ({"clocks": "0 0 0"}, "gives no range"),
        ({"init": 34}, "the clocks of amdgpu:0 cannot be locked"),
    ],
)
def test_clocks_that_cannot_be_read_or_set_are_one_line(
    tmp_path: Path, settings: dict[str, object], words: str
) -> None:
    body = 'tell(lambda: lever("gpu.clocks=1200MHz").control.write("manual 1199 1200"))'
    (line,) = told(tmp_path, body, **settings)
    assert words in line
    assert not (tmp_path / "state/clocks-0").exists()


@pytest.mark.parametrize("settings", [{"cap_uw": ""}, {"init": 34}, {"cap_uw": 400_000_000}])
def test_the_kernels_limit_is_turned_where_the_library_has_none(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    body = """
limit = lever("gpu.power_limit=200W")
told += [limit.control.read(), limit.values.range]
limit.control.write(limit.own("200W"))
told.append(control_at(limit.control.address, root).read())
"""
    assert told(tmp_path, body, **settings) == ["280000000", "0 W … 300 W", "200000000"]
    assert (tmp_path / "sys/class/hwmon/hwmon2/power1_cap").read_text().strip() == "200000000"


def test_a_limit_that_the_library_refuses_is_not_tried_elsewhere(tmp_path: Path) -> None:
    body = 'tell(lambda: lever("gpu.power_limit=200W").control.write("200000000"))'
    (line,) = told(tmp_path, body, denied=1)
    assert "only root may set it (amdsmi 10)" in line
    assert (tmp_path / "sys/class/hwmon/hwmon2/power1_cap").read_text().strip() == "280000000"
