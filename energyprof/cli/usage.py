"""What typer says of words that it does not understand."""

from __future__ import annotations

from typing import Any, cast

import typer
from typer.core import TyperGroup

from energyprof.formats.printable import printable

# The root of all that it raises of words, and the root of all refusals; typer exports only those below.
# They are click's, or in newer releases typer's own: then there is no click to import.
_UsageError = cast(type[Exception], typer.BadParameter.__mro__[1])
Refused = cast(type[Exception], typer.BadParameter.__mro__[2])


class Commands(TyperGroup):
    """All commands. A word of the user's may be another's file name: typer styles it as its own text."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that ``ctx`` names."""
        try:
            return super().invoke(ctx)
        except _UsageError as error:
            error.message = printable(str(error.message))  # type: ignore[attr-defined]
            raise

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the words name, and those that follow.

        Of two ``--`` typer takes one: a command that passes words on gets the other.
        """
        name, command, words = super().resolve_command(ctx, args)
        if command is not None and command.context_settings.get("allow_extra_args") and "--" in words:
            words.insert(words.index("--"), "--")
        return name, command, words

    def make_context(self, *words: Any, **settings: Any) -> Any:
        """What the words before the command ask for."""
        _plain_flags(self)
        try:
            return super().make_context(*words, **settings)
        except _UsageError as error:
            error.message = printable(str(error.message))  # type: ignore[attr-defined]
            raise


def _plain_flags(command: Any) -> None:
    """Newer releases of typer show a type beside every option, also beside one that takes nothing."""
    own_help = command.get_help_option(typer.Context(command))
    for option in [*command.params, own_help]:
        if getattr(option, "is_flag", False) and option.metavar is None:
            option.metavar = ""
    for inner in getattr(command, "commands", {}).values():
        _plain_flags(inner)
