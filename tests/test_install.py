"""Nothing that we say or run installs a name that a stranger could register; images, CI files are sound."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import subprocess
import sys
import zipfile
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml

from energyprof.profile import installed_from

ROOT = Path(__file__).parent.parent
IMAGES = ("Dockerfile", "Dockerfile.jetson")
SAYS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "Makefile", "action.yml", *IMAGES)),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "ci").iterdir()),
    *sorted((ROOT / ".github/workflows").iterdir()),
    *sorted(path for path in (ROOT / "energyprof").rglob("*") if path.suffix in (".py", ".sh", ".yaml")),
]
# Its code is a work's identity, so its words stay as they are until that work changes.
FROZEN = ROOT / "energyprof/workloads/data/digits.py"


def test_nothing_installs_energyprof_by_its_name_alone() -> None:
    """But for extras of one that is installed: that, pip leaves as it is."""
    for path in SAYS:
        for words in re.findall(r"(?:pip|uv|pipx|uvx) install([^\n`;&]*)", path.read_text(encoding="utf-8")):
            named = re.findall(r"(?<![\w./\[{-])energyprof\b(?!\[[^\]]*\]'|\[[^\]]*\] @| @|[./])", words)
            assert not named or path == FROZEN, f"{path}: pip install{words}"


def test_no_page_has_a_name_to_copy_that_is_not_installed_yet() -> None:
    for path in SAYS:
        if path.suffix == ".md":
            assert not re.search(r"install '?energyprof\[[^\]]*\]'", path.read_text(encoding="utf-8")), path


@pytest.mark.slow
def test_pip_leaves_an_installed_one_as_it_is_when_it_is_asked_for_extras(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "energyprof-99.0-py3-none-any.whl", "w") as stranger:
        facts = "Metadata-Version: 2.1\nName: energyprof\nVersion: 99.0\nProvides-Extra: graphs\n"
        stranger.writestr("energyprof-99.0.dist-info/METADATA", facts)
        stranger.writestr(
            "energyprof-99.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        stranger.writestr("energyprof-99.0.dist-info/RECORD", "")
    pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "--find-links", str(tmp_path)]
    asked = subprocess.run([*pip, "energyprof[graphs]"], capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr
    assert "Would install" not in asked.stdout and "already satisfied: energyprof" in asked.stdout
    upgraded = subprocess.run([*pip, "--upgrade", "energyprof"], capture_output=True, text=True, check=True)
    assert "Would install energyprof-99.0" in upgraded.stdout  # the stranger is within reach


def test_another_interpreter_is_to_get_this_very_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert installed_from.requirement("workloads") == f"{ROOT}[workloads]"
    said = {
        "url": "https://git.example/e.git",
        "vcs_info": {"commit_id": "c" * 40, "requested_revision": "v1"},
    }
    monkeypatch.setattr(installed_from, "origin", lambda: said)
    assert installed_from.requirement("lora") == "energyprof[lora] @ git+https://git.example/e.git@v1"
    assert installed_from.repository() == ("https://git.example/e.git", "v1")
    assert installed_from.made_from() == "commit cccccccccccc"
    monkeypatch.setattr(installed_from, "origin", lambda: {})
    monkeypatch.setattr(installed_from, "checkout", lambda: None)
    assert installed_from.requirement() == "energyprof"  # pip had it from an index by this name


@pytest.mark.parametrize("name", IMAGES)
def test_images_are_linted_and_hold_what_they_copy(name: str) -> None:
    lint = Path(sys.executable).parent / "hadolint"
    said = subprocess.run(
        [lint, "--failure-threshold", "style", ROOT / name], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout
    allowed = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    copied = [
        shlex.split(line)[:-1] for line in re.findall(r"^COPY (.*)$", (ROOT / name).read_text(), re.MULTILINE)
    ]
    assert copied
    for source in itertools.chain(*copied):
        assert (ROOT / source).exists() and source.removeprefix("./") in allowed, source


def test_the_dockerignore_hides_all_but_what_it_names() -> None:
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"


@pytest.mark.parametrize("path", sorted((ROOT / ".github/workflows").iterdir()), ids=lambda path: path.name)
def test_what_a_step_of_our_ci_names_is_there(path: Path) -> None:
    named = re.findall(r"(?<![\w./-])(?:energyprof|tests|benchmarks|release)/[\w./-]*", path.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_old_python_compiles_all_of_the_island() -> None:
    (island,) = re.findall(r"^ISLAND := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    (compiled,) = re.findall(
        r"compileall -q (.*)$", (ROOT / ".github/workflows/ci.yml").read_text(), re.MULTILINE
    )
    assert set(compiled.split()) == set(island.split())


@pytest.mark.parametrize(
    ("pattern", "schema"),
    [
        ("action.yml", "github-actions"),
        (".github/workflows/*.yml", "github-workflows"),
        ("ci/gitlab.yml", "gitlab-ci"),
    ],
)
def test_ci_files_have_the_fields_that_their_services_know(pattern: str, schema: str) -> None:
    found = sorted(ROOT.glob(pattern))
    assert found
    rules = json.loads((files("check_jsonschema") / f"builtin_schemas/vendor/{schema}.json").read_text())
    for path in found:
        # YAML 1.1 takes the key `on` for true.
        text = re.sub(r"^on:", '"on":', path.read_text(), flags=re.MULTILINE)
        jsonschema.Draft7Validator(rules).validate(yaml.safe_load(text))


# Without the site's packages there is no energyprof installed: it lies on the path alone.
ON_THE_PATH_ALONE = """
import sys
sys.path.insert(0, sys.argv[1])
from energyprof.profile.installed_from import advised
print(advised("numpy is not installed: pip install 'energyprof[simulate]'"))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("alone", "wanted"), [(["-S"], "{root}[simulate]"), ([], "'energyprof[simulate]'")])
def test_pip_is_given_no_name_of_ours_where_none_is_installed(alone: list[str], wanted: str) -> None:
    """The first to register it could run code there; an installed one only gets its extras."""
    words = [sys.executable, *alone, "-c", ON_THE_PATH_ALONE, str(ROOT)]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert shlex.split(said)[-1] == shlex.split(wanted.format(root=shlex.quote(str(ROOT))))[0]
