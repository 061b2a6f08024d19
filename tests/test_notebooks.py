"""The notebooks of examples/ run from top to bottom in a real kernel, and are kept with what they showed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


@pytest.mark.slow
def test_every_notebook_runs(tmp_path: Path) -> None:
    (tmp_path / "results").symlink_to(ROOT / "results")
    for book in NOTEBOOKS:
        (tmp_path / "examples").mkdir(exist_ok=True)
        shutil.copy(book, tmp_path / "examples")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbmake", "-p", "no:cacheprovider", "examples"],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "IPYTHONDIR": str(tmp_path / "ipython")},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(NOTEBOOKS)} passed" in done.stdout


def test_there_are_three_and_each_is_kept_with_what_it_showed() -> None:
    assert len(NOTEBOOKS) == 3
    for book in NOTEBOOKS:
        cells = json.loads(book.read_text(encoding="utf-8"))["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1)), book.name
        said = [output for cell in code for output in cell["outputs"]]
        assert said and not [output for output in said if output["output_type"] == "error"], book.name
        assert str(ROOT) not in book.read_text(encoding="utf-8"), book.name
