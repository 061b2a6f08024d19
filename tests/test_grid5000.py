"""``examples/grid5000``: from reservation to joined report, on a fake OAR, its oarsh and Kwollect's API."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes import sysfs
from fakes.batch import batch_system
from fakes.constants.sitecustomize import variables
from fakes.http_meters import Kwollect, Query, serving
from fakes.remote import Machines
from fakes.waveform import constant

pytestmark = pytest.mark.slow  # jobs take their time in real seconds, and Kwollect's rows come late

EXAMPLE = Path(__file__).parent.parent / "examples/grid5000/grid5000.py"
POWERS_W = {"gros-12": 120.0, "gros-13": 80.0}


class Site(Kwollect):
    """The wattmetres of several nodes, each with its own power."""

    def answer(self, path: str, query: Query) -> Any:
        if query.get("nodes") not in POWERS_W:
            return []
        return Kwollect(constant(POWERS_W[query["nodes"]]), node=query["nodes"]).answer(path, query)


class Grid:
    """A frontend, two nodes and the API."""

    def __init__(self, folder: Path, api: str) -> None:
        machines = Machines(folder / "nodes")
        for name in POWERS_W:
            sysfs.cpuinfo(machines.add(name))
        oar = batch_system(folder / "oar").split(os.pathsep)[0]
        self.folder, self.home, self.machines = folder, folder / "oar", machines
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ENERGYPROF_")}
        # The last rows are there as soon as they are asked for.
        kept |= variables({"energyprof.measure.meters.network.kwollect:PATIENCE.settle_s": 1.5})
        self.environment = {**kept, "PATH": os.pathsep.join([oar, machines.path]), "no_proxy": "127.0.0.1"}
        self.meters = f"kwollect={{site}}/{{node}}?api=http://{api}"

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(EXAMPLE), "--poll", "0.2", "-o", "out", "--meters", self.meters]
        return subprocess.Popen(
            [*command, *words],
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __call__(self, *words: str) -> tuple[int, str, str]:
        process = self.start(*words)
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    def report(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "out" / name).read_text())
        return found


@pytest.fixture
def grid(tmp_path: Path) -> Iterator[Grid]:
    with serving(Site()) as api:
        yield Grid(tmp_path, api)


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_one_command_leads_from_the_reservation_to_one_report_of_all_nodes(grid: Grid) -> None:
    code, out, err = grid("--cluster", "gros", "--", "exec", "--idle", "0", "--", "sleep", "3{rank}e-1")
    assert code == 0, out + err
    asked = eval((grid.home / "asked").read_text())
    assert asked[asked.index("-l") + 1] == "host=2,walltime=1:00:00"
    assert asked[asked.index("-p") + 1] == "gros" and "monitor=wattmetre_power_watt" in asked
    report = grid.report("joined.json")
    assert [node["job"]["manager"] for node in report["joined"]] == ["oar", "oar"]
    assert report["boundary"] == "wall_ac"
    (run,) = report["runs"]
    # Each node's power over its own seconds, within U.
    expected_j = sum(
        power_w * part["time_s"] for power_w, part in zip(POWERS_W.values(), run["nodes"], strict=True)
    )
    assert abs(run["energy_j"] - expected_j) <= run["energy_u_j"]
    assert run["nodes"][0]["time_s"] >= 3.0 and run["nodes"][1]["time_s"] >= 3.1
    # Before the job, what each can measure; in the end, the report.
    assert "all would measure the wall socket: their joules can be added" in out
    assert "kwollect:nancy/gros-13" in out and "Terminated" in out
    again = subprocess.run(
        [sys.executable, "-m", "energyprof", "recompute", "joined.json"],
        cwd=grid.folder / "out",
        capture_output=True,
        text=True,
        check=True,
    )
    assert "the same report, digit for digit" in again.stdout


def test_a_node_whose_program_fails_is_named_and_its_report_joined(grid: Grid) -> None:
    code, out, _ = grid("--", "exec", "--idle", "0", "--", "sh", "-c", "sleep 1; exit {rank}")
    assert code == 1
    assert "gros-13 ended with exit code 1" in out
    assert [part["exit_code"] for part in grid.report("joined.json")["runs"][0]["nodes"]] == [0, 1]


def test_before_the_walltime_what_was_measured_is_made_whole(grid: Grid) -> None:
    process = grid.start("--", "exec", "--idle", "0", "--", "sleep", "600")
    until(lambda: all((grid.folder / f"out/{name}.json").exists() for name in POWERS_W))
    (grid.home / "signal").write_text("")
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 1, out
    statuses = [part["status"] for part in grid.report("joined.json")["runs"][0]["nodes"]]
    assert statuses == ["interrupted"] * 2
    assert "gros-12 ended with exit code 143" in out


def test_ctrl_c_deletes_the_reservation(grid: Grid) -> None:
    process = grid.start("--", "exec", "--idle", "0", "--", "sleep", "600")
    until(lambda: (grid.folder / "out/gros-12.json").exists())
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "deleting job 1001" in out
    until(lambda: (grid.home / "1001.state").read_text() == "Error")


def test_what_oar_refuses_is_one_line(grid: Grid) -> None:
    code, out, err = grid("--walltime", "soon", "--", "exec", "--", "true")
    assert (code, out) == (1, "") and err == "error: oarsub: no resources asked for\n"
    grid.environment["PATH"] = "/usr/bin:/bin"
    (grid.folder / "out").rename(grid.folder / "before")
    code, out, err = grid("--", "exec", "--", "true")
    assert code == 1 and "run this on a frontend of Grid'5000" in err
    code, out, err = grid("--", "exec", "--", "true")
    assert code == 1 and "out" in err.strip().splitlines()[-1]  # the folder is there


def test_joules_of_clients_stand_beside_the_published_ones(tmp_path: Path) -> None:
    clients = [{"energy_j": 120.0}, {"energy_j": 130.0}, {"energy_j": None}]
    report = {"runs": [{"rounds": [{"clients": clients}, {"clients": clients[:1]}]}]}
    (tmp_path / "joined.json").write_text(json.dumps(report))
    words = [f"import sys; sys.path.insert(0, {str(EXAMPLE.parent)!r})", "import grid5000, pathlib"]
    program = "\n".join([*words, f"grid5000.beside_published(pathlib.Path({str(tmp_path)!r}))"])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "joined.json: 123 J a client and round, 3 of them" in done.stdout
    assert "1: 122 to 130 J" in done.stdout
