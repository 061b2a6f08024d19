"""Power limits and locked clocks through the fake of NVIDIA's library, in a process that finds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakes import nvml

SCRIPT = """
import json, sys
from pathlib import Path
from energyprof.errors import EnergyprofError
from energyprof.measure.levers import control_at, find_asked
from energyprof.measure.levers.nvidia import find
told = []
def tell(what):
    try:
        told.append(what())
    except EnergyprofError as error:
        told.append(str(error))
def lever(word):
    return find_asked(Path("/"), [word])[0][0]
{body}
print(json.dumps(told))
"""


def told(tmp_path: Path, body: str, **settings: object) -> Any:
    (tmp_path / "state").mkdir(exist_ok=True)
    environment = nvml.environment(nvml.build(), **{"state": tmp_path / "state", **settings})
    return nvml.python(SCRIPT.format(body=body), environment)


def test_each_board_that_cuda_sees_has_a_limit_and_clocks(tmp_path: Path) -> None:
    body = "told = [[lever.label, lever.values.range] for lever in find(Path('/')).levers]"
    assert told(tmp_path, body, gpus=3, CUDA_VISIBLE_DEVICES="0,2") == [
        ["gpu.power_limit:nvml:0", "100 W … 400 W"],
        ["gpu.clocks:nvml:0", "300 MHz … 1.98 GHz"],
        ["gpu.power_limit:nvml:2", "100 W … 400 W"],
        ["gpu.clocks:nvml:2", "300 MHz … 1.98 GHz"],
    ]


def test_a_limit_is_read_written_and_found_again_by_its_board(tmp_path: Path) -> None:
    body = """
limit = lever("gpu.power_limit:1=250W")
told += [limit.control.address, limit.control.read()]
limit.control.write(limit.own("250W"))
told.append(control_at(limit.control.address, Path("/")).read())
"""
    assert told(tmp_path, body, gpus=2) == [f"nvml:{nvml.uuid(1)}:power_limit", "400000", "250000"]
    assert (tmp_path / "state/limit_mw-1").read_text() == "250000"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"denied": 1}, "only root may set it (NVML_ERROR_NO_PERMISSION)"),
        ({"fail": "15:0:1e18"}, "GPU is lost"),
        ({"limit_w": 200}, "use 100 W … 200 W"),
        ({"limit_w": 0}, "the power limit of nvml:0 cannot be set: Not Supported"),
    ],
)
def test_what_nvml_refuses_is_one_line(tmp_path: Path, settings: dict[str, object], words: str) -> None:
    body = """
tell(lambda: lever("gpu.power_limit=250W").control.write("250000"))
"""
    (line,) = told(tmp_path, body, **settings)
    assert words in line


def test_clocks_that_nobody_can_read_are_locked_only_if_the_user_knows_them(tmp_path: Path) -> None:
    body = """
clocks = lever("gpu.clocks=1200MHz")
tell(clocks.control.read)
clocks = lever("gpu.clocks=300MHz-1200MHz,was=unlocked")
told.append(clocks.control.read())
clocks.control.write(clocks.own("300MHz-1200MHz,was=unlocked"))
told += [clocks.control.read(), clocks.values.shown(clocks.control.read())]
tell(lambda: lever("gpu.clocks=1200MHz-300MHz"))
tell(lambda: lever("gpu.clocks=1200MHz,was=1410MHz"))
tell(lambda: lever("gpu.clocks=5GHz"))
"""
    first, before, now, shown, *refused = told(tmp_path, body)
    assert "gpu.clocks=1200MHz,was=unlocked" in first
    assert (before, now, shown) == ("unlocked", "300,1200", "300 MHz … 1.20 GHz")
    assert (tmp_path / "state/clocks_mhz-0").read_text() == "300,1200"
    assert "the lower frequency comes first" in refused[0]
    assert "was=unlocked alone" in refused[1]
    assert "use 300 MHz … 1.98 GHz" in refused[2]
    again = f'told.append(control_at("nvml:{nvml.uuid(0)}:clocks", Path("/")).write("unlocked"))'
    told(tmp_path, again)
    assert not (tmp_path / "state/clocks_mhz-0").exists()


def test_without_a_driver_there_is_nothing_to_turn(tmp_path: Path) -> None:
    environment = nvml.environment(None)
    assert nvml.python(SCRIPT.format(body="told.append(find(Path('/')).reason)"), environment) == [
        "no NVIDIA driver"
    ]
