"""Whatever is done to a file of a folder that is watched, it is seen."""

from __future__ import annotations

import os
import py_compile
from pathlib import Path

import pytest

from energyprof.errors import Tampered
from energyprof.profile.untouched import Untouched, UntouchedCode


def rewritten(path: Path) -> None:
    """Other content of the same length, in place, with the times it had before."""
    found = path.stat()
    path.write_text(path.read_text().swapcase())
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_text(path.read_text())
    other.replace(path)


DEEDS = {
    "rewritten": rewritten,
    "replaced": replaced,
    "touched": lambda path: os.utime(path, (0, 0)),
    "hidden": lambda path: path.chmod(0),
    "gone": Path.unlink,
    "joined": lambda path: path.with_name("another").write_text(""),
    "made a link": lambda path: (path.unlink(), path.symlink_to("/dev/null")),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file.py").write_text("text = 1")
    return tmp_path


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("kind", [Untouched, UntouchedCode])
def test_every_change_is_seen(folder: Path, kind: type[Untouched], deed: str) -> None:
    watched = kind(folder)
    watched.check()
    DEEDS[deed](folder / "in" / "file.py")
    with pytest.raises(Tampered, match=str(folder)):
        watched.check()
    watched.renew()
    watched.check()


def test_of_code_that_was_compiled_meanwhile_only_the_source_counts(folder: Path) -> None:
    code, all_of_it = UntouchedCode(folder), Untouched(folder)
    made = Path(py_compile.compile(str(folder / "in" / "file.py")) or "")
    assert made.exists()
    with pytest.raises(Tampered):
        all_of_it.check()
    code.check()
    assert not made.exists()  # nobody knows who made it
