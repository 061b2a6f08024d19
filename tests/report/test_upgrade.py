"""What earlier versions of the schema wrote is read as today's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from energyprof.errors import FileError
from energyprof.report.file import from_json, to_json
from energyprof.report.flags import Flag
from reports import meter, report, run


def first_schema(**flags: Any) -> str:
    """A report of version 1 with the ``flags`` of its ``run``, its ``phase`` and its ``meter``."""
    data = json.loads(to_json(report([run()], meters=(meter(),))))
    data["schema"] = "energyprof.report/1"
    data["runs"][0]["flags"] = flags.get("run", [])
    for phase in data["runs"][0]["phases"]:
        phase["flags"] = flags.get("phase", [])
        del phase["coverage"]
    data["meters"][0]["flags"] = flags.get("meter", [])
    return json.dumps(data)


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("hung", Flag("hung")),
        ("gap:rapl:package-0", Flag("gap", "rapl:package-0")),
        ("interrupted:SIGTERM", Flag("interrupted", "", "SIGTERM")),
        ("said:no data: (empty)", Flag("said", "", "no data: (empty)")),
        ("idle_drift:50 W before, 60 W after", Flag("idle_drift", "", "50 W before, 60 W after")),
        (
            "throttled:nvml:0 (hw_thermal, 12 % of the time)",
            Flag("throttled", "nvml:0", "hw_thermal, 12 % of the time"),
        ),
        ("foreign:nvml:1 (a (b), pid 7; c, pid 8)", Flag("foreign", "nvml:1", "a (b), pid 7; c, pid 8")),
        (
            "disagrees:nvml:0:power reads 7.0 % more than nvml:0",
            Flag("disagrees", "nvml:0:power", "reads 7.0 % more than nvml:0"),
        ),
        (
            "zeus:gpu1 has -5 J in 'a': its counter went round or was reset",
            Flag("negative_total", "zeus:gpu1", "-5 J in 'a'"),
        ),
        (
            "codecarbon:cpu has 0 J in 'a': too short a stretch for it, or it was not read",
            Flag("zero_total", "codecarbon:cpu", "0 J in 'a'"),
        ),
        ("nobody_knows:nvml:0 (7)", Flag("nobody_knows", "", "nvml:0 (7)")),
    ],
)
def test_a_flag_that_was_a_string_is_a_record(text: str, record: Flag) -> None:
    read = from_json(first_schema(run=[text], phase=[text]), "r.json")
    assert read.runs[0].flags == (record,)
    assert {phase.flags for phase in read.runs[0].phases} == {(record,)}


def test_a_meters_own_flag_gets_its_name() -> None:
    read = from_json(first_schema(meter=["gap", "failed_read"]), "r.json")
    assert read.meters[0].flags == (Flag("gap", "rapl:package-0"), Flag("failed_read", "rapl:package-0"))


def test_the_first_schema_knew_no_coverage_of_phases() -> None:
    read = from_json(first_schema(), "r.json")
    assert {phase.coverage for phase in read.runs[0].phases} == {None}


@pytest.mark.parametrize("broken", [[7], "gap", {"gap": 1}])
def test_what_was_no_flag_is_refused_in_one_line(broken: Any) -> None:
    with pytest.raises(FileError, match=r"^r\.json: not a valid report: report\.runs\[0\]\.flags.*expected"):
        from_json(first_schema(run=broken), "r.json")


def test_the_one_identity_of_the_first_schema_is_that_of_the_work_and_the_task_is_not_known() -> None:
    data = json.loads(first_schema())
    data["workload"]["id"] = data["workload"].pop("work")
    for key in ("task", "task_keys", "sample_keys"):
        del data["workload"][key]
    made = report().workload
    read = from_json(json.dumps(data), "r.json").workload
    assert (read.task, read.work, read.config, read.target) == ("", made.work, made.config, made.target)
