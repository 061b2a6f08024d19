"""``energyprof run`` with the real U-Net, for a few steps."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer

from energyprof.workloads.parsing import settings_of
from fakes.powercap import LAG_J

ROOT = Path(__file__).parent.parent.parent
TINY = ("--batch-size", "8", "--max-samples", "32", "--data-fraction", "0.05")
SHORT = ("run", "unet", "--idle", "0", *TINY, "--output", "r.json")


@pytest.mark.slow
def test_a_training_that_misses_its_target_exits_4_with_a_whole_report(command: Any) -> None:
    options = ("--checkpoint", "--precision", "bf16", "--grad-accum", "2", "--channels-last")
    done = command(*SHORT, "--json", *options)
    assert done.returncode == 4, done.stderr
    report = json.loads(done.stdout)
    assert report == command.report()
    run = report["runs"][0]
    assert (run["status"], run["samples"], run["seed"]) == ("missed", 32, 0)
    assert run["energy_j"] == pytest.approx(50 * run["time_s"], abs=LAG_J)
    assert run["total_energy_j"] > run["energy_j"]
    names = [phase["name"] for phase in run["phases"]]
    assert names == ["idle", "startup", "warmup", "train", "eval", "checkpoint", "shutdown"]
    assert sum(phase["samples"] or 0 for phase in run["phases"]) == 32
    assert run["facts"]["parameters"] > 0
    assert report["boundary"] == "component"
    assert report["origin"] == "measured"
    config = report["workload"]["config"]
    assert (config["precision"], config["grad_accum"], config["channels_last"]) == ("bf16", 2, True)
    assert report["workload"]["work"].startswith("sha256:")
    assert "measuring the idle machine" in done.stderr or "starting up" in done.stderr


@pytest.mark.slow
def test_ctrl_c_stops_the_training_and_keeps_what_was_measured(command: Any) -> None:
    process = subprocess.Popen(
        command.arguments("run", "unet", "--idle", "0", "--output", "r.json"),
        cwd=command.folder,
        env=command.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "training" in line:
            break
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == -signal.SIGINT
    assert "Traceback" not in rest
    run = command.report()["runs"][0]
    assert run["status"] == "interrupted"
    assert run["energy_j"] > 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "gpt"), "unknown workload 'gpt': choose one of "),
        (("run", "unet", "--size", "huge"), "unet has no size 'huge': choose one of tiny, base"),
        (("run", "unet", "--grad-accum", "3"), "cannot be split over 1 process(es) × 3 part(s)"),
        (("run", "unet", "--nproc", "3"), "cannot be split over 3 process(es)"),
        (("run", "unet", "--lora", "4"), "unet has no --lora: leave it out"),
        (("run", "unet", "--ema"), "unet has no --ema: leave it out"),
        (("run", "unet", "--prediction", "v"), "unet has no --prediction: leave it out"),
        (("run", "unet", "--model", "x"), "unet has no --model: leave it out"),
        (("run", "unet", "--workers", "-1"), "workers -1: use 0 or more"),
        (("run", "unet", "--breakdown", "-1"), "breakdown -1.0: give seconds"),
        (("run", "unet", "--breakdown", "blocks"), "--breakdown blocks: give seconds, or modules"),
        (("run", "unet", "--target", "nan"), "--target nan: give unet a plain number"),
        (("run", "unet", "--precision", "fp4"), "unknown precision 'fp4'"),
        (("run", "unet", "--target", "1.5"), "target 1.5"),
        (("run", "unet", "--batch-size", "0"), "batch size 0"),
        (("run", "unet", "--data-fraction", "0"), "data fraction 0"),
        (("run", "unet", "--seeds", "1,x"), "--seeds 1,x: give whole numbers"),
        (("run", "unet", "--seeds", "1,1"), "--seeds 1,1: every seed"),
        (("run", "unet", "--python", "/no/python"), "/no/python: there is no such program"),
        (("run", "unet", "--meters", "codecarbon:moon"), "codecarbon:moon is not here"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    command: Any, one_error_line: Any, words: tuple[str, ...], says: str
) -> None:
    assert says in one_error_line(command(*words))
    assert list(command.folder.glob("*")) == []


@pytest.mark.slow
def test_an_interpreter_without_torch_is_one_line_that_names_the_extra(command: Any) -> None:
    bare = command.folder / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    done = command(*SHORT, "--python", str(bare / "bin/python"), "--quiet")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: torch, ")
    # Not by a name that a stranger could register: that interpreter may never have had an energyprof.
    assert f"{bare}/bin/python -m pip install '{ROOT}[" in line
    assert not (command.folder / "r.json").exists()


def test_a_path_goes_to_the_training_from_the_root_and_a_name_on_the_hub_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weights").mkdir()
    monkeypatch.chdir(tmp_path)
    for given, taken in (
        ("weights", str(tmp_path / "weights")),
        ("google/bert", "google/bert"),
        (None, None),
    ):
        assert settings_of("transformer", {"model": given}).model == taken


@pytest.mark.slow
def test_a_missing_gpu_is_one_line(command: Any) -> None:
    if find_spec("torch") is None:
        pytest.skip("torch is not installed")
    done = command(*SHORT, "--device", "cuda:63", "--quiet")
    assert done.returncode == 2
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("error: "))
    assert "no GPU 63 here" in line


@pytest.mark.slow
def test_a_report_is_never_lost_to_a_folder_that_cannot_be_written(
    command: Any, one_error_line: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    line = one_error_line(command("run", "unet", "--output", str(tmp_path / "file" / "r.json")))
    assert "cannot be written" in line


def test_breakdown_modules_is_of_the_networks_blocks() -> None:
    from energyprof.cli.run import MODULES_S, run, training_request

    def asked(*words: str) -> Any:
        app = typer.Typer()
        app.command()(run)
        with typer.main.get_command(app).make_context("run", ["unet", *words]) as context:
            return training_request(context).settings

    assert asked("--breakdown", "modules").breakdown_modules_s == MODULES_S
    assert asked("--breakdown", "modules").breakdown_s == 0
    assert asked("--breakdown", "modules", "--breakdown-modules", "2").breakdown_modules_s == 2
    assert (asked("--breakdown", "3").breakdown_s, asked("--breakdown", "3").breakdown_modules_s) == (3, 0)
