"""The notebooks of examples/ run from top to bottom in a real kernel, and are kept with what they showed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
# They read published reports and measure nothing: what they print is the same on every machine.
OF_REPORTS = {"carry-it-further.ipynb", "compare-trainings.ipynb"}


def printed(book: Path) -> list[str]:
    """What each cell shows as text, in however many pieces it came."""
    shown = []
    for cell in json.loads(book.read_text(encoding="utf-8"))["cells"]:
        outputs = [output.get("text") or output["data"]["text/plain"] for output in cell.get("outputs", [])]
        text = re.sub(r"\x1b\[[0-9;]*m", "", "".join(line for output in outputs for line in output))
        shown.append("\n".join(line.rstrip() for line in text.splitlines()))
    return shown


@pytest.mark.slow
def test_every_notebook_runs(tmp_path: Path) -> None:
    (tmp_path / "results").symlink_to(ROOT / "results")
    for book in NOTEBOOKS:
        (tmp_path / "examples").mkdir(exist_ok=True)
        shutil.copy(book, tmp_path / "examples")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbmake", "--overwrite", "-p", "no:cacheprovider", "examples"],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "IPYTHONDIR": str(tmp_path / "ipython"), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(NOTEBOOKS)} passed" in done.stdout
    for book in NOTEBOOKS:
        if book.name in OF_REPORTS:
            assert printed(book) == printed(tmp_path / "examples" / book.name), book.name


def test_there_are_three_and_each_is_kept_with_what_it_showed() -> None:
    assert len(NOTEBOOKS) == 3 and {book.name for book in NOTEBOOKS} > OF_REPORTS
    for book in NOTEBOOKS:
        cells = json.loads(book.read_text(encoding="utf-8"))["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1)), book.name
        said = [output for cell in code for output in cell["outputs"]]
        assert said and not [output for output in said if output["output_type"] == "error"], book.name
        assert str(ROOT) not in book.read_text(encoding="utf-8"), book.name
