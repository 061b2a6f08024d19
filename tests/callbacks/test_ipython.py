"""``%%energy`` in a real IPython, beside a meter that shows 50 W."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from conftest import Command

pytestmark = pytest.mark.slow

SHELL = """
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "energyprof")
with capture_output() as caught:
    shell.run_cell({cell!r})
for output in caught.outputs:
    print(repr(output._data if hasattr(output, "_data") else output))
    print(output.data["text/plain"], output.data.get("text/html", ""))
print(caught.stdout, caught.stderr)
"""


def said(command: Command, cell: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SHELL.format(cell=cell)],
        cwd=command.folder,
        env=command.environment(IPYTHONDIR=str(command.folder / "ipython")),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_cell_shows_its_energy_with_a_picture(command: Command) -> None:
    shown = said(command, "%%energy sleep\nimport time\ntime.sleep(1.5)\n")
    assert re.search(r"energy +[0-9.]+ ± [0-9.]+ J", shown), shown
    assert re.search(r"power +(4[5-9]|5[0-5])", shown), shown
    assert "<svg" in shown and "<path" in shown
    assert re.search(r">power over the cell&#x27;s time, from 0 to [\d.]+ W: \S+</div>", shown), shown


def test_a_statement_is_measured_and_its_names_stay(command: Command) -> None:
    shown = said(command, "%energy answer = sum(range(10**6))\nprint('is', answer)")
    assert "is 499999500000" in shown
    assert "energy" in shown


def test_a_cell_that_fails_shows_why_and_no_energy(command: Command) -> None:
    shown = said(command, "%%energy\n1 / 0\n")
    assert "ZeroDivisionError" in shown
    assert "<svg" not in shown
