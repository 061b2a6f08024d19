"""jtop: what is found without its library, and the real library against a service that keeps its protocol."""

from __future__ import annotations

import gc
import importlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from energyprof.errors import MeterError
from energyprof.measure import selection
from energyprof.measure.meters.jetson import jetson, jtop
from fakes import jetson as boards
from fakes.jtop_service import JtopService, power

ORIN_NX = power({"VDD_CPU_GPU_CV": 2500, "VDD_SOC": 1500}, total=7250)


# The library leaves files of its own open.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module ``jtop`` that can be found and must not be imported."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/jtop.py").write_text("raise AssertionError('imported by a search')\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delitem(sys.modules, "jtop", raising=False)
    importlib.invalidate_caches()


def test_on_another_machine_it_is_absent(tmp_path: Path, library: None) -> None:
    finding = jtop.find(tmp_path)
    assert (finding.role, finding.state, finding.reason) == ("cross-check", "absent", "not a Jetson")


def test_without_its_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boards.orin_nx(tmp_path)
    monkeypatch.setitem(sys.modules, "jtop", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    finding = jtop.find(tmp_path)
    assert finding.state == "absent"
    assert finding.reason == "jetson-stats is not installed: pip install 'energyprof[jetson]'"


def test_a_library_that_cannot_be_imported_is_one_line_with_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/jtop.py").write_text("raise ImportError('No module named smbus2')\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delitem(sys.modules, "jtop", raising=False)
    importlib.invalidate_caches()
    boards.orin_nx(tmp_path)
    source = jtop.find(tmp_path).sources[0]
    with pytest.raises(MeterError) as error:
        source.open()
    assert str(error.value) == "jtop: No module named smbus2: pip install 'energyprof[jetson]'"
    sys.modules.pop("jtop", None)


def test_the_total_has_the_modules_boundary_and_the_rails_stand_beside_it(
    tmp_path: Path, library: None
) -> None:
    boards.orin_nx(tmp_path)
    found = {source.info.name: source.info for source in jtop.find(tmp_path).sources}
    assert {name: (info.part, info.boundary) for name, info in found.items()} == {
        "jtop:total": ("soc", "module"),
        "jtop:VDD_CPU_GPU_CV": ("soc", "component"),
        "jtop:VDD_SOC": ("board", "component"),
    }
    assert all(info.refresh_s == 1.0 and info.reads == "power_w" for info in found.values())


def test_alone_only_its_total_is_counted_and_beside_the_rails_it_is_a_cross_check(
    tmp_path: Path, library: None
) -> None:
    boards.xavier_jetpack5(tmp_path)
    findings = [jetson.find(tmp_path), jtop.find(tmp_path)]
    assert selection.select(findings, ["jtop"]).counted == ("jtop:total",)
    chosen = selection.select(findings, ["jtop", "auto"])
    assert len(chosen.sources) == 13
    assert chosen.counted == tuple(f"jetson:{rail}" for rail in ("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"))


def test_the_board_whose_total_may_count_a_rail_twice_says_so(tmp_path: Path, library: None) -> None:
    boards.orin(tmp_path)
    assert any("VDDQ_VDD2_1V8AO" in note for note in jtop.find(tmp_path).notes)


Start = Callable[..., JtopService]


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a service on a socket of its own, where the client of jetson-stats looks for it."""
    module = pytest.importorskip("jtop.service")
    socket = tmp_path / "jtop.sock"
    monkeypatch.setattr(module, "JTOP_PIPE", str(socket))
    started: list[JtopService] = []

    def start(**options: Any) -> JtopService:
        started.append(JtopService(socket, **{"power": ORIN_NX, **options}))
        return started[-1]

    yield start
    for one in started:
        one.close()
    gc.collect()  # what the library left open is reported here, where it is expected


def opened(root: Path, name: str = "jtop:total") -> Any:
    if not (root / "proc").exists():
        boards.orin_nx(root)
    return next(s for s in jtop.find(root).sources if s.info.name == name).open()


def eventually(read: Callable[[], float]) -> str:
    """The words of the error that a meter gives sooner or later."""
    end_s = time.monotonic() + 30
    while time.monotonic() < end_s:
        try:
            read()
        except MeterError as error:
            return str(error)
        time.sleep(0.1)
    raise AssertionError("it never failed")


def test_the_total_and_the_rails_are_read_in_watts_over_one_connection(
    tmp_path: Path, service: Start
) -> None:
    service()
    names = ("jtop:total", "jtop:VDD_CPU_GPU_CV", "jtop:VDD_SOC")
    meters = [opened(tmp_path, name) for name in names]
    assert [meter.read() for meter in meters] == [7.25, 2.5, 1.5]
    for meter in meters:
        meter.close()
        meter.close()


def test_it_can_be_opened_again_after_it_was_closed(tmp_path: Path, service: Start) -> None:
    service()
    opened(tmp_path).close()
    meter = opened(tmp_path)
    assert meter.read() == 7.25
    meter.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (None, "jtop: its service is not active: sudo jtop --install-service"),
        ({"version": "1.0.0"}, "client and service are of different versions"),
        ({"mute": True}, "its service does not answer: sudo systemctl restart jtop.service"),
    ],
)
def test_a_service_that_cannot_be_reached_is_one_line_with_what_to_do(
    tmp_path: Path,
    service: Start,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any] | None,
    words: str,
) -> None:
    if options == {"mute": True}:
        monkeypatch.setattr(jtop, "ANSWER_S", 0.5)
    if options is not None:
        service(**options)
    with pytest.raises(MeterError) as error:
        opened(tmp_path)
    assert words in str(error.value)
    assert "sudo" in str(error.value) and "\n" not in str(error.value)


def test_a_client_without_permission_is_told_the_group(
    tmp_path: Path, service: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may open any socket: the refusal is the socket module's own.
    service()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    connection = importlib.import_module("multiprocessing.connection")
    monkeypatch.setattr(connection, "SocketClient", refuse)
    with pytest.raises(MeterError, match=r"no permission to its service: sudo usermod -aG jtop \$USER"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (power({"VDD_SOC": 1500}, total=1), "jtop:VDD_CPU_GPU_CV: jtop shows no such rail"),
        (power({"VDD_CPU_GPU_CV": 1}, total=1, online=False), "the sensor is offline"),
        (power({"VDD_CPU_GPU_CV": 1}, total=1, power="7"), "'7' is not a power in mW"),
        (power({"VDD_CPU_GPU_CV": 1}, total=1, power=-5000), "-5 W is further below zero"),
        ([], "no table of rails"),
    ],
)
def test_a_rail_without_a_power_is_an_error_of_one_line(
    tmp_path: Path, service: Start, table: Any, words: str
) -> None:
    service(power=table)
    with pytest.raises(MeterError) as error:
        opened(tmp_path, "jtop:VDD_CPU_GPU_CV")
    assert words in str(error.value)


def test_values_that_are_not_renewed_are_no_reading(tmp_path: Path, service: Start) -> None:
    running = service()
    meter = opened(tmp_path)
    running.stall()
    assert "no new value for" in eventually(meter.read)
    meter.close()


def test_a_service_that_dies_is_told(tmp_path: Path, service: Start) -> None:
    running = service()
    meter = opened(tmp_path)
    running.close()
    assert "sudo systemctl restart jtop.service" in eventually(meter.read)
    meter.close()
