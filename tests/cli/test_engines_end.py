"""Engines that start servers end with energyprof, however that ends: no process and no file stays of them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from energyprof.report.file import read
from energyprof.report.recompute import recompute
from fakes.devices import Device, devices, free_port, until
from fakes.installed import needs

needs("flwr>=1.42", "torch")
pytestmark = [pytest.mark.slow, pytest.mark.long]

TRAINING = ("unet", "--paradigm", "federated", "--local-epochs", "0.05", "--max-samples", "100000")
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")


@pytest.fixture
def two(tmp_path: Path) -> Iterator[list[Device]]:
    with devices(tmp_path, (40.0, 60.0)) as found:
        yield found


def expect_nothing_but_a_report(device: Device, number: int) -> None:
    """``number``: of the signal that ended it. One that is killed leaves a folder to the next profiler."""
    assert device.process is not None
    device.process.communicate(timeout=60)
    until(lambda: not device.processes(), within_s=30)
    left = [path for path in device.outside() if not path.startswith(f"{device.temporary}/energyprof-")]
    assert left == []
    if number != signal.SIGKILL:
        assert device.outside() == []
    (run,) = read(device.report).runs
    assert run.status == "interrupted"
    (again,) = recompute(device.report).runs
    assert again.energy_j is not None and again.energy_j > 0
    if number != signal.SIGKILL:  # which leaves all until then to the trace
        assert (again.samples, again.energy_j) == (run.samples, run.energy_j)


@pytest.mark.parametrize(
    ("of_client", "of_server"), [(signal.SIGINT, signal.SIGKILL), (signal.SIGKILL, signal.SIGINT)]
)
def test_in_the_middle_of_a_deployed_round_server_and_client_end_each_alone(
    two: list[Device], of_client: signal.Signals, of_server: signal.Signals
) -> None:
    server, device = two
    words = (*TRAINING, "--clients", "1", "--engine", "deploy", "--address", f"127.0.0.1:{free_port()}")
    server.start(*words)
    device.start(*words, "--client", "0")
    device.until_recorded(b"warmup")
    assert any("flower-supernode" in words for words in device.processes().values())
    assert any("flower-superlink" in words for words in server.processes().values())
    device.signal(of_client)
    expect_nothing_but_a_report(device, of_client)
    server.signal(of_server)
    expect_nothing_but_a_report(server, of_server)


@needs_ray
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_in_the_middle_of_a_round_of_rays_all_its_processes_end(
    two: list[Device], number: signal.Signals
) -> None:
    server, _ = two
    server.start(*TRAINING, "--clients", "2", "--engine", "ray")
    server.until_recorded(b"warmup")
    assert any("raylet" in words for words in server.processes().values())
    server.signal(number)
    expect_nothing_but_a_report(server, number)
