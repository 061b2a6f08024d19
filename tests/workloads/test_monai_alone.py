"""MONAI is loaded without what no U-Net uses, and nobody else goes without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from energyprof.workloads import monai_alone

# It asks as MONAI does, and has a finder of its own by the time that it is loaded.
MONAI = """
import importlib.metadata, importlib.util, sys
found = importlib.util.find_spec("transformers")
try:
    import transformers.models
except ImportError:
    transformers = None
import scarce
version = importlib.metadata.version("pytest")
class Finder:
    def find_spec(self, name, path=None, target=None):
        return None
sys.meta_path.append(Finder())
"""


def run(folder: Path, *lines: str) -> str:
    """What a Python prints that has these packages first."""
    code = "\n".join(("import sys", f"sys.path.insert(0, {str(folder)!r})", *lines))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    for name, text in {"monai": MONAI, "transformers": "", "transformers/models": "", "scarce": ""}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(text)
    return tmp_path


INSTALL = "from energyprof.workloads import monai_alone; monai_alone.install()"


@pytest.mark.slow
def test_what_it_asks_for_is_not_there_while_it_is_loaded(packages: Path) -> None:
    said = run(
        packages, INSTALL, "import monai; print(monai.found, monai.transformers, monai.scarce.__name__)"
    )
    assert said == "None None scarce"
    assert run(packages, "import monai; print(monai.transformers.__name__)") == "transformers"


@pytest.mark.slow
def test_whoever_asks_afterwards_gets_it(packages: Path) -> None:
    said = run(packages, INSTALL, "import monai, transformers.models; print(transformers.__name__)")
    assert said == "transformers"


@pytest.mark.slow
def test_a_finder_that_it_brings_stays_and_the_others_are_as_before(packages: Path) -> None:
    said = run(
        packages,
        INSTALL,
        "before = list(sys.meta_path)",
        "import monai",
        "print(sys.meta_path[:-1] == before, type(sys.meta_path[-1]).__name__)",
    )
    assert said == "True Finder"


def test_where_it_fails_to_load_nothing_stays_hidden(packages: Path) -> None:
    (packages / "monai" / "__init__.py").write_text("raise ImportError('broken')")
    said = run(
        packages, INSTALL, "try: import monai", "except ImportError as e: print(e)", "import transformers"
    )
    assert said == "broken"


@pytest.mark.slow
def test_where_it_is_not_installed_that_is_said_as_ever(tmp_path: Path) -> None:
    code = f"sys.path[:] = [p for p in sys.path if 'site-packages' not in p] + [{str(tmp_path)!r}]"
    said = run(tmp_path, INSTALL, code, "try: import monai", "except ImportError as e: print(e.name)")
    assert said == "monai"


@pytest.mark.slow
def test_the_real_one_has_all_that_the_networks_need(tmp_path: Path) -> None:
    parts = ("networks.nets", "losses", "metrics", "inferers", "transforms")
    loaded = "; ".join(f"import monai.{part}" for part in parts)
    said = run(tmp_path, INSTALL, loaded, "print(*sorted({n.partition('.')[0] for n in sys.modules}))")
    assert not monai_alone.UNUSED & set(said.split())
