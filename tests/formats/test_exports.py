"""Running values at real endpoints: a page that is read, a file, UDP packets, an OTLP collector."""

from __future__ import annotations

import http.server
import os
import re
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Command

from energyprof.errors import UsageError
from energyprof.formats.exports import exporting, opened
from energyprof.formats.exports.metrics import known
from energyprof.profile.live import Snapshot

NOW = Snapshot(0, 3, 7, "train", 12.0, 10.0, 640, 0.5, 48.5, 485.0, "measured")
UNKNOWN = Snapshot(0, 3, 7, "idle", 1.0, None, None, None, None, None, "measured")
LABELS = {"workload": "unet-tiny"}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def page(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text: str = answer.read().decode()
        return text


def test_what_is_not_known_is_not_passed_on() -> None:
    assert known(UNKNOWN) == {"energyprof_run": 1.0}
    assert known(NOW)["energyprof_power_watts"] == 48.5


@pytest.mark.slow
def test_a_prometheus_page_shows_the_newest_values_and_goes_with_the_run() -> None:
    port = free_port()
    with exporting([f"prometheus:{port}"], LABELS) as (watcher,):
        assert "energyprof" not in page(port)
        watcher.see(UNKNOWN)
        watcher.see(NOW)
        shown = page(port)
        assert re.search(
            r'^energyprof_power_watts\{origin="measured",phase="train",seed="7",workload="unet-tiny"\} 48.5$',
            shown,
            re.MULTILINE,
        )
        assert "# TYPE energyprof_energy_joules gauge" in shown
    with pytest.raises(OSError):
        page(port)


@pytest.mark.slow
def test_it_is_for_this_machine_alone_unless_an_address_is_given() -> None:
    port = free_port()
    with exporting([f"prometheus:{port}"], LABELS):
        listening = Path("/proc/net/tcp").read_text()
        assert f"0100007F:{port:04X}" in listening
        assert f"00000000:{port:04X}" not in listening


def test_a_file_for_node_exporter_is_whole_at_any_time_and_removed_in_the_end(tmp_path: Path) -> None:
    path = tmp_path / "run.prom"
    with exporting([f"textfile:{path}"], LABELS) as (watcher,):
        watcher.see(NOW)
        assert "energyprof_samples{" in path.read_text()
        assert os.listdir(tmp_path) == ["run.prom"]
    assert not path.exists()


def test_statsd_gets_gauges_by_udp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        with exporting([f"statsd:127.0.0.1:{server.getsockname()[1]}"], LABELS) as (watcher,):
            watcher.see(replace(NOW, score=-2.0))
            lines = server.recv(65536).decode().splitlines()
    assert "energyprof.unet-tiny.power_watts:48.5|g" in lines
    assert lines.index("energyprof.unet-tiny.score:-2|g") == lines.index("energyprof.unet-tiny.score:0|g") + 1
    assert "energyprof.unet-tiny.energy_joules:485|g" in lines


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """An OTLP endpoint that keeps what it is sent."""
    got: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1/metrics", got
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_otlp_sends_energy_as_the_conventions_for_hardware_have_it(
    collector: tuple[str, list[bytes]],
) -> None:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    url, got = collector
    with exporting([f"otlp:{url}"], LABELS) as (watcher,):
        watcher.see(NOW)
    sent = [ExportMetricsServiceRequest.FromString(body) for body in got]
    metrics = {
        m.name: m for r in sent for rm in r.resource_metrics for s in rm.scope_metrics for m in s.metrics
    }
    energy = metrics["hw.energy"]
    assert (energy.unit, energy.sum.is_monotonic, energy.sum.data_points[0].as_double) == ("J", True, 485.0)
    assert metrics["hw.power"].gauge.data_points[0].as_double == 48.5
    labels = {a.key: a.value.string_value for a in energy.sum.data_points[0].attributes}
    assert labels["workload"] == "unet-tiny" and labels["hw.id"]


@pytest.mark.parametrize(
    "word",
    [
        *("", "graphite:1", "prometheus", "prometheus:", "prometheus:x", "prometheus:0", "prometheus:99999"),
        *("otlp:ftp://x", "otlp:x", "textfile:/nowhere/x.prom", "textfile:/tmp/x.txt"),
        *("statsd:127.0.0.1", "statsd:no.such.host.invalid:1"),
    ],
)
def test_what_names_no_place_is_one_line(word: str) -> None:
    with pytest.raises(UsageError, match="--export"):
        opened(word, LABELS)


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="give another port"):
            opened(f"prometheus:{taken.getsockname()[1]}", LABELS)


@pytest.mark.slow  # programs in real time
class TestARun:
    def test_a_program_s_power_is_read_while_it_runs(self, command: Command) -> None:
        port = free_port()
        words = ("exec", "--idle", "0", "-o", "r.json", "--export", f"prometheus:{port}", "--", "sleep", "3")
        with subprocess.Popen(
            command.arguments(*words),
            cwd=command.folder,
            env=command.environment(),
            stderr=subprocess.DEVNULL,
        ):
            for _ in range(500):
                try:
                    if found := re.search(
                        r"^energyprof_power_watts\{.*\} ([0-9.]+)$", page(port), re.MULTILINE
                    ):
                        break
                except OSError:
                    pass
                time.sleep(0.02)
            else:
                raise AssertionError("no power was shown")
            assert 40 < float(found[1]) < 60
        assert command.report()["runs"][0]["status"] == "done"

    def test_a_dead_endpoint_costs_the_run_nothing(self, command: Command) -> None:
        words = (
            "--export",
            f"otlp:http://127.0.0.1:{free_port()}/v1/metrics",
            "--export",
            "statsd:127.0.0.1:9",
        )
        done = command.anew("exec", "--idle", "0", "-o", "r.json", "--quiet", *words, "--", "sleep", "1")
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        run = command.report()["runs"][0]
        assert run["status"] == "done"
        assert run["energy_j"] == pytest.approx(50 * run["time_s"], rel=0.1)

    def test_what_is_not_installed_is_named(self, command: Command) -> None:
        (command.folder / "prometheus_client.py").write_text(
            "raise ModuleNotFoundError(name='prometheus_client')"
        )
        done = command.anew(
            "exec",
            "--idle",
            "0",
            "--export",
            "prometheus:9464",
            "--",
            "true",
            environment={"PYTHONPATH": str(command.folder)},
        )
        assert done.returncode == 2
        assert "pip install 'energyprof[export]'" in done.stderr
