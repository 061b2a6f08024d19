"""Pages that are made from others are new, lead somewhere, and quote what is there."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent.parent / "release"))
import pages

ROOT = Path(__file__).parent.parent
MADE = pages.pages()


@pytest.mark.parametrize("name", sorted(MADE))
def test_a_made_page_is_new(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == MADE[name], "make pages"


def test_every_record_of_a_report_has_its_table() -> None:
    assert re.findall(r"^## (\w+)$", MADE["docs/schema.md"], re.MULTILINE)[0] == "Report"
    for link in re.findall(r"\]\(#(\w+)\)", MADE["docs/schema.md"]):
        assert re.search(rf"^## {link}$", MADE["docs/schema.md"], re.MULTILINE | re.IGNORECASE), link
    assert "| **`energy_j`** | number or null |" in MADE["docs/schema.md"]


def test_the_index_for_language_models_leads_to_every_page() -> None:
    linked = re.findall(r"\]\(([^)]+)\)", MADE["llms.txt"])
    assert all((ROOT / link).exists() for link in linked)
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    listed = {page for part in nav if isinstance(part, dict) for pages_ in part.values() for page in pages_}
    assert {link.removeprefix("docs/") for link in linked if link.startswith("docs/")} == listed
    assert listed | {"index.md"} == {path.name for path in (ROOT / "docs").glob("*.md")}


def test_the_skill_is_one_that_agents_load() -> None:
    head = re.match(r"---\n(.*?)\n---\n", MADE["skills/energyprof/SKILL.md"], re.DOTALL)
    assert head is not None
    told = yaml.safe_load(head[1])
    assert told["name"] == "energyprof" and len(told["description"]) <= 1024
    assert "](" not in MADE["skills/energyprof/SKILL.md"]  # it is read away from the repository


def test_numbers_beside_other_tools_are_those_of_the_benchmarks() -> None:
    page, measured = (ROOT / "docs/peers.md").read_text(), (ROOT / "benchmarks/README.md").read_text()
    numbers = page.partition("## Numbers")[2]
    rows = re.findall(r"^\| .*\d / .*$", numbers, re.MULTILINE)
    short = measured.partition("Windows of 0.25 s")[2]
    assert len(rows) == 2 and all(row in short for row in rows)
    versions = re.findall(r"(\w+) (\d+\.\d+\.\d+)", measured.partition("installs the peers.")[2][:200])
    for name, version in versions:
        if name in ("zeus", "codecarbon", "carbontracker"):
            assert re.search(rf"{name} {version}", page, re.IGNORECASE), name


def test_what_the_site_is_made_with_is_there() -> None:
    made = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert all((ROOT / hook).exists() for hook in made["hooks"])
    assert made["extra_css"] and all((ROOT / "docs" / style).exists() for style in made["extra_css"])
