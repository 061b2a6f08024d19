"""``calibrate --node --load``: a node's loads driven and recorded, and its map used without the plug."""

from __future__ import annotations

import json
import math
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import pytest
from conftest import Command

from fakes.http_meters import ShellyRpc, serving
from fakes.loaded import one_processor
from fakes.logs import logs
from fakes.powercap import LivePowercap
from fakes.waveform import constant, square

WAVE = square(20.0, 80.0, 11.0)  # of the processor: 5.5 s a level, in which two windows fit
ROW_S = 0.1
REST_W, SLOPE = 60.0, 1.25


@dataclass
class Plug(ShellyRpc):
    """What feeds that processor and all the rest."""

    @property
    def power_w(self) -> float:
        return REST_W + SLOPE * WAVE.power_w(time.monotonic())


@contextmanager
def logger(path: Path) -> Iterator[None]:
    """What keeps a plug's log: the mean power of each ``ROW_S``; it leaves no row out, however late."""
    ended = threading.Event()
    to_wall_s = time.time() - time.monotonic()
    last_s = time.monotonic() - 2  # how often it writes is seen in its rows

    def catch_up(file: TextIO) -> None:
        nonlocal last_s
        while (row_s := last_s + ROW_S) <= time.monotonic():
            mean_w = REST_W + SLOPE * WAVE.energy_j(last_s, row_s) / ROW_S
            file.write(f"{to_wall_s + row_s:.3f},{mean_w:.3f}\n")
            last_s = row_s

    def go_on(file: TextIO) -> None:
        while not ended.wait(ROW_S):
            catch_up(file)

    with path.open("w", buffering=1) as file:
        file.write("time,power_w\n")
        catch_up(file)
        thread = threading.Thread(target=go_on, args=(file,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Command]:
    powercap = LivePowercap(tmp_path / "machine", WAVE)
    (tmp_path / "work").mkdir()
    yield Command(tmp_path / "work", tmp_path / "machine")
    powercap.close()


@pytest.mark.slow
@pytest.mark.long
def test_a_node_is_loaded_recorded_and_known_from_then_on(node: Command) -> None:
    reference = "csv=wall.csv?boundary=wall_ac&gain=1%"
    levels = ("--seconds", "2.5", "--window", "2")
    with logger(node.folder / "wall.csv"), one_processor():
        words = ("--node", "--load", *levels, "--reference", reference, "-o", "n.json")
        done = subprocess.run(
            node.arguments("calibrate", *words),
            cwd=node.folder,
            env=node.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "recorded  energyprof-reports/node-load-" in done.stderr
    found = json.loads((node.folder / "n.json").read_text())
    by, (term,) = found["node_map"], found["node_map"]["terms"]
    u = [math.sqrt(by["covariance"][k][k]) for k in (0, 1)]
    assert abs(by["intercept_w"] - REST_W) <= 2 * math.hypot(u[0], by["reference_u"] * REST_W)
    assert abs(term["slope"] - SLOPE) <= 2 * math.hypot(u[1], by["reference_u"] * SLOPE)
    assert term["meters"] == ["rapl:package-0"]
    (recording,) = (node.folder / "energyprof-reports").glob("node-load-*.json")
    phases = [phase["name"] for phase in json.loads(recording.read_text())["runs"][0]["phases"]]
    assert {"CPU 100 %", "CPU 50 %", "idle"} <= set(phases)
    (node.folder / "wall.csv").unlink()
    # The plug is gone: the node is known all the same.
    done = node("exec", "--idle", "0", "--calibration", "n.json", "-o", "r.json", "--", "sleep", "2")
    assert done.returncode == 0, done.stderr
    run = node.report()["runs"][0]
    true_j = REST_W * run["time_s"] + SLOPE * run["energy_j"]
    assert abs(run["node"]["energy_j"] - true_j) <= run["node"]["energy_u_j"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--load", "--reference", "shelly=192.0.2.7"), "--load: drives a node's loads and records them"),
        (
            ("r.json", "--node", "--seconds", "5", "--reference", "x"),
            "--seconds and --python: only with --load",
        ),
        (("--node", "--load", "--reference", "rapl:package-0"), "does not read a whole node"),
        (
            ("--node", "--load", "--reference", "nvml:0"),
            "name one meter of a whole node; there is rapl:package-0",
        ),
    ],
)
def test_what_cannot_be_driven_is_said_before_anything_is_loaded(
    command: Any, one_error_line: Any, words: tuple[str, ...], says: str
) -> None:
    assert says in one_error_line(command("calibrate", *words))
    assert list(command.folder.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("--seconds", "12"),
            "--seconds 12: no window of 20 s at a level that is settled fits into it; give 25",
        ),
        (
            ("--window", "50"),
            "--seconds 60: no window of 50 s at a level that is settled fits into it; give 62.",
        ),
        (("--window", "5"), "--window 5: "),
    ],
)
def test_levels_that_are_too_short_for_a_window_are_not_driven(
    command: Any, one_error_line: Any, words: tuple[str, ...], says: str
) -> None:
    with serving(Plug(wave=constant(1.0), energy=False)) as place:
        line = one_error_line(
            command("calibrate", "--node", "--load", "--reference", f"shelly={place}", *words)
        )
    assert says in line
    assert list(command.folder.iterdir()) == []


@pytest.mark.slow
def test_logs_of_other_tools_make_a_map_too(command: Any) -> None:
    logs(command.folder, 17.4)
    words = (
        "--meter",
        "gpu.csv?boundary=component&part=gpu",
        "--meter",
        "cpu.csv?boundary=component&part=cpu",
    )
    done = command("calibrate", "--node", *words, "--reference", "wall.csv?gain=1%", "-o", "n.json")
    assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.split())
    assert "the reference's clock was +17." in shown
    found = json.loads((command.folder / "n.json").read_text())
    assert [term["part"] for term in found["node_map"]["terms"]] == ["gpu", "cpu"]
    assert any("clock was +17." in note for note in found["notes"])
