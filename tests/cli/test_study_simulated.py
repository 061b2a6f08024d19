"""Studies of scenarios, fleets and placements: every setting once, resumed, shown, as jobs of a cluster."""

from __future__ import annotations

import csv
import io
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Command

from fakes.batch import batch_system

pytest.importorskip("numpy")
pytest.importorskip("scipy")
EXAMPLES = Path(__file__).parents[2] / "examples"
PARADIGMS = """
command = "simulate simulate-paradigms.toml"
[factors]
"link.bit_per_j" = [10e3, 50e3]
"""
FLEETS = """
command = "fleet small.toml --set fleet.clients=300"
repeats = 2
[factors]
"fleet.backup" = [5, 0]
"device.phone.power_w" = [4, 2]
"""
SMALL = """
[fleet]
name = "small"
clients = 30
active = 10
backup = 5
samples = 100
model_bytes = 1000
draws = 0
[[rounds]]
clients = 10
rounds = 30
[[device]]
name = "phone"
samples_per_s = 12
power_w = 4
spread = 0.4
jitter = 0.3
idle_w = 1
"""
PLACES = """
command = "place place.toml --sites place-sites.toml"
design = "grid"
repeats = 1
[factors]
error = [0.0, 0.5]
"site.north.pue" = [1.15, 2.3]
"""
OneLine = Callable[[Any], str]


@pytest.fixture
def planned(command: Command) -> Command:
    for path in [*EXAMPLES.glob("*.toml"), *EXAMPLES.glob("*.csv")]:
        shutil.copy(path, command.folder)
    (command.folder / "small.toml").write_text(SMALL)
    return command


def ran(command: Command, plan: str, *words: str) -> Any:
    (command.folder / "p.toml").write_text(plan)
    return command("study", "run", "p.toml", "-o", "s", *words)


