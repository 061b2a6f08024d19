"""`energyprof --man` is the help of all commands, as man shows it."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

import warm
from energyprof.cli.application import COMMANDS


@pytest.fixture(scope="module")
def page() -> str:
    done = warm.run(["-m", "energyprof", "--man"], {})
    assert done.returncode == 0, done.stderr
    return done.stdout


def plain(page: str) -> str:
    return " ".join(page.replace("\\-", "-").replace("\\(ga", "`").replace("\\(aq", "'").split())


@pytest.mark.slow
def test_every_command_and_option_stands_in_it(page: str) -> None:
    sections = dict(re.findall(r"^\.SS ([\w -]+)\n(.*?)(?=^\.SS |\Z)", page, re.MULTILINE | re.DOTALL))
    assert set(COMMANDS) <= set(sections) and "study run" in sections
    for name in ("check", "doctor", "study run"):
        shown = warm.run(["-m", "energyprof", *name.split(), "--help"], {"COLUMNS": "200"}).stdout
        options = set(re.findall(r"^│ (?:[* ] +)?(--[\w-]+)", shown, re.MULTILINE)) - {"--help"}
        assert options and options <= set(re.findall(r"--[\w-]+", plain(sections[name])))
    assert "Exit codes: 0 fine" in plain(page) and "[default: " in page and "\\[" not in page


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff here")
def test_man_shows_it_without_a_complaint(page: str) -> None:
    words = ["groff", "-man", "-ww", "-Kutf8", "-Tutf8", "-P-cbou", "-rLL=80n"]
    done = subprocess.run(words, input=page, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert re.search(r"energyprof study run \[OPTIONS\] \{?PLAN\b", done.stdout)  # newer typers write braces
    assert max(map(len, done.stdout.splitlines())) <= 80
