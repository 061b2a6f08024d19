"""What docs show of simulations, exports and published reports is what the command prints; "…" leaves out."""

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
# Reports of one folder, laid side by side below the commands that trained them.
FEDERATED = (ROOT / "docs" / "federated.md").read_text(encoding="utf-8")
TOGETHER = re.findall(
    r"^\$ energyprof (compare central\.json[^\n]*)\n(.*?)```", FEDERATED, re.DOTALL | re.MULTILINE
)
# What simulations compute with.
SIMULATORS = ("scipy.optimize", "energyprof.cli.application", "energyprof.simulate.fleet.fleet")


def bare(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip("\n").split("\n")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "shown", "folder"),
    [(*block, ".") for block in BLOCKS] + [(*block, "results/vm-xeon-2/speech-tiny") for block in TOGETHER],
)
def test_a_block_is_what_the_command_prints(words: str, shown: str, folder: str) -> None:
    loaded = SIMULATORS if words.startswith(("simulate", "fleet")) else ()
    done = warm.run(["-m", "energyprof", *words.split()], {"COLUMNS": "80"}, ROOT / folder, loaded=loaded)
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
    assert len(BLOCKS) >= 5 and len(TOGETHER) == 1


def labels(text: str) -> list[str]:
    """What stands before the values of a summary, from its energies to its memory."""
    found = re.findall(r"^ *([a-z][a-z -]*?)  (?=\S)", text, re.MULTILINE)
    return found[: found.index("peak memory") + 1]


def masked(text: str) -> str:
    """``text`` without its numbers, the names of its reports and its line ends."""
    names = r"\S+\.json(?: \(\d\))?|\b(?:before|after)\b"
    return re.sub(rf"{names}|[+-]?\d[\d.,]*", "#", " ".join(text.split()))


def test_the_readmes_summary_has_the_lines_that_a_summary_has() -> None:
    (shown,) = re.findall(
        r"\$ make run\n(unet.*?)…", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    report = "results/vm-xeon-2/unet-tiny/seed-0.json"
    done = warm.run(["-m", "energyprof", "show", report], {"COLUMNS": "80"}, ROOT)
    assert labels(shown) == labels(done.stdout) and len(labels(shown)) == 13


def test_a_check_that_is_shown_has_the_sentences_that_a_check_has() -> None:
    page = (ROOT / "docs" / "comparing.md").read_text(encoding="utf-8")
    shown = page.partition("energy_per_sample:3%\n")[2].partition("```")[0]
    report = "results/vm-epyc-2/unet-tiny/seeds-0-2.json"
    words = ["check", report, "--baseline", report, "--limit", "energy_per_sample:3%"]
    printed = masked(warm.run(["-m", "energyprof", *words], {"COLUMNS": "80"}, ROOT).stdout)
    for part in re.split(r"\n\n|\n(?=      \w|  \w)|(?<=STRICT\))\n", shown.strip()):
        for sentence in re.split(r"(?<=\.) |(?<=strict\)) ", masked(part)):
            assert sentence in printed, sentence