def shown(command: Command, folder: str = "s") -> dict[str, Any]:
    done = command("study", "show", folder, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_each_setting_has_the_published_value_and_the_change(planned: Command) -> None:
    done = ran(planned, PARADIGMS)
    assert done.returncode == 0, done.stderr
    assert "SIMULATED" in done.stdout and "2 of 2 simulations done" in done.stdout
    base, better = shown(planned)["settings"]
    energy = "energy of federated"
    assert base["figures"][energy]["mean"] / 3600 == pytest.approx(7.7501, abs=5e-5)
    assert better["figures"][energy]["mean"] / 3600 == pytest.approx(2.2617, abs=5e-5)
    assert better["effects"][energy]["ratio"] == pytest.approx(2.2617 / 7.7501, rel=1e-4)
    assert better["takes_least"]["energy"]["central-once"] == 1.0
    # A cell is the command's own JSON.
    cell = json.loads((planned.folder / "s/cells/b0-001-link.bit_per_j=50000.0.json").read_text())
    alone = planned("simulate", "simulate-paradigms.toml", "--set", "link.bit_per_j=50e3", "--json")
    assert cell["paradigms"] == json.loads(alone.stdout)["paradigms"]


@pytest.mark.slow
def test_the_example_is_a_grid_of_the_published_table(planned: Command) -> None:
    plan = (EXAMPLES / "study-simulate.toml").read_text().replace("simulate examples/", "simulate ")
    assert ran(planned, plan, "--quiet").returncode == 0
    rows = [row for row in shown(planned)["settings"] if row["setting"]["data.clients"] == 30]
    told = [row["figures"]["energy of consensus"]["mean"] / 3600 for row in rows]
    assert told == pytest.approx([6.6356, 2.8775, 2.1729, 1.9850], abs=5e-5)


@pytest.mark.slow
def test_what_is_done_is_not_done_again_and_what_is_missing_is(planned: Command) -> None:
    ran(planned, PARADIGMS)
    first, second = sorted((planned.folder / "s/cells").glob("*.json"))
    before = first.stat().st_mtime_ns
    second.unlink()
    assert shown(planned)["cells"] == 1
    again = ran(planned, PARADIGMS)
    assert again.stderr.splitlines() == ["2 of 2, block 1: link.bit_per_j=50000.0"]
    assert first.stat().st_mtime_ns == before
    assert shown(planned)["cells"] == 2


@pytest.mark.slow
def test_a_result_that_was_cut_off_is_one_line(planned: Command, one_error_line: OneLine) -> None:
    ran(planned, PARADIGMS)
    cell = next((planned.folder / "s/cells").glob("*.json"))
    cell.write_text(cell.read_text()[:100])
    assert "was it cut off? delete it" in one_error_line(planned("study", "show", "s"))
    cell.write_text('{"schema": "energyprof.simulation/1"}')
    assert "not the whole result" in one_error_line(planned("study", "show", "s"))


@pytest.mark.slow
def test_a_scenario_that_was_changed_is_another_study(planned: Command, one_error_line: OneLine) -> None:
    ran(planned, PARADIGMS)
    file = planned.folder / "simulate-paradigms.toml"
    file.write_text(file.read_text() + "\n# another\n")
    assert "simulate-paradigms.toml: has changed since s began" in one_error_line(ran(planned, PARADIGMS))


@pytest.mark.slow
def test_so_is_one_whose_report_or_trace_was(planned: Command, one_error_line: OneLine) -> None:
    ran(planned, PLACES)
    file = planned.folder / "place-week.csv"
    file.write_text(file.read_text() + "\n")
    assert "place-week.csv: has changed since s began" in one_error_line(ran(planned, PLACES))


@pytest.mark.slow
def test_a_fleet_is_drawn_from_a_seed_a_block(planned: Command) -> None:
    done = ran(planned, FLEETS, "--quiet")
    assert done.returncode == 0, done.stderr
    study = shown(planned)
    assert (study["cells"], study["blocks"], study["origin"]) == (6, 2, "simulated")
    base, backup, thrifty = study["settings"]
    seeds = [json.loads(path.read_text())["seed"] for path in (planned.folder / "s/cells").glob("*.json")]
    assert sorted(seeds) == [0, 0, 0, 1, 1, 1]
    assert set(base["figures"]["energy of the fleet"]["by_block"]) == {"0", "1"}
    # What the phones' watts take less is the same draw by draw.
    assert thrifty["effects"]["energy of the fleet"]["ratio"] < 1
    assert backup["effects"]["time"]["ratio"] > 1
    assert study["exponents"]


@pytest.mark.slow
def test_placements_by_their_own_options_and_by_keys_of_their_files(planned: Command) -> None:
    done = ran(planned, PLACES, "--quiet")
    assert done.returncode == 0, done.stderr
    base, north, *_ = shown(planned)["settings"]
    assert north["label"] == "site.north.pue=2.3"
    ratio = north["effects"]["CO2e of best constant site"]["ratio"]
    assert ratio == pytest.approx(2.0)
    assert base["takes_least"] == {"CO2e": {"rolling horizon": 1.0}}


@pytest.mark.slow
def test_csv_and_page(planned: Command) -> None:
    ran(planned, PARADIGMS, "--quiet")
    rows = list(csv.DictReader(io.StringIO(planned("study", "show", "s", "--csv").stdout)))
    assert len(rows) == 2 * 4 * 2
    assert {row["status"] for row in rows} == {"simulated"}
    assert planned("study", "show", "s", "--html", "s.html").returncode == 0
    page = (planned.folder / "s.html").read_text()
    assert "SIMULATED" in page and "energy of consensus" in page and "Takes least" in page
    assert "trainings" not in page


@pytest.mark.slow
def test_what_cannot_be_computed_is_a_result_of_its_cell(planned: Command) -> None:
    done = ran(planned, PLACES.replace("error = [0.0, 0.5]", '"job.hours" = [120, 3]'), "--quiet")
    assert done.returncode == 0, done.stderr
    problems = [line for row in shown(planned)["settings"] for line in row["problems"]]
    assert problems and all("the deadline is what binds" in line for line in problems)


@pytest.mark.slow
def test_a_fleet_that_misses_its_target_has_no_figures_but_a_reason(planned: Command) -> None:
    plan = FLEETS.replace('"fleet.backup" = [5, 0]', '"fleet.most_rounds" = [10000, 2]')
    ran(planned, plan, "--quiet")
    missed = next(row for row in shown(planned)["settings"] if row["label"] == "fleet.most_rounds=2")
    assert missed["figures"] == {}
    assert "target not reached: 2 rounds were not enough" in missed["problems"][0]


@pytest.mark.parametrize(
    ("plan", "words", "said"),
    [
        (PARADIGMS + '"no.key" = [1, 2]\n', (), "base: simulate-paradigms.toml: unknown key 'no'"),
        (PARADIGMS + 'scenario = ["gone.toml", "more.toml"]\n', (), "gone.toml: cannot be read"),
        (PLACES + '"sight.x" = [1, 2]\n', (), "begins with none of job, budget, descent, site"),
        (PLACES + '"site.x.pue" = [1, 2]\n', (), "no 'x' there: there are home, north"),
        (PLACES + '"site.pue" = [1, 2]\n', (), "site is several: name one, such as site.home.pue"),
        ('budget = "1 h"\n' + PARADIGMS, (), "budget: is of trainings, and simulate trains nothing"),
        ('design = "search"\n' + PARADIGMS, (), 'design "search" is for trainings'),
        (PARADIGMS, ("--meters", "off"), "--meters: nothing is measured in a simulation"),
        (PARADIGMS.replace(".toml", ".toml --json"), (), "--json: is of study show"),
        (PARADIGMS.replace(".toml", ".toml --nosuch"), (), "No such option"),
        (PARADIGMS.replace(" simulate-paradigms.toml", ""), (), "Missing argument 'SCENARIO'"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_computed(
    planned: Command, one_error_line: OneLine, plan: str, words: tuple[str, ...], said: str
) -> None:
    assert said in one_error_line(ran(planned, plan, *words))
    assert not (planned.folder / "s/cells").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["slurm", "oar"])
def test_on_a_cluster_each_is_a_job_that_leaves_the_node_to_others(
    planned: Command, tmp_path: Path, kind: str
) -> None:
    if kind == "slurm":
        pytest.importorskip("submitit")
    home = tmp_path / "cluster"
    environment = {"PATH": batch_system(home)}
    (planned.folder / "p.toml").write_text(PARADIGMS)
    done = planned("study", "run", "p.toml", "-o", "s", "--on", kind, environment=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 jobs submitted, 0 in the queue, 0 simulations done")
    deadline_s = time.monotonic() + 300
    while shown(planned)["cells"] < 2:
        assert time.monotonic() < deadline_s
        time.sleep(0.2)
    scripts = [path.read_text() for path in (planned.folder / "s/jobs").glob("*.sh")]
    assert scripts and not any("--exclusive" in text or "host=1" in text for text in scripts)
    assert shown(planned)["settings"][1]["effects"]["energy of federated"]["ratio"] < 1
