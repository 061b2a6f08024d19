"""``show``, ``recompute``, ``doctor`` and ``workloads``: what they print, at 80 columns and in a pipe."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from energyprof.meters import ADDRESSED, KINDS
from energyprof.report import Report, write
from fakes import sysfs
from fakes.powercap import LAG_J
from reports import at, report, run, unmetered_run


def saved(command: Any, content: Report, name: str = "r.json") -> str:
    write(content, command.folder / name)
    return name


def narrow(text: str) -> bool:
    """Whether it fits 80 columns; lines to be copied whole may be longer."""
    return all(len(line) <= 80 or "try: " in line or line.startswith("report ") for line in text.splitlines())


def test_show_says_what_it_took_and_how_sure_that_is(command: Any) -> None:
    three = report([run(1.0, seed=seed, u_rel=0.1, gain_rel=0.1) for seed in range(3)])
    done = command("show", saved(command, three))
    assert done.returncode == 0
    assert narrow(done.stdout)
    words = " ".join(done.stdout.split())
    assert "energy to target 1.05 ± 0.10 kJ mean of 3 runs" in words
    assert "energy per sample 1.00 J" in words
    assert "with start-up" in words
    assert "reached (3 of 3)" in words
    assert "report r.json" in words


def test_an_estimate_says_so_beside_the_number(command: Any) -> None:
    done = command("show", saved(command, report([run()], estimated=True)))
    assert "an estimate, not a measurement" in done.stdout


def test_energy_that_was_not_measured_is_not_zero(command: Any) -> None:
    done = command("show", saved(command, report([unmetered_run()])))
    assert "energy to target not measured" in " ".join(done.stdout.split())


def test_a_broken_report_is_one_line(command: Any, one_error_line: Any) -> None:
    (command.folder / "r.json").write_text("{")
    for verb in ("show", "recompute"):
        assert "r.json: not a readable report" in one_error_line(command(verb, "r.json"))


def test_recompute_without_a_trace_is_one_line(command: Any, one_error_line: Any) -> None:
    line = one_error_line(command("recompute", saved(command, at(1.0))))
    assert "r.trace.csv.gz: cannot be read" in line


def test_show_draws_power_over_time_with_its_phases(command: Any) -> None:
    command("exec", "--idle", "0.3", "-o", "r.json", "--", "sleep", "1")
    done = command("show", "r.json")
    assert "█" in done.stdout
    assert "i idle  r run" in done.stdout
    assert narrow(done.stdout)


def test_colour_is_for_terminals_that_want_it(command: Any) -> None:
    saved(command, report([run()], estimated=True))
    for environment in ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, {}):
        assert "\x1b[3" not in command("show", "r.json", environment=environment).stdout


def test_a_reader_that_stops_reading_is_no_error(command: Any) -> None:
    saved(command, report([run(seed=seed) for seed in range(5000)]))
    words = " ".join(command.arguments("show", "r.json"))
    done = subprocess.run(
        ["bash", "-c", f"{words} | head -1"],
        cwd=command.folder,
        env=command.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout


def test_doctor_names_every_kind_with_its_state(command: Any) -> None:
    done = command("doctor", "--look", "0")
    assert done.returncode == 0
    for kind in KINDS:
        assert re.search(rf"^  [✓✗–] {kind} ", done.stdout, re.MULTILINE), kind
    for kind in ADDRESSED:
        assert f"--meters {kind}=" in done.stdout
    assert "would measure inside the chips" in done.stdout
    assert "with rapl:package-0." in done.stdout
    assert narrow(done.stdout)


def test_doctor_reads_the_meters_and_says_what_they_read(command: Any) -> None:
    data = json.loads(command("doctor", "--look", "1.5", "--json").stdout)
    (rapl,) = (finding for finding in data["meters"] if finding["kind"] == "rapl")
    (package,) = rapl["meters"]
    assert package["power_w"] == pytest.approx(50, abs=LAG_J)
    assert data["warnings"] == []


def test_doctor_gives_no_power_for_a_meter_that_stands_still(command: Any) -> None:
    command.root = command.folder / "still"
    sysfs.intel_client(command.root)
    done = command("doctor", "--look", "1.5")
    assert "! rapl:package-0 stood still for over a second" in done.stdout
    assert " W\n" not in done.stdout


def test_doctor_asks_an_external_meter_and_passes_over_one_that_does_not_answer(command: Any) -> None:
    done = command("doctor", "--look", "0", "--meters", "auto,csv=nowhere.csv")
    assert done.returncode == 0
    assert re.search(r"[✗–] csv=nowhere.csv", done.stdout)
    assert "with rapl:package-0." in done.stdout


def test_doctor_in_a_virtual_machine_says_why_and_falls_back_to_an_estimate(command: Any) -> None:
    command.root = command.folder / "vm"
    sysfs.cpuinfo(command.root, virtual=True)
    sysfs.stat(command.root, busy_s=1.0, idle_s=1.0)
    done = command("doctor")
    assert re.search(r"– rapl +a virtual machine", done.stdout)
    assert "would estimate with cpu-model" in done.stdout


def test_doctor_speaks_json(command: Any) -> None:
    data = json.loads(command("doctor", "--look", "0", "--json").stdout)
    assert [meter["kind"] for meter in data["meters"]] == [*KINDS]
    assert [words.partition("=")[0] for words in data["external"]] == [*ADDRESSED]
    assert data["auto"] == {"meters": ["rapl:package-0"], "boundary": "component", "estimated": False}


def test_workloads_lists_sizes_targets_and_reference_runs(command: Any) -> None:
    done = command("workloads")
    assert done.returncode == 0, done.stderr
    assert narrow(done.stdout)
    for words in (
        "unet",
        "tiny",
        "base",
        "dice at least 0.81",
        "20 of 20 seeds reach it",
        "no reference bank",
    ):
        assert words in " ".join(done.stdout.split())
    data = json.loads(command("workloads", "--json").stdout)
    assert data[0]["sizes"][0]["target"] == {"metric": "dice", "value": 0.81, "direction": "max"}


@pytest.mark.parametrize("words", [(), ("--help",), ("run", "--help"), ("--version",)])
def test_help_comes_without_being_asked_twice(command: Any, words: tuple[str, ...]) -> None:
    done = command(*words)
    assert done.returncode in (0, 2)
    assert "Traceback" not in done.stderr
    assert done.stdout or done.stderr
