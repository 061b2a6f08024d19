"""The table of commands: a command costs the time of its own file alone."""

import importlib
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import typer
from conftest import Command

import warm
from energyprof.cli.application import COMMANDS, application
from energyprof.cli.usage import as_typed, paragraphs
from energyprof.report.file import write
from reports import report, run

ASKED = """
import sys
from energyprof.cli.application import COMMANDS, application
application(sys.argv[1:])
print(*(name for name, row in COMMANDS.items() if "energyprof.cli." + row.file in sys.modules))
"""


def loaded(*words: str) -> list[str]:
    """The commands whose files lie in memory once ``words`` can be read."""
    done = subprocess.run([sys.executable, "-c", ASKED, *words], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.slow
def test_a_command_loads_its_own_file_alone() -> None:
    assert loaded("schema", "--help") == ["schema"]
    assert loaded("exec", "--", "show") == ["exec"]


@pytest.mark.slow
def test_the_list_of_commands_loads_none_of_them() -> None:
    assert loaded("--help") == []


def test_the_list_says_of_each_what_its_own_help_begins_with() -> None:
    for name, row in COMMANDS.items():
        found = getattr(importlib.import_module(f"energyprof.cli.{row.file}"), row.function)
        text = found.info.help if isinstance(found, typer.Typer) else found.__doc__
        assert " ".join(text.split("\n\n")[0].split()) == row.does, name


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("shwo", "report.json")])
def test_where_no_command_is_named_all_are_known(words: tuple[str, ...]) -> None:
    assert loaded(*words) == list(COMMANDS)


def test_the_help_lists_every_command_in_its_group(command: Command) -> None:
    listed = command("--help").stdout
    groups = listed.split("─ ")[2:]
    under = {group.partition(" ─")[0]: group for group in groups}
    assert [name for name, row in COMMANDS.items() if f" {name} " not in under[row.group]] == []


@pytest.mark.slow
def test_the_version_names_the_commit_and_the_schema(command: Command) -> None:
    commit = r"commit ([0-9a-f]{12}(, changed since)?|not known)"
    said = command("--version").stdout
    assert re.fullmatch(rf"energyprof [0-9.]+, {commit}, writes energyprof\.report/2\n", said), said


# As the console script has it: a shell completes by the program's name.
INSTALLED = "import sys; sys.argv[0] = 'energyprof'; from energyprof.cli import main; main()"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "found"), [("energyprof att", "attach"), ("energyprof attach --fo", "--for")]
)
def test_a_shell_completes_commands_and_options(command: Command, typed: str, found: str) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    done = subprocess.run(
        [sys.executable, "-c", INSTALLED],
        env=command.environment(_ENERGYPROF_COMPLETE="complete_bash", **words),
        capture_output=True,
        text=True,
        check=False,
    )
    assert found in done.stdout.split(), done.stderr


@pytest.mark.slow
def test_the_completion_can_be_installed(command: Command) -> None:
    assert "--install-completion" in command("--help").stdout
    # Typer asks which shell it was started from, and a test may be from none: then it takes what it is told.
    told = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    shown = command.anew("--show-completion", "bash", environment=told)
    assert "complete -o default -F" in shown.stdout, shown.stderr


@pytest.mark.slow
def test_what_is_said_of_an_installed_completion_is_plain_on_a_terminal(command: Command) -> None:
    told = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1", "HOME": str(command.folder), "TERM": "xterm"}
    ours, its = pty.openpty()
    code = [sys.executable, "-c", INSTALLED, "--install-completion", "bash"]
    done = subprocess.run(code, env=command.environment(**told), stdout=its, stderr=its, check=False)
    os.close(its)
    said = os.read(ours, 10_000).decode()
    os.close(ours)
    assert done.returncode == 0 and "bash completion installed in " in said and "[" not in said, said


