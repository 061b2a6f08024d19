"""``show``, ``recompute``, ``doctor`` and ``workloads``: what they print, at 80 columns and in a pipe."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from energyprof.formats.catalogue import size_lines
from energyprof.measure.meters import ADDRESSED, KINDS
from energyprof.report.file import read, write
from energyprof.report.flags import flag
from energyprof.report.record import Phase, Report, Run
from fakes import sysfs
from fakes.powercap import LAG_J
from fakes.recording import counter, nvml, recording
from reports import at, program, report, run, unmetered_run


def saved(command: Any, content: Report, name: str = "r.json") -> str:
    write(content, command.folder / name)
    return name


def narrow(text: str) -> bool:
    """Whether it fits 80 columns; lines to be copied whole may be longer."""
    return all(len(line) <= 80 or "try: " in line or line.startswith("report ") for line in text.splitlines())


@pytest.mark.slow
def test_show_says_what_it_took_and_how_sure_that_is(command: Any) -> None:
    three = report([run(1.0, seed=seed, u_rel=0.1, gain_rel=0.1) for seed in range(3)])
    done = command("show", saved(command, three))
    assert done.returncode == 0
    assert narrow(done.stdout)
    words = " ".join(done.stdout.split())
    assert "energy to target 1.05 ± 0.10 kJ geometric mean of 3 runs" in words
    assert "energy per sample 1.00 ± 0.10 J" in words
    assert "with start-up" in words
    assert "reached (3 of 3)" in words
    assert "report r.json" in words


def taken_apart(**facts: Any) -> Run:
    """1 J a sample in training; alone, data take 0.1 J of it, computing 0.8 J."""
    made = run(1.0, facts=facts)
    parts = (
        ("data", 5000, 500.0, 1.0),
        ("forward_backward", 1000, 800.0, 1.0),
        ("optimiser", 8000, 4.0, 5.0),
    )
    phases = [
        Phase(f"part:{name}", 90.0, 100.0, samples, energy_j, 2 * u_j, {}, budget_j={"edge": u_j})
        for name, samples, energy_j, u_j in parts
    ]
    return replace(made, phases=(*made.phases, *phases))


def test_show_says_where_the_energy_of_a_step_goes(command: Any) -> None:
    done = command("show", saved(command, report([taken_apart()])), environment={"COLUMNS": "80"})
    assert done.returncode == 0, done.stderr
    assert narrow(done.stdout)
    words = " ".join(done.stdout.split())
    assert "data 100.0 ± 0.4 mJ 10.0 % 50.0 W" in words
    assert "forward, backward 800.0 ± 2.0 mJ 80.0 % 80.0 W" in words
    assert "optimiser: cannot be told apart by this meter" in words
    assert "in training 1.00 J 100.0 %" in words
    assert "from the program's start to the end of training" in words
    assert "part:" not in words
    assert "--breakdown" not in words


@pytest.mark.slow
def test_show_says_how_to_learn_where_it_goes_where_that_can_be_learnt(command: Any) -> None:
    assert "--breakdown" in command("show", saved(command, report([run()]))).stdout
    assert "--breakdown" not in command("show", saved(command, program(1000.0))).stdout
    assert "--breakdown" not in command("show", saved(command, report([unmetered_run()]))).stdout


def test_show_says_what_was_trained_and_what_a_joule_does(command: Any) -> None:
    facts = {
        "parameters": 23_000_000,
        "parameters_trained": 150_000,
        "parameter_bytes": 92e6,
        "flops_per_sample": 3.5e12,
        "peak_rss_bytes": 12.3e9,
        "peak_gpu_bytes": 41.2e9,
        "optimiser_bytes": 1.2e9,
        "processes": 8,
    }
    done = command("show", saved(command, report([run(2.0, facts=facts)])))
    assert narrow(done.stdout)
    words = " ".join(done.stdout.split())
    assert "model 23.0 M parameters (150 k trained), 92.0 MB" in words
    assert "operations 3.50 TFLOP a sample, forward and backward; 1.75 TFLOP/J" in words
    assert "peak memory 12.3 GB, GPU 41.2 GB, optimiser 1.20 GB; each of 8 processes" in words


@pytest.mark.slow
def test_recordings_of_which_one_batch_was_counted_make_no_figure_of_a_joule(command: Any) -> None:
    facts = {"flops_per_sample": 183e6, "seconds": 1091.4}
    words = " ".join(command("show", saved(command, report([run(2.0, facts=facts)]))).stdout.split())
    assert "operations 183 MFLOP a recording of the first batch; lengths differ" in words
    assert "FLOP/J" not in words


@pytest.mark.slow
def test_what_a_program_says_of_itself_may_be_nonsense(command: Any) -> None:
    facts = {"parameters": "many", "flops_per_sample": None, "peak_rss_bytes": -1, "processes": []}
    done = command("show", saved(command, report([run(facts=facts)])))
    assert done.returncode == 0, done.stderr
    assert not {"model", "operations", "memory"} & set(done.stdout.split())


def test_an_estimate_says_so_beside_the_number(command: Any) -> None:
    done = command("show", saved(command, report([run()], origin="modelled")))
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


@pytest.mark.slow
def test_show_draws_power_over_time_with_its_phases(command: Any) -> None:
    command("exec", "--idle", "0.3", "-o", "r.json", "--", "sleep", "1")
    done = command("show", "r.json", environment={"COLUMNS": "80"})
    assert "█" in done.stdout
    assert "i idle  r run" in done.stdout
    assert narrow(done.stdout)


def two_gpus(folder: Path) -> None:
    """One run of 40 s at 50 W and 40 s at 250 W on two GPUs that read the same, in r.json."""
    levels = [(nvml(f"nvml:{i}"), counter()) for i in range(2)]
    path = recording(folder / "r.json", levels, levels_w=(50, 250), each_s=40.0)
    phases = tuple(
        Phase(name, 40.0 * i, 40.0 * i + 39, None, 1.0, 0.1, {}) for i, name in enumerate(("idle", "train"))
    )
    write(replace(read(path), runs=(run(seed=7, phases=phases),) * 2), path)


def test_show_draws_the_power_of_all_meters_and_of_each(command: Any) -> None:
    two_gpus(command.folder)
    with gzip.open(command.folder / "r.trace.csv.gz", "rt") as file:
        trace = file.read()
    with gzip.open(command.folder / "r.trace.csv.gz", "at") as file:  # the second run is like the first
        file.write(re.sub("^0,", "1,", trace, flags=re.MULTILINE))
    done = command("show", "r.json", environment={"COLUMNS": "80"})
    assert done.returncode == 0, done.stderr
    assert narrow(done.stdout)
    lines = done.stdout.splitlines()
    at = lines.index("power, run 2 (seed 7)  nvml:0, nvml:1")
    # Together 100 W and then 500 W, each a half of that on the same scale: a tenth and a half of its height.
    assert lines[at + 1].startswith("    500 W ") and lines[at + 1].endswith("█" * 30)
    for name, line in zip(("nvml:0", "nvml:1"), lines[at + 8 : at + 10], strict=True):
        assert line.split()[0] == name
        assert set(line.split()[1][:33]) == {"▁"} and set(line.split()[1][-33:]) == {"▄"}
    assert lines[at + 11].strip().startswith("iiii") and lines[at + 11].endswith("tttt")
    assert lines[at + 12].split() == ["i", "idle", "t", "train"]


@pytest.mark.slow
def test_colour_is_for_terminals_that_want_it(command: Any) -> None:
    saved(command, report([run()], origin="modelled"))
    for environment in ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, {}):
        assert "\x1b[3" not in command("show", "r.json", environment=environment).stdout


@pytest.mark.slow
def test_a_reader_that_stops_reading_is_no_error(command: Any) -> None:
    saved(command, report([run(seed=seed) for seed in range(1500)]))  # more than a pipe holds
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "r.json"), 0),
        (("check", "r.json", "--baseline", "r.json"), 0),
        (("check", "hungry.json", "--baseline", "r.json"), 1),
        (("check", "hungry.json", "--baseline", "r.json", "--json"), 1),
    ],
)
def test_a_reader_that_leaves_changes_neither_verdict_nor_exit_code(
    command: Any, words: tuple[str, ...], code: int
) -> None:
    saved(command, report([run(0.99), run(1.0), run(1.01)] * 100))
    write(at(*[1.2, 1.21, 1.22] * 100), command.folder / "hungry.json")
    typed = " ".join(command.arguments(*words))
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {typed} | true"],
        cwd=command.folder,
        env=command.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr and "Broken pipe" not in done.stderr


def test_doctor_names_every_kind_with_its_state(command: Any) -> None:
    done = command("doctor", "--seconds", "0", environment={"COLUMNS": "80"})
    assert done.returncode == 0
    for kind in KINDS:
        assert re.search(rf"^  [✓✗–] {kind} ", done.stdout, re.MULTILINE), kind
    for kind in ADDRESSED:
        assert f"--meters {kind}=" in done.stdout
    assert "would measure inside the chips" in done.stdout
    assert "with rapl:package-0." in done.stdout
    assert narrow(done.stdout)


@pytest.mark.slow
def test_doctor_reads_the_meters_and_says_what_they_read(command: Any) -> None:
    data = json.loads(command("doctor", "--seconds", "1.5", "--json").stdout)
    (rapl,) = (finding for finding in data["meters"] if finding["kind"] == "rapl")
    (package,) = rapl["meters"]
    assert package["power_w"] == pytest.approx(50, abs=LAG_J)
    assert data["warnings"] == []


@pytest.mark.slow
def test_doctor_gives_no_power_for_a_meter_that_stands_still(command: Any) -> None:
    command.root = command.folder / "still"
    sysfs.intel_client(command.root)
    done = command("doctor", "--seconds", "1.5")
    assert "! rapl:package-0 stood still for over a second" in done.stdout
    assert " W\n" not in done.stdout


def test_doctor_asks_an_external_meter_and_passes_over_one_that_does_not_answer(command: Any) -> None:
    done = command("doctor", "--seconds", "0", "--meters", "auto,csv=nowhere.csv")
    assert done.returncode == 0
    assert re.search(r"[✗–] csv=nowhere.csv", done.stdout)
    assert "with rapl:package-0." in done.stdout


def test_doctor_in_a_virtual_machine_says_why_and_falls_back_to_an_estimate(command: Any) -> None:
    command.root = command.folder / "vm"
    sysfs.cpuinfo(command.root, virtual=True)
    sysfs.stat(command.root, busy_s=1.0, idle_s=1.0)
    done = command("doctor", "--seconds", "0")
    assert re.search(r"– rapl +a virtual machine", done.stdout)
    assert "would estimate with cpu-model" in done.stdout


def test_doctor_speaks_json(command: Any) -> None:
    data = json.loads(command("doctor", "--seconds", "0", "--json").stdout)
    assert [meter["kind"] for meter in data["meters"]] == [*KINDS]
    assert [words.partition("=")[0] for words in data["external"]] == [*ADDRESSED]
    assert data["auto"] == {"meters": ["rapl:package-0"], "boundary": "component", "origin": "measured"}


@pytest.mark.slow
def test_workloads_lists_sizes_targets_and_reference_runs(command: Any) -> None:
    done = command("workloads", environment={"COLUMNS": "80"})
    assert done.returncode == 0, done.stderr
    assert narrow(done.stdout)
    for words in (
        "unet",
        "tiny",
        "base",
        "dice at least 0.81",
        "of 20 seeds reach it",
        "no reference bank",
    ):
        assert words in " ".join(done.stdout.split())
    data = json.loads(command("workloads", "--json").stdout)
    assert data[0]["sizes"][0]["target"] == {"metric": "dice", "value": 0.81, "direction": "max"}


def size(**changes: Any) -> dict[str, Any]:
    """A size in the catalogue, without a bank."""
    target = {"metric": "validation_loss", "value": 0.2, "direction": "min"}
    known = {
        "size": "tiny",
        "summary": "small",
        "needs": None,
        "task": "",
        "work": "sha256:0",
        "max_samples": 4096,
    }
    return {**known, "target": target, "config": {"data": "brains"}, "bank": None, **changes}


def test_of_baselines_the_best_is_the_least_where_the_target_is_a_most() -> None:
    bank = {
        "baselines": {"predict nothing": 1.0, "linear": 0.4},
        "runs": [
            {"status": "reached", "samples": 1000, "seconds": 10.0},
            {"status": "reached", "samples": 3000, "seconds": 30.0},
            {"status": "missed", "samples": 4096, "seconds": 99.0},
        ],
        "made": {"threads": 2, "device": "cuda:0", "device_name": "NVIDIA A100"},
    }
    assert size_lines(size(bank=bank)) == [
        "target: validation loss at most 0.2, within 4,096 samples",
        "data: brains",
        "without a network: 0.4 at best (linear)",
        "reference: 2 of 3 seeds reach it, after a median of 2,000 samples, "
        "20.0 s of training on NVIDIA A100",
    ]
    target = {"metric": "accuracy", "value": 0.9, "direction": "max"}
    assert "without a network: 1 at best (predict nothing)" in size_lines(size(bank=bank, target=target))
    missed = {**bank, "runs": bank["runs"][2:]}
    assert size_lines(size(bank=missed))[-1] == "reference: 0 of 1 seeds reach it"


def test_a_size_that_cannot_do_without_an_option_says_so() -> None:
    nothing = dict.fromkeys(("id", "target", "max_samples", "config"))
    needs = "unet full trains on your own data: add --data FOLDER"
    assert size_lines(size(**nothing, needs=needs)) == [f"needs more: {needs}"]


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("--help",), ("run", "--help"), ("--version",)])
def test_help_comes_without_being_asked_twice(command: Any, words: tuple[str, ...]) -> None:
    done = command(*words)
    assert done.returncode in (0, 2)
    assert "Traceback" not in done.stderr
    assert done.stdout or done.stderr


@pytest.mark.parametrize(
    ("code", "came", "said"),
    [
        (-15, "SIGINT", "interrupted, SIGINT"),
        (-15, "", "interrupted, SIGTERM"),
        (3, "", "failed, exit code 3"),
    ],
)
def test_the_status_names_the_signal_that_came_not_the_one_that_was_passed_on(
    command: Any, code: int, came: str, said: str
) -> None:
    flags = (flag("interrupted", detail=came),) if came else ()
    status = "failed" if code > 0 else "interrupted"
    saved(command, report([run(status=status, exit_code=code, flags=flags)]))
    (line,) = [line for line in command("show", "r.json").stdout.splitlines() if " status " in line]
    assert line.split("status")[1].strip() == said
