"""The README, the docs, the help texts and the code say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

import warm
from energyprof.cli.application import COMMANDS
from energyprof.errors import EnergyprofError
from energyprof.measure.meters import KINDS
from energyprof.report.file import read
from energyprof.report.recompute import is_given_back, recompute
from energyprof.workloads import WORKLOADS
from reports import published

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
HOUSE = (ROOT / "CONTRIBUTING.md").read_text()
PAGES = {path.name: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
DOCS = "\n".join([README, *PAGES.values()])

# Pages of a page's own, which that names.
LINKED_FROM_PAGES = {
    page for text in PAGES.values() for page in re.findall(r"\]\(([\w-]+\.md)(?:#[^)]*)?\)", text)
}


# One program asks for all: each command is still the one that its words alone name.
HELPS = """
import contextlib, io, json, sys
from energyprof.cli.application import application
found = []
for words in json.loads(sys.argv[1]):
    sys.argv = ["energyprof", *words, "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as text:
        try:
            application(sys.argv[1:])()
        except SystemExit as end:
            assert not end.code, words
    found.append(text.getvalue())
print(json.dumps(found))
"""


def helps_of(commands: Sequence[Sequence[str]]) -> list[str]:
    done = warm.run(["-c", HELPS, json.dumps(commands)], {"COLUMNS": "200"})
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def commands(help_text: str) -> list[str]:
    """Those in its panels; a panel of arguments names none."""
    panels = [panel for panel in help_text.split("╭─ ")[1:] if not panel.startswith("Arguments")]
    return re.findall(r"^│ (\w+) ", "\n".join(panels), re.MULTILINE)


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    """Each command's help; that of a group with those of its own commands."""
    whole = dict(zip(COMMANDS, helps_of([[name] for name in COMMANDS]), strict=True))
    inner = [(name, command) for name, text in whole.items() for command in commands(text)]
    for (name, _), text in zip(inner, helps_of(inner), strict=True):
        whole[name] += f"\n{text}"
    whole["tune"] += whole["run"]  # it hands on what it does not know
    return whole


@pytest.mark.slow
def test_every_command_stands_in_the_readmes_table(helps: dict[str, str]) -> None:
    table = re.findall(r"^\| `energyprof (\w+)", README, re.MULTILINE)
    assert sorted(table) == sorted(helps)


def test_every_option_in_the_readme_exists(helps: dict[str, str]) -> None:
    used = re.findall(r"energyprof (\w+)([^`\n#]*)", DOCS)
    assert used
    # What `ab` is to train stands in quotes, a command of its own.
    quoted = [inner for _, rest in used for inner in re.findall(r'"(\w+) ([^"]*)"', rest)]
    assert quoted
    for name, rest in [*((name, re.sub(r'"[^"]*"', "", rest)) for name, rest in used), *quoted]:
        if name not in helps:
            continue
        for option in re.findall(r"(?<!\S)--?[a-z][\w-]*", rest.partition(" -- ")[0]):
            assert option in helps[name], f"energyprof {name} {option}"


def test_every_command_says_what_it_does_and_every_option_too(helps: dict[str, str]) -> None:
    for name, text in helps.items():
        assert "Usage:" in text, name
        assert "<bool>" not in text, name
        for line in text.splitlines():
            if option := re.match(r"│ (?:[* ] +)?(--[\w-]+)", line):
                assert re.search(r"\s{2,}\S.*[.…)\]]\s*│$", line), f"{name} {option[1]}: {line}"
            # An argument's help follows its type.
            if argument := re.match(r"│ [* ] +([a-z]\w*) +(.*)│$", line):
                assert re.search(r"\s{2,}[^\[\s].*\w", argument[2]), f"{name} {argument[1]}: {line}"


def test_the_readme_is_read_in_one_go_and_leads_to_every_page() -> None:
    assert len(README.splitlines()) <= 150
    assert set(re.findall(r"\]\(docs/([\w-]+\.md)\)", README)) | LINKED_FROM_PAGES >= set(PAGES)


def test_the_index_leads_to_every_page() -> None:
    assert set(re.findall(r"\]\(([\w-]+\.md)\)", PAGES["index.md"])) == set(PAGES) - {"index.md"}


def test_every_link_leads_somewhere() -> None:
    for name, text in {"README.md": README, "CONTRIBUTING.md": HOUSE, **PAGES}.items():
        folder = ROOT / "docs" if name in PAGES else ROOT
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if "://" not in link:
                assert (folder / link).exists(), f"{name}: {link}"


def test_the_exit_codes_are_those_of_the_errors() -> None:
    table = {int(code) for code in re.findall(r"^\| (\d) \|", PAGES["running.md"], re.MULTILINE)}
    assert table == {0, 1, 2, 3, 4, 5}
    kinds = [EnergyprofError, *EnergyprofError.__subclasses__()]
    assert {kind.exit_code for kind in kinds} <= table


def test_every_meter_and_workload_is_named() -> None:
    for name in (*KINDS, *WORKLOADS):
        assert f"`{name}`" in DOCS, name


def test_the_tree_is_the_packages() -> None:
    listed = re.search(r"```\nenergyprof/\n(.*?)\nbenchmarks/", HOUSE, re.DOTALL)
    assert listed is not None
    shown = dict(re.findall(r"^  (?! )(\S+)\s+(.+)$", listed[1], re.MULTILINE))
    package = ROOT / "energyprof"
    files = {path.name for path in package.glob("*.py") if not path.name.startswith("__")}
    folders = {f"{path.name}/" for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert set(shown) == files | folders


@pytest.mark.slow
def test_every_published_report_is_listed_and_its_trace_gives_it_back() -> None:
    results = ROOT / "results"
    text = (results / "README.md").read_text()
    listed = re.findall(r"\]\(([^)]+\.json)\)", text)
    studies = [
        results / name for name in re.findall(r"\]\((\S+)\)", text) if (results / name / "cells").is_dir()
    ]
    listed += [
        str(path.relative_to(results)) for study in studies for path in (study / "cells").glob("*.json")
    ]
    assert sorted(listed) == sorted(str(path.relative_to(results)) for path in published())
    for name in (name for name in listed if not name.startswith("published/")):  # those are others' numbers
        again = recompute(results / name)
        assert is_given_back(read(results / name), again)
        known = {phase.coverage for run in again.runs for phase in run.phases}
        assert None not in known and max(known) == 1
