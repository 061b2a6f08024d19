"""Engines that start servers end with energyprof, however that ends: no process and no file stays of them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from fakes.devices import Device, devices, expect_nothing_but_a_report, free_port, until
from fakes.installed import needs

needs("flwr>=1.42", "torch")
pytestmark = [pytest.mark.slow, pytest.mark.long]

TRAINING = ("unet", "--paradigm", "federated", "--local-epochs", "0.05", "--max-samples", "100000")
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")


@pytest.fixture
def two(tmp_path: Path) -> Iterator[list[Device]]:
    with devices(tmp_path, (40.0, 60.0)) as found:
        yield found


def deployed() -> tuple[str, ...]:
    return (*TRAINING, "--clients", "1", "--engine", "deploy", "--address", f"127.0.0.1:{free_port()}")


def test_in_the_middle_of_a_deployed_round_client_and_server_end_each_alone(two: list[Device]) -> None:
    server, device = two
    words = deployed()
    server.start(*words)
    device.start(*words, "--client", "0")
    device.until_recorded(b"warmup")
    assert any("flower-supernode" in words for words in device.processes().values())
    assert any("flower-superlink" in words for words in server.processes().values())
    device.signal(signal.SIGINT)
    assert (expect_nothing_but_a_report(device, signal.SIGINT).energy_j or 0) > 0
    server.signal(signal.SIGKILL)
    assert (expect_nothing_but_a_report(server, signal.SIGKILL).energy_j or 0) > 0


def test_a_server_that_waits_for_its_clients_ends_with_all_that_it_has_started(two: list[Device]) -> None:
    """A client that is killed is in ``test_deploy.py``."""
    server, _ = two
    server.start(*deployed())
    until(lambda: any("flwr-serverapp" in words for words in server.processes().values()))
    server.signal(signal.SIGINT)
    assert expect_nothing_but_a_report(server, signal.SIGINT).energy_j is None  # no client, no training


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
    assert (expect_nothing_but_a_report(server, number).energy_j or 0) > 0
