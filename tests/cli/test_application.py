"""The table of commands: a command costs the time of its own file alone."""

import subprocess
import sys

import pytest
from conftest import Command

from energyprof.cli import COMMANDS

ASKED = """
import sys
from energyprof.cli import COMMANDS, application
application(sys.argv[1:])
print(*(name for name, (file, _, _) in COMMANDS.items() if "energyprof.cli." + file in sys.modules))
"""


def loaded(*words: str) -> list[str]:
    """The commands whose files lie in memory once ``words`` can be read."""
    done = subprocess.run([sys.executable, "-c", ASKED, *words], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_command_loads_its_own_file_alone() -> None:
    assert loaded("schema", "--help") == ["schema"]
    assert loaded("exec", "--", "show") == ["exec"]


@pytest.mark.parametrize("words", [(), ("--help",), ("shwo", "report.json")])
def test_where_no_command_is_named_all_are_known(words: tuple[str, ...]) -> None:
    assert loaded(*words) == list(COMMANDS)


def test_the_help_lists_every_command(command: Command) -> None:
    listed = command("--help").stdout
    assert [name for name in COMMANDS if f" {name} " not in listed] == []
