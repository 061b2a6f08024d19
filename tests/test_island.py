"""The training side runs on old interpreters and is light."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "energyprof"
ISLAND = [
    PACKAGE / "__init__.py",
    PACKAGE / "settings.py",
    *(PACKAGE / "wire").glob("*.py"),
    *(PACKAGE / "storable").glob("*.py"),
    PACKAGE / "workload.py",
    *(PACKAGE / "workloads").rglob("*.py"),
    *(PACKAGE / "callbacks").glob("*.py"),
]
# A callback is a class of its library's: that one may be imported at the top of the module named after it.
FRAMEWORKS = {"transformers", "lightning", "pytorch_lightning", "accelerate", "keras", "fastai"}


def old_python() -> str:
    """An interpreter of Python 3.8, if this machine has one."""
    names = [shutil.which("python3.8"), *map(str, Path.home().glob(".pyenv/versions/3.8.*/bin/python"))]
    for name in filter(None, names):
        # A shim may stand where no such interpreter is.
        asked = subprocess.run([name, "--version"], capture_output=True, text=True, check=False)
        if asked.stdout.startswith("Python 3.8."):
            return name
    pytest.skip("no Python 3.8 here; the linter checks the island all the same")


@pytest.mark.slow
def test_python_3_8_speaks_the_wire_and_plans_the_same_work(tmp_path: Path) -> None:
    (tmp_path / "energyprof").symlink_to(PACKAGE)
    code = (
        "import energyprof, sys; energyprof.mark('x'); energyprof.progress(samples=1, score=0.5)\n"
        "from energyprof.workload import Settings\n"
        "from energyprof.workloads import workload_module\n"
        "print(workload_module('unet').plan(Settings()).work())"
    )
    ids = {
        subprocess.run(
            [python, "-c", code],
            env={"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for python in (old_python(), sys.executable)
    }
    assert len(ids) == 1


@pytest.mark.slow
def test_planning_a_workload_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from energyprof.workload import Settings\n"
        "from energyprof.workloads import WORKLOADS, workload_module\n"
        "for name in WORKLOADS: workload_module(name).plan(Settings())\n"
        "heavy = {'torch', 'numpy', 'monai', 'nibabel', 'nilearn', 'PIL'}\n"
        "heavy |= {'transformers', 'diffusers', 'typer', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("path", ISLAND, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_an_island_file_imports_only_the_standard_library_and_the_island(path: Path) -> None:
    tops = {
        line.split()[1].split(".")[0]
        for line in path.read_text().splitlines()
        if line.startswith(("import ", "from "))
    }
    own = FRAMEWORKS if path.parent.name == "callbacks" else set()
    assert tops <= set(sys.stdlib_module_names) | {"energyprof"} | own
    inner = [line for line in path.read_text().splitlines() if line.startswith("from energyprof")]
    island = (
        "energyprof.settings",
        "energyprof.wire",
        "energyprof.storable",
        "energyprof.workload",
        "energyprof.callbacks",
    )
    assert all(line.split()[1].startswith(island) for line in inner)
