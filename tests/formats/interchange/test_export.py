"""A report in the formats of others, read back by their own readers."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Command

from energyprof.compare.emissions import of_number
from energyprof.formats.interchange import FORMATS, file_writer, folder_writer
from energyprof.formats.interchange.columns import columns
from energyprof.formats.interchange.contract import Source
from energyprof.formats.interchange.numbers import numbers
from energyprof.report import importers
from energyprof.report.file import from_json, read, write
from energyprof.report.importers.imported import Request
from energyprof.report.importers.save import save
from energyprof.report.record import Clock, Report
from energyprof.trace.gains import CPU_MODEL
from fakes.wandb_file import values
from reports import meter, report, run, unmetered_run

ROOT = Path(__file__).parent.parent.parent.parent
REAL = ROOT / "results" / "vm-xeon-2" / "unet-tiny" / "seed-0.json"
# 1050 J in 10.5 s, and 10 % of that both ways.
ONE = report([run(1.0, u_rel=0.1, gain_rel=0.1)], meters=(meter(),))
# As a table of a paper gives it.
UNDATED = report([run(clock=Clock(0.0, ""), phases=(), history=())], meters=(meter(),))


def source(content: Report = ONE, path: Path = Path("r.json"), g_per_kwh: float | None = None) -> Source:
    return Source(content, path, None if g_per_kwh is None else of_number(g_per_kwh))


def made(name: str, of: Source) -> tuple[str, list[str]]:
    content, lacking = file_writer(name).content(of)
    return content.decode(), list(lacking)


def data(name: str, of: Source) -> tuple[dict[str, Any], list[str]]:
    text, lacking = made(name, of)
    found: dict[str, Any] = json.loads(text)
    return found, lacking


class TestNumbers:
    def test_each_has_the_ends_of_its_interval(self) -> None:
        known = numbers(ONE.runs[0], None)
        assert (known["energy_j"].value, known["energy_j"].low, known["energy_j"].high) == (1050, 945, 1155)
        assert known["mean_power_w"] == ("mean_power_w", 100, 90, 110)
        assert known["energy_per_sample_j"].value == 1
        assert known["energy_per_sample_j"].u == pytest.approx(0.1)
        assert known["total_energy_j"].low == pytest.approx(1395)

    def test_uneven_ends_stay_uneven(self) -> None:
        uneven = run(1.0, u_rel=0.2, energy_low_j=1000.0, energy_high_j=1260.0)
        known = numbers(uneven, None)
        assert (known["mean_power_w"].low, known["mean_power_w"].high) == pytest.approx(
            (95.24, 120), rel=1e-4
        )
        total = known["total_energy_j"]
        assert total.high is not None and total.low is not None
        assert total.high - total.value > 4 * (total.value - total.low)

    def test_emissions_are_there_where_a_grid_is_named_and_nowhere_else(self) -> None:
        assert "emissions_g" not in numbers(ONE.runs[0], None)
        emitted = numbers(ONE.runs[0], of_number(3600.0))["emissions_g"]
        assert (emitted.value, emitted.low, emitted.high) == pytest.approx((1.05, 0.945, 1.155))

    def test_a_run_that_nobody_measured_has_no_energy(self) -> None:
        assert (
            set(numbers(unmetered_run(), None)) & {"energy_j", "mean_power_w", "energy_per_sample_j"} == set()
        )


class TestTables:
    def test_csv_has_a_row_a_run_with_origin_boundary_and_ends(self) -> None:
        three = replace(ONE, runs=(run(1.0, u_rel=0.1, seed=0), run(2.0, seed=1), unmetered_run(seed=2)))
        text, lacking = made("csv", source(three))
        rows = list(csv.DictReader(io.StringIO(text)))
        assert not lacking
        assert [row["seed"] for row in rows] == ["0", "1", "2"]
        assert (rows[0]["energy_j"], rows[0]["origin"], rows[0]["boundary"]) == (
            "1050.0",
            "measured",
            "component",
        )
        assert float(rows[0]["energy_j_low"]) == 945
        assert rows[2]["energy_j"] == rows[2]["energy_j_low"] == ""
        assert rows[0]["emissions_g"] == rows[0]["grid"] == ""

    def test_a_name_that_a_spreadsheet_would_run_is_text(self) -> None:
        text, _ = made("csv", source(report([run()], name="=1+1")))
        assert next(csv.DictReader(io.StringIO(text)))["workload"] == "'=1+1"

    @pytest.mark.slow
    def test_parquet_is_typed_and_holds_the_whole_report(self, tmp_path: Path) -> None:
        pq = pytest.importorskip("pyarrow.parquet")
        content, _ = file_writer("parquet").content(source(g_per_kwh=56.0))
        path = tmp_path / "r.parquet"
        path.write_bytes(content)
        table = pq.read_table(path)
        assert table.column_names == [column.name for column in columns()]
        row = table.to_pylist()[0]
        assert (row["energy_j"], row["energy_j_low"], row["samples"]) == (1050.0, 945.0, 1000)
        assert row["grid"] == "56 g CO2e/kWh (as given)"
        assert table.schema.field("energy_j_low").metadata == {b"unit": b"J"}
        assert from_json(table.schema.metadata[b"energyprof.report"].decode(), "parquet") == ONE

    def test_csv_and_parquet_have_the_same_rows(self) -> None:
        pq = pytest.importorskip("pyarrow.parquet")
        rows = pq.read_table(io.BytesIO(file_writer("parquet").content(source())[0])).to_pylist()
        text, _ = made("csv", source())
        for name, value in next(csv.DictReader(io.StringIO(text))).items():
            assert value == ("" if rows[0][name] is None else str(rows[0][name])), name


class TestEcoCi:
    def test_a_step_a_run_as_eco_ci_writes_them(self) -> None:
        found, lacking = data("eco-ci", source())
        assert list(found) == ["repository", "branch", "workflow", "run_id", "steps"]
        step = found["steps"][0]
        assert {"label", "cpu_avg_percent", "energy_joules", "power_avg_watts", "time"} <= set(step)
        assert (step["energy_joules"], step["power_avg_watts"], step["time"]) == ("1050.0", "100.0", "10.5")
        assert (step["energy_joules_low"], step["origin"], step["boundary"]) == (
            "945.0",
            "measured",
            "component",
        )
        assert step["cpu_avg_percent"] == ""
        assert lacking == ["repository", "branch", "run_id", "steps[].cpu_avg_percent"]

    def test_a_run_without_a_reading_has_no_zero(self) -> None:
        found, lacking = data("eco-ci", source(replace(ONE, runs=(unmetered_run(),))))
        assert found["steps"][0]["energy_joules"] == found["steps"][0]["power_avg_watts"] == ""
        assert "not measured" in lacking[-1]


# What BoAmps' JSON Schemas (draft 4) ask for, as far as is used.
_TEXT, _NUMBER = {"type": "string"}, {"type": "number"}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties}


def _words(*words: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(words)}


def _some(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": of}


BOAMPS = _object(
    ["task", "measures", "infrastructure"],
    header=_object(
        ["reportDatetime"],
        reportDatetime=_TEXT,
        reportId=_TEXT,
        reportStatus=_words("draft", "final", "corrective", "other"),
    ),
    task=_object(
        ["taskStage", "taskFamily", "algorithms", "dataset"],
        taskStage=_TEXT,
        taskFamily=_TEXT,
        algorithms=_some(_object([], algorithmName=_TEXT, parametersNumber=_NUMBER, optimizer=_TEXT)),
        dataset=_some(
            _object(
                ["dataUsage", "dataType"],
                dataUsage=_words("input", "output"),
                dataType=_words(
                    "tabular", "audio", "boolean", "image", "video", "object", "text", "token", "other"
                ),
                dataQuantity=_NUMBER,
            )
        ),
        measuredAccuracy={"type": "number", "minimum": 0, "maximum": 1},
    ),
    measures=_some(
        _object(
            ["measurementMethod", "powerConsumption"],
            measurementMethod=_TEXT,
            powerConsumption=_NUMBER,
            measurementDuration=_NUMBER,
            measurementDateTime=_TEXT,
        )
    ),
    system=_object(["os"], os=_TEXT),
    software=_object(["language"], language=_TEXT, version=_TEXT),
    infrastructure=_object(
        ["infraType", "components"],
        infraType=_words("publicCloud", "privateCloud", "onPremise", "other"),
        components=_some(
            _object(["componentType", "nbComponent"], componentType=_TEXT, nbComponent={"type": "integer"})
        ),
    ),
    environment=_object(["country"], country=_TEXT, powerSourceCarbonIntensity=_NUMBER),
    quality=_words("high", "medium", "low"),
)


class TestBoAmps:
    def validated(self, found: dict[str, Any]) -> set[str]:
        """What the schema finds missing, by path."""
        jsonschema = pytest.importorskip("jsonschema")
        missing = set()
        for error in jsonschema.Draft4Validator(BOAMPS).iter_errors(found):
            assert error.validator == "required", error.message
            parts = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.path)
            missing.add(f"{parts}.{error.message.split(chr(39))[1]}".lstrip("."))
        return missing

    def test_what_its_schema_misses_is_what_is_named_and_nothing_else(self) -> None:
        found, lacking = data("boamps", Source(read(REAL), REAL, None))
        assert self.validated(found) == set(lacking)
        assert lacking == ["task.taskFamily", "task.dataset[0].dataType", "infrastructure.infraType"]

    def test_filled_in_it_is_valid(self) -> None:
        found, _ = data("boamps", Source(read(REAL), REAL, None))
        found["task"]["taskFamily"] = "image segmentation"
        found["task"]["dataset"][0]["dataType"] = "image"
        found["infrastructure"]["infraType"] = "privateCloud"
        assert self.validated(found) == set()

    def test_a_program_of_which_little_is_known_lacks_more(self) -> None:
        bare = report([unmetered_run()], target=None, machine={"host": "x"}, meters=())
        bare = replace(bare, runs=tuple(replace(r, phases=()) for r in bare.runs))
        found, lacking = data("boamps", source(bare))
        assert {"task.taskStage", "infrastructure.components"} <= set(lacking)
        assert any(line.startswith("measures") for line in lacking)
        assert {"task.taskStage", "infrastructure.components", "measures"} <= self.validated(found)

    def test_energy_is_in_kwh_with_its_ends_origin_and_boundary_beside(self) -> None:
        measure = data("boamps", source())[0]["measures"][0]
        assert measure["powerConsumption"] * 3.6e6 == pytest.approx(1050)
        own = measure["energyprof"]
        assert own["powerConsumptionLow"] * 3.6e6 == pytest.approx(945)
        assert (own["origin"], own["boundary"]) == ("measured", "component")

    @pytest.mark.parametrize(("u_rel", "word"), [(0.1, "high"), (0.2, "medium"), (0.5, "low"), (0.6, None)])
    def test_its_word_for_quality_is_that_of_the_interval(self, u_rel: float, word: str | None) -> None:
        found, _ = data("boamps", source(report([run(1.0, u_rel=u_rel)])))
        assert found.get("quality") == word

    def test_a_run_without_a_date_has_none(self) -> None:
        (measure,) = data("boamps", source(UNDATED))[0]["measures"]
        assert "measurementDateTime" not in measure and measure["measurementDuration"] == 10.5

    def test_a_country_stands_there_only_where_one_was_named(self) -> None:
        assert "environment" not in data("boamps", source(g_per_kwh=56.0))[0]


class TestEuModelForm:
    def test_it_gives_mwh_with_three_digits_interval_method_and_boundary(self) -> None:
        text, lacking = made("eu-model-form", source())
        # 1550 J with the start-up.
        assert "| 4.31×10^-7 MWh (95 % interval 3.87×10^-7 to 4.74×10^-7 MWh) |" in text
        assert (
            "Measured by energyprof 0.1.0 (rapl:package-0: powercap energy\\_uj); boundary component" in text
        )
        assert "1.79×10^-4 wall-clock days" in text
        assert any("computation used for training" in line for line in lacking)

    def test_what_is_not_known_is_left_to_be_filled_in(self) -> None:
        text, lacking = made(
            "eu-model-form", source(replace(ONE, runs=(unmetered_run(total_energy_j=None),)))
        )
        assert "| Amount of energy used for training (MWh) | … |" in text
        assert text.count("| … |") == len(lacking)

    def test_compute_is_what_was_counted_times_the_samples(self) -> None:
        facts = {"parameters": 73_000_000_000, "flops_per_sample": 10**12}
        text, _ = made(
            "eu-model-form", source(report([run(1.0, facts=facts), run(1.0, seed=1, facts=facts)]))
        )
        assert "| Total model size (parameters) | 7.30×10^10 |" in text
        assert "| 2.00×10^15 |" in text
        assert ", 2 trainings together |" in text

    def test_compute_of_samples_of_unlike_length_is_left_to_be_filled_in(self) -> None:
        facts = {"parameters": 150_000, "flops_per_sample": 183_000_000, "seconds": 1091.4}
        _, lacking = made("eu-model-form", source(report([run(1.0, facts=facts)])))
        assert any("Amount of computation used for training" in line for line in lacking)


class TestMlperf:
    def test_importing_it_again_gives_the_energy_within_a_percent(self, tmp_path: Path) -> None:
        content = read(REAL)
        folder_writer("mlperf-json").save(Source(content, REAL, None), tmp_path / "out")
        request = Request((tmp_path / "out" / "result_0.txt",))
        again = save(
            importers.read(request, "").dated("2026-01-01T00:00:00Z"), tmp_path / "again.json", "refused"
        )
        first, second = content.runs[0], again.runs[0]
        assert second.energy_j == pytest.approx(first.energy_j, rel=0.01)
        assert second.time_s == pytest.approx(first.time_s, abs=0.002)
        assert (second.seed, second.samples, second.status) == (first.seed, first.samples, "done")
        assert second.score == first.score
        assert again.workload.config["global_batch_size"] == 16
        assert second.coverage == pytest.approx(1.0) and not second.flags
        # An estimate of the processor stays one, as unsure as it was.
        (meter,) = again.meters
        assert (again.origin, again.boundary) == ("modelled", "component")
        assert (meter.info.gain_below, meter.info.gain_above) == (CPU_MODEL.below, CPU_MODEL.above)
        assert not any("AC or DC" in note for note in again.notes)

    def test_every_line_is_mllog_and_the_end_tells_how_sure_it_is(self, tmp_path: Path) -> None:
        lacking = folder_writer("mlperf-json").save(Source(read(REAL), REAL, None), tmp_path)
        events = []
        for path in sorted(tmp_path.rglob("*.txt")):
            for line in path.read_text().splitlines():
                assert line.startswith(":::MLLOG ")
                events.append(json.loads(line.removeprefix(":::MLLOG ")))
        assert all(
            set(e) == {"namespace", "time_ms", "event_type", "key", "value", "metadata"} for e in events
        )
        stop = next(e for e in events if e["key"] == "run_stop")
        assert stop["metadata"]["status"] == "success"
        assert (
            stop["metadata"]["energy_low_j"]
            < stop["metadata"]["energy_j"]
            < stop["metadata"]["energy_high_j"]
        )
        assert stop["metadata"]["origin"] == "modelled"
        readings = [e for e in events if e["key"] == "power_reading"]
        assert len(readings) == math.ceil(read(REAL).runs[0].time_s or 0) + 2  # both edges
        assert lacking[:3] == ["submission_org", "submission_division", "submission_status"]
        assert "boundary component" in lacking[3]

    def test_without_a_trace_there_are_no_readings_and_that_is_said(self, tmp_path: Path) -> None:
        lacking = folder_writer("mlperf-json").save(source(), tmp_path)
        assert not (tmp_path / "power").exists()
        assert lacking[-1].startswith("power_reading of result_0")

    def test_without_a_date_its_times_count_from_its_start_and_that_is_said(self, tmp_path: Path) -> None:
        lacking = folder_writer("mlperf-json").save(source(UNDATED), tmp_path)
        assert "time_ms of result_0: from its start, which the report does not know" in lacking
        lines = (tmp_path / "result_0.txt").read_text().splitlines()
        times_ms = [json.loads(line.removeprefix(":::MLLOG "))["time_ms"] for line in lines]
        assert (times_ms[0], times_ms[-1]) == (0, 10_500)


class TestRoCrate:
    @pytest.mark.slow
    def test_a_run_without_a_date_has_none(self, tmp_path: Path) -> None:
        pytest.importorskip("rocrate.rocrate")
        write(UNDATED, tmp_path / "r.json")
        folder_writer("ro-crate").save(source(UNDATED, tmp_path / "r.json"), tmp_path / "crate")
        entities = json.loads((tmp_path / "crate" / "ro-crate-metadata.json").read_text())["@graph"]
        (action,) = (entity for entity in entities if entity["@type"] == "CreateAction")
        assert "startTime" not in action

    def test_its_own_reader_finds_files_runs_and_numbers(self, tmp_path: Path) -> None:
        rocrate = pytest.importorskip("rocrate.rocrate")
        lacking = folder_writer("ro-crate").save(
            Source(read(REAL), REAL, of_number(56.0)), tmp_path / "crate"
        )
        crate = rocrate.ROCrate(tmp_path / "crate")
        assert lacking == ["license", "author"]
        names = {entity.id for entity in crate.data_entities}
        assert names == {"seed-0.json", "seed-0.trace.csv.gz"}
        assert read(tmp_path / "crate" / "seed-0.json") == read(REAL)
        assert (tmp_path / "crate" / "seed-0.trace.csv.gz").exists()
        joules = crate.dereference("#run-1-energy_j")
        assert joules["unitCode"] == "JOU"
        assert joules["minValue"] < joules["value"] < joules["maxValue"]
        assert "modelled, boundary component" in joules["measurementTechnique"]
        action = crate.dereference("#run-1")
        assert action["instrument"].id == "#energyprof"
        assert joules in action["result"]
        assert crate.dereference("#run-1-emissions_g")["unitCode"] == "GRM"


@pytest.mark.slow  # two large libraries
class TestTrackers:
    def test_mlflow_reads_the_run_its_settings_and_its_course(self, tmp_path: Path) -> None:
        tracking = pytest.importorskip("mlflow.tracking")
        content = read(REAL)
        folder_writer("mlflow").save(Source(content, REAL, None), tmp_path)
        client = tracking.MlflowClient(tracking_uri=tmp_path.as_uri())
        (found,) = client.search_runs([client.get_experiment_by_name("energyprof").experiment_id])
        assert found.data.metrics["energy_j"] == content.runs[0].energy_j
        assert found.data.metrics["energy_j_low"] < found.data.metrics["energy_j"]
        assert "emissions_g" not in found.data.metrics
        assert found.data.params["batch_size"] == "16"
        assert found.data.tags["energyprof.origin"] == "modelled"
        assert found.data.tags["energyprof.boundary"] == "component"
        course = client.get_metric_history(found.info.run_id, "course.score")
        assert [(point.step, point.value) for point in course] == [
            (point.samples, point.score) for point in content.runs[0].history
        ]
        assert {file.path for file in client.list_artifacts(found.info.run_id)} == {
            REAL.name,
            "seed-0.trace.csv.gz",
        }

    def test_mlflow_has_a_time_for_a_run_without_a_date_and_that_is_said(self, tmp_path: Path) -> None:
        tracking = pytest.importorskip("mlflow.tracking")
        write(UNDATED, tmp_path / "r.json")
        lacking = folder_writer("mlflow").save(source(UNDATED, tmp_path / "r.json"), tmp_path / "store")
        assert lacking == ["when unet, run 1 (seed 0) began: now, to MLflow"]
        client = tracking.MlflowClient(tracking_uri=(tmp_path / "store").as_uri())
        (found,) = client.search_runs([client.get_experiment_by_name("energyprof").experiment_id])
        assert found.info.end_time - found.info.start_time == 15_500  # with start-up
        assert found.data.metrics["energy_j"] == UNDATED.runs[0].energy_j

    def test_wandb_s_own_reader_finds_summary_and_course(self, tmp_path: Path) -> None:
        pytest.importorskip("wandb")
        content = read(REAL)
        folder_writer("wandb").save(Source(content, REAL, None), tmp_path)
        records = values(tmp_path)
        summary = {
            name: value for name, value in records if name in ("energy_j", "energy_j_low", "course/score")
        }
        assert summary["energy_j"] == content.runs[0].energy_j
        assert summary["energy_j_low"] == pytest.approx(content.runs[0].energy_low_j)
        assert summary["course/score"] == content.runs[0].history[-1].score


class TestTheCommand:
    @pytest.mark.slow
    def test_each_format_is_written_where_it_is_told(self, command: Command) -> None:
        write(ONE, command.folder / "r.json")
        for name, row in FORMATS.items():
            if name in ("mlflow", "wandb"):  # slow: tested above
                continue
            done = command("export", "r.json", "--to", name, "-o", f"out-{name}")
            assert done.returncode == 0, done.stderr
            assert (command.folder / f"out-{name}").is_dir() == (row.place == "folder")
            assert done.stdout == ""
            again = command("export", "r.json", "--to", name, "-o", f"out-{name}")
            assert (again.returncode, "already exists" in again.stderr) == (2, True)
            assert command("export", "r.json", "--to", name, "-o", f"out-{name}", "--force").returncode == 0

    def test_what_is_text_goes_to_stdout_and_what_is_lacking_to_stderr_in_one_line(
        self, command: Command
    ) -> None:
        write(ONE, command.folder / "r.json")
        done = command("export", "r.json", "--to", "eco-ci")
        assert json.loads(done.stdout)["workflow"] == "unet"
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith("eco-ci asks for what the report does not know: repository; branch;")
        assert command("export", "r.json", "--to", "csv").stderr == ""

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("--to", "xml"), "choose from csv, parquet, mlflow"),
            (("--to", "parquet"), "name it with --output"),
            (("--to", "csv", "--country", "FR", "--intensity", "3"), "one of them"),
            (("--to", "ro-crate", "-o", "r.json"), "writes a folder"),
        ],
    )
    def test_what_makes_no_sense_is_one_line(
        self, command: Command, words: tuple[str, ...], said: str
    ) -> None:
        write(ONE, command.folder / "r.json")
        done = command("export", "r.json", *words)
        assert done.returncode == 2
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1

    @pytest.mark.slow
    def test_what_is_not_installed_is_named(self, command: Command) -> None:
        (command.folder / "rocrate").mkdir()
        (command.folder / "rocrate" / "__init__.py").write_text("raise ModuleNotFoundError(name='rocrate')")
        write(ONE, command.folder / "r.json")
        done = command.anew(
            "export", "r.json", "--to", "ro-crate", "-o", "x", environment={"PYTHONPATH": str(command.folder)}
        )
        assert done.returncode == 2
        assert "pip install 'energyprof[interchange]'" in done.stderr

    def test_the_help_names_every_format(self, command: Command) -> None:
        shown = command("export", "--help", environment={"COLUMNS": "200"}).stdout
        assert all(name in shown for name in FORMATS)
