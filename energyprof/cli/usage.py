"""What typer says of words that it does not understand."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Any, cast

import typer
from typer.core import TyperGroup

from energyprof.formats.printable import printable

# The root of all that it raises of words, and the root of all refusals; typer exports only those below.
# They are click's, or in newer releases typer's own: then there is no click to import.
_UsageError = cast(type[Exception], typer.BadParameter.__mro__[1])
Refused = cast(type[Exception], typer.BadParameter.__mro__[2])
# What rich would take for its own markup, and leave out: a table of a .toml file, for instance.
_MARKUP = re.compile(r"(?<!\\)\[(?=[a-z#/@])")
# Where the words of the command line lie while it is read.
_WORDS = "energyprof.words"


class Commands(TyperGroup):
    """All commands. A word of the user's may be another's file name: typer styles it as its own text."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that ``ctx`` names."""
        try:
            return super().invoke(ctx)
        except _UsageError as error:
            advise(error, ctx.meta.get(_WORDS, ()))
            raise

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the words name, and those that follow.

        Of two ``--`` typer takes one: a command that passes words on gets the other.
        """
        ctx.meta[_WORDS] = tuple(args)
        name, command, words = super().resolve_command(ctx, args)
        if command is not None and command.context_settings.get("allow_extra_args") and "--" in words:
            words.insert(words.index("--"), "--")
        return name, command, words

    def make_context(self, *words: Any, **settings: Any) -> Any:
        """What the words before the command ask for."""
        _readable(self)
        try:
            return super().make_context(*words, **settings)
        except _UsageError as error:
            advise(error, ())
            raise


def advise(error: Any, words: Sequence[str]) -> None:
    """Make what typer says of the command line ``words`` fit to print, with what it cannot know."""
    said = printable(str(error.message))
    if getattr(error, "possibilities", None):  # they follow the message, which some typers end with them, too
        said = said.partition(" Did you mean ")[0]
    script = next((word for word in words if word.endswith(".py")), None)
    option = getattr(error, "option_name", None)
    if script and words[0] != "exec" and isinstance(option, str) and said.startswith("No such option"):
        own = printable(f"{script} -- {option}")
        said = f"{said.rstrip('.')}: those of the script itself come after `--`, as in {own}."
    error.message = said


def as_typed(paragraph: str) -> bool:
    """Whether a paragraph of a help is lines to be typed, some of them indented, and does not flow."""
    return any(line[:1].isspace() for line in paragraph.splitlines())


def paragraphs(said: str) -> list[str]:
    """A help's paragraphs: each that flows in one line."""
    parts = inspect.cleandoc(said).split("\n\n")
    return [part if as_typed(part) else " ".join(part.split()) for part in parts]


def _readable(command: Any) -> None:
    """The help at any width, with all that it holds; of options that take nothing no type is shown."""
    command.help = _MARKUP.sub(r"\\[", "\n\n".join(paragraphs(command.help or "")))
    own_help = command.get_help_option(typer.Context(command))
    for option in [*command.params, own_help]:
        if getattr(option, "is_flag", False) and option.metavar is None:
            option.metavar = ""
    for inner in getattr(command, "commands", {}).values():
        _readable(inner)
