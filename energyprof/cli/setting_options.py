"""The table of training settings as options of a command."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Optional

import typer

from energyprof.settings import Range, Setting, Settings, rows

# What --breakdown takes beside seconds: the blocks of the network in place of the parts of a step.
MODULES = "modules"


def _seconds_or_modules(words: str) -> Any:
    """Seconds, or a word as it is: what no setting can be is refused with the others."""
    try:
        return float(words)
    except ValueError:
        return words


def with_settings(
    places: Mapping[str, str], kind: type[Settings] = Settings
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator that makes of a command's ``**settings`` an option for each row of the table.

    ``places`` orders the help: from which row on they stand ahead of which of the command's own options.
    """

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        ahead: dict[str, list[inspect.Parameter]] = defaultdict(list)
        place = ""
        for row in rows(kind):
            place = places.get(row.name, place)
            ahead[place].append(_parameter(row))
        parameters = [
            parameter
            for own in signature.parameters.values()
            if own.kind is not inspect.Parameter.VAR_KEYWORD
            for parameter in (*ahead[own.name], own)
        ]
        command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return command

    return decorated


def _parameter(row: Setting) -> inspect.Parameter:
    # No plan refuses what a script gets, so the command line does.
    at_least = row.accepts.at_least if row.scripts is int and isinstance(row.accepts, Range) else None
    option = typer.Option(
        row.default,
        row.option,
        metavar=row.metavar,
        help=row.help,
        rich_help_panel=row.panel,
        min=at_least,
        parser=_seconds_or_modules if row.name == "breakdown_s" else None,
    )
    kind = row.scripts or row.kind
    hint = Optional[kind] if row.default is None else kind  # noqa: UP045 - a type that only the table knows
    return inspect.Parameter(
        row.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=option, annotation=hint
    )
