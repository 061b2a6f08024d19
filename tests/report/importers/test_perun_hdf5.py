"""perun's HDF5, written here as its documentation says that it is (docs/hdf5.rst of perun)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from energyprof.errors import FileError, MissingPart, UsageError
from energyprof.report import importers
from energyprof.report.importers.imported import Request
from energyprof.report.importers.save import save
from energyprof.report.record import Report

h5py = pytest.importorskip("h5py")

RUN, LATER = "2023-08-17T13:29:29.969779", "2023-08-18T10:00:00.000000"
# By round and host: s, J; that of the round itself is of all hosts.
ROUNDS = {
    "0": {"": (100.0, 19_900.0), "n1": (100.0, 10_000.0), "n2": (99.0, 9900.0)},
    "1": {"": (50.0, 9000.0), "n1": (50.0, 9000.0)},
    "10": {"": (51.0, 9100.0), "n1": (51.0, 9100.0)},
}


def metric(node: Any, name: str, value: float, unit: str, mag: float = 1.0) -> None:
    said = node["metrics"].create_group(name).attrs
    said["type"], said["unit"], said["mag"], said["agg_type"] = name.lower(), unit, mag, "sum"
    said.create("value", value / mag, dtype="float64")
    said.create("fill", -1.0, dtype="float64")


def node(parent: Any, name: str) -> Any:
    found = parent.create_group(name)
    found.create_group("metrics")
    found.create_group("nodes")
    return found


def write(path: Path, runs: tuple[str, ...] = (RUN,), unit: str = "J", mag: float = 1.0) -> Path:
    with h5py.File(path, "w") as file:
        app = node(file, "finetune")
        for run in runs:
            several = node(app["nodes"], run)
            for number, hosts in ROUNDS.items():
                whole = node(several["nodes"], number)
                for host, (time_s, energy_j) in hosts.items():
                    place = node(whole["nodes"], host) if host else whole
                    metric(place, "RUNTIME", time_s, "s")
                    metric(place, "ENERGY", energy_j, unit, mag)
    return path


def imported(path: Path, **asked: object) -> Report:
    request = Request((path,), **asked)  # type: ignore[arg-type]
    return save(importers.read(request), path.with_suffix(".json"), "replaced")


@pytest.mark.parametrize("mag", [1.0, 1000.0])
def test_a_round_is_a_run_of_all_its_hosts(tmp_path, mag):
    report = imported(write(tmp_path / "finetune.hdf5", mag=mag))
    assert [run.energy_j for run in report.runs] == pytest.approx([19_900, 9000, 9100])
    assert [run.time_s for run in report.runs] == [100.0, 50.0, 51.0]
    assert report.runs[0].facts["hosts"] == ["n1", "n2"]
    assert report.workload.name == "finetune"
    assert report.runs[0].clock.utc.startswith("2023-08-17T13:29:29")


@pytest.mark.slow
def test_one_host_or_round_can_be_taken(tmp_path):
    path = write(tmp_path / "finetune.hdf5")
    assert [run.energy_j for run in imported(path, only="n2").runs] == [9900]
    assert [run.energy_j for run in imported(path, only="10").runs] == [9100]
    with pytest.raises(FileError, match="no rounds or hosts called n3"):
        imported(path, only="n3")


def test_of_several_runs_one_must_be_named(tmp_path):
    path = write(tmp_path / "finetune.hdf5", (RUN, LATER))
    with pytest.raises(UsageError, match=f"holds 2 runs, {RUN}, {LATER}; --only ID takes one"):
        imported(path)
    assert imported(path, only=LATER).runs[0].clock.utc.startswith("2023-08-18T10:00:00")


def test_what_was_not_measured_is_none(tmp_path):
    path = write(tmp_path / "finetune.hdf5")
    with h5py.File(path, "a") as file:
        rounds = file["finetune"]["nodes"][RUN]["nodes"]
        rounds["0"]["metrics"]["ENERGY"].attrs["value"] = -1.0  # its fill
        rounds["1"]["metrics"]["ENERGY"].attrs["value"] = float("nan")
        del rounds["10"]["metrics"]["ENERGY"]
    assert [run.energy_j for run in imported(path).runs] == [None, None, None]


def test_another_unit_is_refused(tmp_path):
    with pytest.raises(FileError, match="ENERGY is in Wh, not in J"):
        imported(write(tmp_path / "finetune.hdf5", unit="Wh"))


def test_a_link_to_another_file_is_not_followed(tmp_path):
    other = write(tmp_path / "other.hdf5")
    path = tmp_path / "finetune.hdf5"
    with h5py.File(path, "w") as file:
        file["finetune"] = h5py.ExternalLink(str(other), "/finetune")
    with pytest.raises(FileError, match="no one application with runs in it"):
        imported(path)


def test_what_is_cut_off_or_not_perun_s_is_one_line(tmp_path):
    path = write(tmp_path / "finetune.hdf5")
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(FileError, match="not a readable HDF5 file of perun: ") as raised:
        imported(path)
    assert "\n" not in str(raised.value)
    with h5py.File(path, "w") as file:
        file.create_dataset("values", data=[1.0])
    with pytest.raises(FileError, match="no one application with runs in it"):
        imported(path)


def test_without_h5py_the_extra_is_named(tmp_path, monkeypatch):
    path = write(tmp_path / "finetune.hdf5")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingPart, match=r"h5py, needed to read perun's HDF5, .*energyprof\[hdf5\]"):
        imported(path)
