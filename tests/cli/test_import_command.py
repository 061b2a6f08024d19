"""``energyprof import`` as it is typed."""

from __future__ import annotations

import json

import pytest

from energyprof.cli.import_ import offsets
from energyprof.errors import UsageError
from energyprof.units import joules
from fakes.mlperf_logs import every_second, write_power, write_result


@pytest.fixture
def submission(command):
    """Two results of one benchmark, the switch's clock 5 h behind."""
    for n in range(2):
        write_result(command.folder / f"result_{n}.txt", seed=n)
        folder = command.folder / f"power/result_{n}"
        write_power(folder / "node_0.txt", lambda t: 7000.0, every_second())
        write_power(folder / "sw_0.txt", lambda t: 500.0, every_second(), shift_h=-5)
    return command


FILES = ("result_0.txt", "result_1.txt")


@pytest.mark.slow
def test_a_submission_becomes_a_report_that_show_and_compare_read(submission):
    done = submission("import", *FILES, "--offset", "sw_0=5", "-o", "r.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "llama2_70b_lora" in done.stdout and "report  r.json" in done.stdout
    assert [run["energy_j"] for run in submission.report()["runs"]] == [pytest.approx(750_000.0)] * 2
    shown = submission("show", "r.json")
    assert shown.returncode == 0 and "7.50 kW" in shown.stdout
    compared = submission("compare", "r.json", "r.json")
    assert compared.returncode == 0 and "different machines" in compared.stdout
    assert submission("check", "r.json", "--baseline", "r.json").returncode == 3
    again = submission("recompute", "r.json")
    assert "digit for digit" in again.stdout


def test_defects_are_lines_and_no_usable_energy_is_4(submission):
    done = submission("import", *FILES, "-o", "r.json")
    assert done.returncode == 4
    assert "no run has a usable energy" in done.stderr
    assert "--offset sw_0=5" in " ".join(done.stdout.split())
    assert submission.report()["runs"][0]["coverage"] == 0.0


@pytest.mark.slow
def test_json_is_the_report_and_nothing_else(submission):
    done = submission("import", *FILES, "--offset", "sw_0=5", "-o", "r.json", "--json")
    assert json.loads(done.stdout) == submission.report()
    assert "report  r.json" in done.stderr


@pytest.mark.slow
def test_a_report_is_not_overwritten_unasked(submission):
    (submission.folder / "r.json").write_text("mine")
    assert submission("import", *FILES, "-o", "r.json").returncode == 2
    assert submission("import", *FILES, "-o", "r.json", "--force").returncode == 4


@pytest.mark.slow
def test_what_cannot_be_read_is_2_in_one_line(command, one_error_line):
    (command.folder / "notes.txt").write_text("hello\n")
    assert "not of a known kind" in one_error_line(command("import", "notes.txt"))
    assert "no such file" in one_error_line(command("import", "gone.txt"))
    assert "choose from mlperf" in one_error_line(command("import", "notes.txt", "--kind", "x"))
    assert not list(command.folder.glob("*.json"))


def test_offsets_are_hours_for_all_logs_or_for_one():
    assert offsets(["-5", "sw_0=5.5"]) == {"": -5.0, "sw_0": 5.5}
    for word in ("five", "sw_0=", "sw_0=nan", "1000"):
        with pytest.raises(UsageError, match="give hours"):
            offsets([word])


@pytest.mark.slow
def test_totals_alone_are_shown_too(command):
    (command.folder / "log.csv").write_text(
        "start_time,window_name,elapsed_time,gpu0_energy\n1728507600.0,training,100.0,30000.0\n"
    )
    done = command("import", "log.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert "30.0 kJ" in done.stdout and "never read" not in done.stdout
    reports = list((command.folder / "energyprof-reports").glob("training-*.json"))
    assert len(reports) == 1
    assert command("show", str(reports[0])).returncode == 0
    assert "cannot be read" in command("recompute", str(reports[0])).stderr


GPUS = "timestamp, index, power.draw [W]\n" + "".join(
    f"2025/03/01 10:00:{s:02d}.000, {gpu}, {100 + gpu}.00 W\n" for s in range(11) for gpu in range(2)
)


@pytest.mark.slow
def test_a_power_log_alone_becomes_a_report(command):
    (command.folder / "power.csv").write_text(GPUS)
    done = command("import", "power.csv", "-o", "r.json")
    assert (done.returncode, done.stderr) == (0, "")
    run = command.report()["runs"][0]
    assert run["energy_j"] == pytest.approx(2010)
    assert "nvidia-smi:1" in done.stdout and "inside the chips" in done.stdout
    assert done.stdout.startswith("power  on an unknown machine\n")
    assert "digit for digit" in command("recompute", "r.json").stdout


@pytest.mark.slow
def test_look_says_what_is_seen_and_writes_nothing(command):
    (command.folder / "power.csv").write_text(GPUS)
    done = command("import", "--look", "power.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        "power: power, 1 run\ntotal: component\nfrom 2025-03-01T10:00:00.000Z\n"
        "meter nvidia-smi:0: gpu, component, powers each 1.0 s from column 'power.draw [W]' in W; "
        "11 readings over 10.0 s, 1.00 kJ, mean 100 W\n"
    )
    assert "note: its times have no zone and are taken as UTC" in done.stdout
    assert not list(command.folder.glob("**/*.json"))
    write_result(command.folder / "result_0.txt")
    looked = command("import", "--look", "result_0.txt").stdout
    assert looked.startswith("mlperf: llama2_70b_lora, 1 run\ntarget: eval_accuracy ≤ 0.925\ntotal: no meter")


@pytest.mark.slow
def test_look_tells_the_joules_that_the_import_has(command):
    rows = [f"{1740823200 + s},{watts}" for s, watts in enumerate((90, 90, 300, 40, 90, 60))]
    (command.folder / "steps.csv").write_text("\n".join(["time,power (W)", *rows, ""]))
    looked = command("import", "--look", "steps.csv").stdout
    done = command("import", "steps.csv", "--json")
    (run,) = json.loads(done.stdout)["runs"]
    assert f"6 readings over 5.0 s, {joules(run['energy_j'])}" in looked


@pytest.mark.slow
def test_look_at_several_series_says_what_each_is_and_what_to_say(command):
    rows = [f"{host},{1740823200 + s},{watts}" for s in range(11) for host, watts in (("a", 90), ("b", 60))]
    (command.folder / "two.csv").write_text("\n".join(["host,time,power (W)", *rows, ""]))
    done = command("import", "--look", "two.csv")
    assert (done.returncode, done.stderr) == (0, "")
    for line in (
        "no total yet: 2 series in one column, told apart by 'host'",
        "from 2025-03-01T10:00:00.000Z",
        "meter two:a: machine, wall_ac, powers each 1.0 s from column 'power (W)' in W; "
        "11 readings over 10.0 s, 900 J, mean 90.0 W",
        "nothing was written, and nothing would be: say which it is",
        "  energyprof import two.csv --by host    # adds them up",
        "  energyprof import two.csv --only a    # takes this one",
        "and where one sees something else, for instance --meter two:a=node_dc",
    ):
        assert line in done.stdout.splitlines()
    assert not list(command.folder.glob("**/*.json"))
    # Each of the lines does what it says.
    for words, energy_j in (("--by host", 1500), ("--only a", 900)):
        assert command("import", "two.csv", *words.split(), "-o", "r.json", "--force").returncode == 0
        assert command.report()["runs"][0]["energy_j"] == pytest.approx(energy_j)


@pytest.mark.slow
def test_look_has_the_mean_power_of_the_report_where_a_meter_saw_a_part_of_it(command):
    rows = [
        f"{1740823200 + s + (100 if host == 'b' else 0)},{host},{watts}"
        for host, watts in (("a", 90), ("b", 60))
        for s in range(11)
    ]
    (command.folder / "apart.csv").write_text("\n".join(["time,host,power (W)", *rows, ""]))
    shown = command("import", "--look", "apart.csv").stdout
    assert "11 readings over 10.0 s" in shown and "mean 90.0 W" in shown and "mean 60.0 W" in shown


@pytest.mark.slow
def test_look_at_several_columns_says_what_each_is_and_what_to_say(command):
    rows = [f"{1740823200 + s},50,200,{s * 0.5}" for s in range(11)]
    (command.folder / "pc.csv").write_text("\n".join(["time,CPU [W],GPU [W],fan", *rows, ""]))
    shown = command("import", "--look", "pc.csv").stdout.splitlines()
    assert "no total yet: 2 columns of powers, of which some may hold others" in shown
    assert any(line.startswith("meter pc:cpu_w: cpu, component") and "mean 50.0 W" in line for line in shown)
    assert any(line.startswith("meter pc:gpu_w: gpu, component") and "mean 200 W" in line for line in shown)
    assert "  energyprof import pc.csv --power 'CPU [W]'    # takes this one" in shown
    both = "--power 'CPU [W]' --power 'GPU [W]'"
    assert f"  energyprof import pc.csv {both}    # adds them, where none holds another" in shown
    asked = ("--power", "CPU [W]", "--power", "GPU [W]", "-o", "r.json")
    assert command("import", "pc.csv", *asked).returncode == 0
    assert command.report()["runs"][0]["energy_j"] == pytest.approx(2500)


@pytest.mark.slow
def test_what_the_meters_see_can_be_said(command):
    (command.folder / "power.csv").write_text(GPUS)
    options = ("--boundary", "wall_ac", "--meter", "nvidia-smi:1=node_dc", "--tz", "Europe/Paris")
    assert command("import", "power.csv", *options, "-o", "r.json").returncode == 0
    report = command.report()
    assert (report["boundary"], [meter["counted"] for meter in report["meters"]]) == (
        "wall_ac",
        [True, False],
    )
    assert report["runs"][0]["clock"]["utc"] == "2025-03-01T09:00:00.000Z"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--boundary", "moon"), "--boundary moon: choose from component, module, node_dc, wall_ac"),
        (("--meter", "wall_ac"), "--meter wall_ac: give NAME=WHAT"),
        (("--meter", "a=moon"), "--meter a: moon: choose from component"),
        (("--meter", "gpu=wall_ac"), "--meter gpu=…: there is no such meter: there are nvidia-smi:0"),
        (("--unit", "hp"), "--unit hp: choose from W, mW"),
        (("--tz", "Mars"), "--tz Mars: not a known time zone"),
        (("--every", "0"), "--every 0: give a number of seconds"),
        (("--by", "host"), "no column 'host' for --by"),
        (("--kind", "zeus"), "it has no column 'start_time'"),
    ],
)
def test_an_option_that_makes_no_sense_is_one_line(command, one_error_line, options, words):
    (command.folder / "power.csv").write_text(GPUS)
    assert words in one_error_line(command("import", "power.csv", *options))


def test_columns_are_asked_of_power_logs_alone(command, one_error_line):
    (command.folder / "log.csv").write_text(
        "start_time,window_name,elapsed_time,gpu0_energy\n1728507600.0,training,100.0,30000.0\n"
    )
    said = one_error_line(command("import", "log.csv", "--kind", "zeus", "--time", "start_time"))
    assert "--time: only a power log has columns to choose from; this is zeus" in said
    assert "zeus says itself what its meters see" in one_error_line(
        command("import", "log.csv", "--boundary", "module")
    )
