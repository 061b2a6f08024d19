"""What `make dist` builds and what it refuses: with the real packager, from a copy of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "release"))
import check

ROOT = Path(__file__).parent.parent
PACKAGE = check.tracked(ROOT)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's files, as a fresh clone has them, with the manual that `make dist` writes."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    folder = tmp_path_factory.mktemp("clone")
    for name in filter(None, listed.stdout.split("\0")):
        if name.startswith(("results/", "tests/data/")) or not (ROOT / name).exists():
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    (folder / "man").mkdir()
    (folder / "man/energyprof.1").write_text(".TH ENERGYPROF 1\n")
    return folder


@pytest.fixture
def checkout(clone: Path, tmp_path: Path) -> Path:
    """Such a clone of this test's own."""
    return Path(shutil.copytree(clone, tmp_path / "checkout"))


def build(checkout: Path, *kinds: str) -> None:
    calls = [f"b.build_{kind}('dist')" for kind in kinds]
    words = [sys.executable, "-c", "; ".join(["from setuptools import build_meta as b", *calls])]
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(words, cwd=checkout, env=kept, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def built(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel and the sdist of the repository as it is."""
    checkout = Path(shutil.copytree(clone, tmp_path_factory.mktemp("built") / "checkout"))
    build(checkout, "sdist", "wheel")
    return check.one_of_each(checkout / "dist")


@pytest.mark.slow
def test_wheel_and_sdist_hold_the_package_whole_and_nothing_else(built: tuple[Path, Path]) -> None:
    check.check_contents(*built, PACKAGE)


@pytest.mark.slow
def test_data_that_pyproject_does_not_name_are_missed(checkout: Path, built: tuple[Path, Path]) -> None:
    project = checkout / "pyproject.toml"
    project.write_text(project.read_text().replace('"energyprof.compare" = ["grid.csv"]\n', ""))
    build(checkout, "wheel")
    (wheel,) = (checkout / "dist").iterdir()
    with pytest.raises(check.Unfit, match=r"whl: lacks energyprof/compare/grid.csv: name them under package"):
        check.check_contents(wheel, built[1], PACKAGE)


@pytest.mark.slow
def test_what_is_no_part_of_a_release_is_refused(checkout: Path, built: tuple[Path, Path]) -> None:
    (checkout / "MANIFEST.in").write_text("include man/energyprof.1\n")  # the packager's own choice has tests
    build(checkout, "sdist")
    (sdist,) = (checkout / "dist").iterdir()
    with pytest.raises(check.Unfit, match=r"tar.gz: holds what is no part of it: tests/test_\w+.py, .* more"):
        check.check_contents(built[0], sdist, PACKAGE)
    for wheel in ("first.whl", "second.whl"):
        (checkout / "dist" / wheel).touch()
    with pytest.raises(check.Unfit, match="2 wheels and 1 sdists: empty it"):
        check.one_of_each(checkout / "dist")


def test_the_pythons_tried_are_those_that_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A shim that answers for a version that is not there, as pyenv's do.
    (tmp_path / "python3.14").write_text("#!/bin/sh\necho not found >&2\nexit 127\n")
    (tmp_path / "python3.14").chmod(0o755)
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    (tmp_path / f"python{here}").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    found = check.interpreters(("3.14", here))
    assert found == {"3.14": None, here: str(tmp_path / f"python{here}")}
