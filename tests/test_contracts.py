"""The contracts of the house have no holes: every room stands in them, and each refuses what it says."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # a dependency of import-linter there

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "energyprof"
SETTINGS = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
CONTRACTS: list[dict[str, Any]] = tomllib.loads(SETTINGS)["tool"]["importlinter"]["contracts"]
FORBIDDING = {contract["name"]: contract for contract in CONTRACTS if contract["type"] == "forbidden"}

ROOMS = {
    path.stem
    for path in PACKAGE.iterdir()
    if (path.suffix == ".py" or (path / "__init__.py").exists()) and path.name != "__init__.py"
}
# Rooms that a contract leaves out on purpose.
FREE = {
    "The arithmetic touches no clock, thread, process or device": ROOMS - {"report", "compare", "simulate"},
    "The profiler never loads torch or numpy": {"workloads", "callbacks", "simulate"},
    "A simulation loads no torch": ROOMS - {"simulate"},
    "Only cli and formats know the terminal": {"__main__", "cli", "formats"},
}


def test_every_contract_that_forbids_is_known_here() -> None:
    assert FORBIDDING.keys() == FREE.keys()


@pytest.mark.parametrize("name", FREE)
def test_every_room_is_held_to_a_contract_or_left_out_on_purpose(name: str) -> None:
    held = {module.removeprefix("energyprof.") for module in FORBIDDING[name]["source_modules"]}
    assert held == ROOMS - FREE[name]


def files(room: str) -> list[Path]:
    """A file of the room itself and one of each folder in it, with paths from the project."""
    module = PACKAGE / f"{room}.py"
    if module.exists():
        return [module.relative_to(ROOT)]
    folders = [folder for folder in (PACKAGE / room).rglob("*") if (folder / "__init__.py").exists()]
    found = (sorted(folder.glob("[a-z]*.py")) for folder in (PACKAGE / room, *folders))
    return [inside[-1].relative_to(ROOT) for inside in found if inside]


@pytest.mark.slow
def test_what_a_contract_forbids_is_refused_in_a_file_of_every_room_and_folder(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "energyprof", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "pyproject.toml").write_text(SETTINGS, encoding="utf-8")
    spoilt: dict[str, set[str]] = {}
    for name, contract in FORBIDDING.items():
        forbidden = next(m for m in contract["forbidden_modules"] if not m.startswith("energyprof"))
        for file in {file for room in ROOMS - FREE[name] for file in files(room)}:
            with open(tmp_path / file, "a", encoding="utf-8") as source:
                source.write(f"\n\ndef _hidden() -> None:\n    import {forbidden}\n")
            module = ".".join(file.with_suffix("").parts).removesuffix(".__init__")
            spoilt.setdefault(name, set()).add(f"{module} -> {forbidden}")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as lint; lint()",
            "--no-cache",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    _, *parts = re.split(rf"^({'|'.join(FORBIDDING)})\n-+\n", done.stdout, flags=re.MULTILINE)
    said = dict(zip(parts[::2], parts[1::2], strict=True))
    for name, imports in spoilt.items():
        refused = {line.split(" (l.")[0].strip(" -") for line in said[name].splitlines()}
        assert imports <= refused, name


def imported(path: Path) -> Iterator[str]:
    """The packages that a file names in its imports, wherever they stand in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).partition(".")[0]


@pytest.mark.slow
def test_what_the_package_imports_it_also_asks_for() -> None:
    """What only comes along with something else may be gone from its next release: click was, from typer's.

    Callbacks import the library of the training that they are for.
    """
    project = tomllib.loads(SETTINGS)["project"]
    wanted = [
        *project["dependencies"],
        *(one for many in project["optional-dependencies"].values() for one in many),
    ]
    declared = {re.split(r"[\[<>=;@ ]", one)[0].lower().replace("_", "-") for one in wanted}
    comes_from = packages_distributions()
    strange = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in PACKAGE.rglob("*.py")
        if path.parent.name != "callbacks"
        for name in imported(path)
        if name != "energyprof" and name not in sys.stdlib_module_names and name in comes_from
        if not {one.lower().replace("_", "-") for one in comes_from[name]} & declared
    }
    assert strange == set()


# Each looks for a folder with a file that stays if we are killed meanwhile, unless it is told one.
LOOK_FOR_A_FOLDER = ("mkdtemp", "mkstemp", "TemporaryDirectory", "TemporaryFile", "NamedTemporaryFile")


def test_the_profiler_lets_nobody_try_out_folders_for_temporary_files() -> None:
    rooms = sorted(ROOMS - FREE["The profiler never loads torch or numpy"])
    paths = [path for room in rooms for path in [PACKAGE / f"{room}.py", *(PACKAGE / room).rglob("*.py")]]
    tried, seen = [], 0
    for path in filter(Path.exists, paths):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "tempfile" in text else ():
            if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("tempfile.gettempdir"):
                tried.append(f"{path}:{node.lineno}")
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("tempfile."):
                seen += 1
                told = {keyword.arg for keyword in node.keywords}
                if (
                    ast.unparse(node.func).removeprefix("tempfile.") in LOOK_FOR_A_FOLDER
                    and "dir" not in told
                ):
                    tried.append(f"{path}:{node.lineno}")
    assert (tried, seen > 3) == ([], True)
