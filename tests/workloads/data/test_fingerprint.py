"""A user's files by their checksum."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from energyprof.workload import WorkloadError
from energyprof.workloads.data.fingerprint import END_BYTES, WHOLE_BYTES, fingerprint


def data(folder: Path) -> Path:
    """A small data set of two files."""
    (folder / "images").mkdir(parents=True)
    (folder / "list.json").write_text("[1]")
    (folder / "images" / "a.bin").write_bytes(b"a" * 10)
    return folder


def test_a_copy_elsewhere_is_the_same_data(tmp_path: Path) -> None:
    here = data(tmp_path / "here")
    shutil.copytree(here, tmp_path / "there")
    assert fingerprint(here) == fingerprint(tmp_path / "there")


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "list.json").write_text("[2]"),
        lambda folder: (folder / "images" / "a.bin").rename(folder / "images" / "b.bin"),
        lambda folder: (folder / "images" / "a.bin").unlink(),
        lambda folder: (folder / "new").write_text(""),
    ],
    ids=["content", "name", "one less", "one more"],
)
def test_other_files_are_other_data(tmp_path: Path, change) -> None:  # type: ignore[no-untyped-def]
    folder = data(tmp_path / "data")
    before = fingerprint(folder)
    change(folder)
    assert fingerprint(folder) != before


def test_hidden_files_are_no_data(tmp_path: Path) -> None:
    folder = data(tmp_path / "data")
    before = fingerprint(folder)
    (folder / ".DS_Store").write_text("x")
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("x")
    assert fingerprint(folder) == before


@pytest.mark.parametrize("at", [0, -1])
def test_the_ends_of_a_large_file_count(tmp_path: Path, at: int) -> None:
    path = tmp_path / "large"
    content = bytearray(WHOLE_BYTES + 2 * END_BYTES)
    path.write_bytes(content)
    before = fingerprint(path)
    content[at] = 1
    path.write_bytes(content)
    assert fingerprint(path) != before


def test_a_single_file_goes_without_its_name(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("text,label\n")
    assert fingerprint(tmp_path / "a.csv") == fingerprint(tmp_path / "b.csv")


def test_what_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(WorkloadError, match=r"nowhere: cannot be read \(No such file or directory\)"):
        fingerprint(tmp_path / "nowhere")
