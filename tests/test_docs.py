"""What docs of simulations and exports show is what the command prints; "…" stands for what is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import warm

ROOT = Path(__file__).parent.parent
PAGES = [
    (ROOT / "docs" / name).read_text(encoding="utf-8")
    for name in ("simulation.md", "fleets.md", "exports.md")
]
BLOCKS = [
    block
    for page in PAGES
    for block in re.findall(r"```console\n\$ energyprof ([^\n]*)\n(.*?)```", page, re.DOTALL)
]
# Of the page whose other blocks would train, what is shown of published results.
STUDIES = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
BLOCKS += re.findall(r"```console\n\$ energyprof (study show results/[^\n]*)\n(.*?)```", STUDIES, re.DOTALL)


def bare(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip("\n").split("\n")]


@pytest.mark.parametrize(("words", "shown"), BLOCKS)
def test_a_block_is_what_the_command_prints(words: str, shown: str) -> None:
    done = warm.run(["-m", "energyprof", *words.split()], {"COLUMNS": "80"}, ROOT)
    assert done.returncode == 0, done.stderr
    printed = bare(done.stdout)
    reached = 0
    for part in re.split(r"^…\n?", shown, flags=re.MULTILINE):
        lines = bare(part)
        if lines == [""]:
            continue
        places = [i for i in range(reached, len(printed)) if printed[i : i + len(lines)] == lines]
        assert places, f"not printed:\n{part}\nbut:\n{done.stdout}"
        reached = places[0] + len(lines)


def test_there_are_blocks() -> None:
    assert len(BLOCKS) >= 5
