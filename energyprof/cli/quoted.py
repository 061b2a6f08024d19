"""A ``run …`` or ``exec …`` that another command is given: what it asks to train, read without running it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import Any

import typer

from energyprof.cli.application import application
from energyprof.cli.exec import program_request
from energyprof.cli.options import given
from energyprof.cli.run import training_request
from energyprof.errors import UsageError
from energyprof.profile.request import TrainingRequest
from energyprof.settings import MEASURING, SETTINGS

READERS: dict[str, Callable[[typer.Context], TrainingRequest]] = {
    "run": training_request,
    "exec": program_request,
}
# What is trained. All other options say how it is measured and shown: one thing for all commands given.
ITS_OWN = {
    *("workload", "arguments", "python", "command", "name", "lever"),
    *(row.name for row in SETTINGS if row.panel != MEASURING),
}


def commands(words: Sequence[str]) -> list[list[str]]:
    """The commands in ``words``: one written out, or each in quotes.

    Raises:
        UsageError: a command is neither ``run`` nor ``exec``, or a quote is not closed.
    """
    if words and words[0] in READERS:
        return [list(words)]
    found = []
    for word in words:
        try:
            parts = shlex.split(word)
        except ValueError as error:
            raise UsageError(f"{word}: {error}") from None
        if not parts or parts[0] not in READERS:
            raise UsageError(
                f"{word}: is not a command that trains; write run … or exec …, in quotes if there are two"
            )
        found.append(parts)
    return found


def asked(words: Sequence[str]) -> TrainingRequest:
    """What the command in ``words`` asks to train, by the rules of that command itself.

    Raises:
        UsageError: it is invalid, or has an option that belongs to both sides.
    """
    name, *rest = words
    group: Any = typer.main.get_command(application([name]))
    command = group.commands[name]
    context = command.make_context(f"energyprof {name}", rest)
    names = given(context)
    options = [option.opts[0] for option in command.params if option.name in names - ITS_OWN]
    if options:
        raise UsageError(
            f"{', '.join(options)}: is the same for both sides; "
            f"give it to ab or aa, before {name}, if they have it"
        )
    return READERS[name](context)
