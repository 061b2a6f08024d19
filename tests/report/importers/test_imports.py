"""Which kind of file a file is."""

from __future__ import annotations

import pytest

from energyprof.errors import FileError, UsageError
from energyprof.report import importers
from energyprof.report.file import write
from energyprof.report.importers import IMPORTS
from energyprof.report.importers.imported import Request
from fakes.mlperf_logs import write_result
from reports import at


def test_a_file_of_no_known_kind_is_refused_with_the_kinds(tmp_path):
    for name, content in (("a.csv", "time,colour\nnoon,red\n"), ("binary", "\x00\x01")):
        (tmp_path / name).write_text(content)
        with pytest.raises(FileError, match=f"{name}: not of a known kind .mlperf, codecarbon"):
            importers.read(Request((tmp_path / name,)))
    with pytest.raises(FileError, match="not of a known kind"):
        importers.read(Request((tmp_path,)))


def test_a_report_of_our_own_says_what_reads_it(tmp_path):
    write(at(1.0, 1.1), tmp_path / "r.json")
    with pytest.raises(
        FileError, match=r"r\.json: is a report of energyprof already: show, compare and check"
    ):
        importers.read(Request((tmp_path / "r.json",)))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FileError, match="no such file"):
        importers.read(Request((tmp_path / "result_0.txt",)))


def test_a_file_that_is_named_twice_is_refused(tmp_path):
    path = write_result(tmp_path / "r.txt")
    with pytest.raises(UsageError, match="named twice"):
        importers.read(Request((path, tmp_path / "." / "r.txt")))


def test_an_unknown_kind_is_refused(tmp_path):
    with pytest.raises(UsageError, match="choose from mlperf"):
        importers.read(Request((write_result(tmp_path / "r.txt"),)), "cloudjewels")


def test_files_of_several_kinds_are_refused(tmp_path):
    zeus = tmp_path / "z.csv"
    zeus.write_text("start_time,window_name,elapsed_time,gpu0_energy\n1.0,a,1.0,5\n")
    with pytest.raises(UsageError, match=r"r.txt is mlperf, .*z.csv is zeus"):
        importers.read(Request((write_result(tmp_path / "r.txt"), zeus)))


@pytest.mark.parametrize("kind", IMPORTS)
def test_a_file_that_is_forced_to_a_kind_that_it_is_not_is_refused(tmp_path, kind):
    path = tmp_path / "a.txt"
    path.write_text("nothing of the kind\n")
    with pytest.raises((FileError, UsageError)):
        importers.read(Request((path,)), kind)


@pytest.mark.parametrize("kind", [kind for kind in IMPORTS if kind not in ("mlperf", "power")])
def test_only_mlperf_takes_power_logs(tmp_path, kind):
    path = tmp_path / "a.txt"
    path.write_text("\n")
    with pytest.raises(UsageError):
        importers.read(Request((path,), power=(path,)), kind)