@pytest.mark.slow
@pytest.mark.parametrize(("words", "code"), [(("one.json",), 0), (("gone.json",), 2)])
def test_a_command_that_is_left_at_once_says_all_and_exits_as_ever(
    command: Command, words: tuple[str, ...], code: int
) -> None:
    write(report([run()]), command.folder / "one.json")
    ends = f"import atexit; atexit.register(print, 'last words'); {INSTALLED}"
    done = subprocess.run(
        [sys.executable, "-c", ends, "compare", *words],
        cwd=command.folder,
        env=command.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert done.stdout.endswith("last words\n")
    assert ("energy to target" in done.stdout) == (code == 0)
    assert ("gone.json: cannot be read" in done.stderr) == (code == 2)


# What draws, what reads options, and what few trainings need, of ours and of Python's.
UNNEEDED = {
    *("typer", "click", "rich"),
    *("energyprof.profile.lever_journal", "energyprof.profile.levers", "energyprof.measure.levers"),
    *("energyprof.profile.scan_plan", "energyprof.profile.nodes.meeting", "energyprof.trace.join"),
    *("concurrent.futures", "logging", "platform", "statistics"),
}


@pytest.mark.slow
def test_the_profiler_of_measure_loads_nothing_that_it_does_not_need() -> None:
    code = f"import sys, energyprof.cli.for_program; print(sorted({UNNEEDED} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("words", [(), ("4242",), ("{}",), ("[1]",), ('{"pid": 1', "x")])
def test_who_types_the_word_that_starts_it_is_told_what_to_type(
    command: Command, words: tuple[str, ...]
) -> None:
    done = command("for-program", *words)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "energyprof attach PID" in done.stderr


def every_command(found: Any = None, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The words that lead to each command, and the command."""
    found = found or typer.main.get_command(application())
    for name, inner in found.commands.items():
        yield (*above, name), inner
        if hasattr(inner, "commands"):
            yield from every_command(inner, (*above, name))


@pytest.mark.slow
@pytest.mark.parametrize("columns", [60, 80])
def test_the_help_of_a_command_shows_all_of_it_at_any_width(columns: int) -> None:
    for words, found in every_command():
        shown = warm.run(["-m", "energyprof", *words, "--help"], {"COLUMNS": str(columns)}).stdout
        above = shown.partition("╭")[0]
        for paragraph in paragraphs(found.help):
            if as_typed(paragraph):
                lines = [line.strip() for line in paragraph.splitlines()]
                assert columns == 60 or set(lines) <= {line.strip() for line in above.splitlines()}, words
                continue
            # It flows: each line takes what the next one's first word leaves no room for.
            flowing = next(
                part for part in re.split(r"\n *\n", above) if paragraph[:30] in " ".join(part.split())
            )
            assert " ".join(flowing.split()) == paragraph, words
            lines = [line.strip() for line in flowing.strip().splitlines()]
            ends = [len(line) + 1 + len(after.split()[0]) for line, after in pairwise(lines)]
            assert all(end > columns - 2 for end in ends), (words, lines)
        named = {option for parameter in found.params for option in parameter.opts if option[:2] == "--"}
        if columns == 80:
            assert named <= set(re.findall(r"--[\w-]+", shown)), words


@pytest.mark.slow
def test_the_list_is_the_same_asked_for_or_not(command: Command) -> None:
    asked, unasked = command("--help").stdout, command().stdout
    assert "study" in asked and asked.split() == unasked.split()


@pytest.mark.slow
def test_a_misspelt_command_is_told_once_what_was_meant(command: Command) -> None:
    assert command("shwo").stderr.count("Did you mean") == 1


@pytest.mark.parametrize(
    "words", [("run", "./train.py", "--rate", "1"), ("ab", "run ./train.py --rate 1", "run ./train.py")]
)
def test_an_option_of_the_script_is_told_where_it_belongs(command: Command, words: tuple[str, ...]) -> None:
    said = " ".join(command(*words).stderr.replace("│", " ").split())
    assert "those of the script itself come after `--`, as in ./train.py -- --rate." in said
    assert "itself" not in command("run", "unet", "--rate", "1").stderr
