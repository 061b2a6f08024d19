"""A ``run …`` or ``exec …`` that another command is given: what it asks to train, read without running it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import typer

from energyprof.cli.application import application
from energyprof.cli.exec import program_request
from energyprof.cli.options import given
from energyprof.cli.run import training_request
from energyprof.cli.usage import Refused, advise
from energyprof.errors import UsageError
from energyprof.profile.request import TrainingRequest
from energyprof.settings import MEASURING, SETTINGS

READERS: dict[str, Callable[[typer.Context], TrainingRequest]] = {
    "run": training_request,
    "exec": program_request,
}
# What is trained. All other options say how it is measured and shown: one thing for all commands given.
ITS_OWN = frozenset(
    (
        *("workload", "arguments", "python", "command", "name", "lever"),
        *(row.name for row in SETTINGS if row.panel != MEASURING),
    )
)
# And what is measured of it once it is trained: inference, parts.
AND_AFTERWARDS = ITS_OWN.union(row.name for row in SETTINGS)
# What to do with an option that is none of these; ``{name}`` is the command's.
OF_BOTH_SIDES = "is the same for both sides; give it to ab or aa, before {name}, if they have it"
OF_ALL_CELLS = "is the same for all trainings of a study; leave it out, or give it to study run"
OF_TUNE = "is none of tune, which trains until there are enough windows: leave it out"


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


def asked(
    words: Sequence[str], its_own: AbstractSet[str] = ITS_OWN, instead: str = OF_BOTH_SIDES
) -> TrainingRequest:
    """What the command in ``words`` asks to train, by the rules of that command itself.

    Of its options only ``its_own`` are taken; ``instead`` says where any other belongs.

    Raises:
        UsageError: it is invalid, or has an option that belongs elsewhere.
    """
    context = read(words)
    command, names = context.command, given(context)
    options = [option.opts[0] for option in command.params if option.name in names - its_own]
    if options:
        raise UsageError(f"{', '.join(options)}: {instead.format(name=words[0])}")
    return READERS[words[0]](context)


def read(words: Sequence[str]) -> typer.Context:
    """The command in ``words`` as typer reads it.

    Raises:
        UsageError: an option is unknown, misses its value or cannot have that one.
    """
    name, *rest = words
    group: Any = typer.main.get_command(application([name]))
    try:
        context: typer.Context = group.commands[name].make_context(f"energyprof {name}", rest)
    except Refused as error:
        advise(error, words)
        raise UsageError(f"{' '.join(words)}: {error.format_message()}") from None  # type: ignore[attr-defined]
    return context
