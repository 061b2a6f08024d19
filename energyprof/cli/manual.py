"""The manual, man(7), from the help of all commands: ``energyprof --man | man -l -``."""

from __future__ import annotations

import inspect
from typing import Any

import typer

from energyprof.cli.usage import as_typed, paragraphs

# Sections in the order of man-pages(7).
_PAGE = """.TH ENERGYPROF 1 "" "energyprof {version}" "User Commands"
.nh
.ad l
.SH NAME
energyprof \\- {name}
.SH SYNOPSIS
.B energyprof
.RI [ OPTIONS ]
.I COMMAND
.RI [ ARGS ]...
.SH DESCRIPTION
{description}
.SH OPTIONS
{options}
.SH COMMANDS
{commands}
"""


def manual(app: typer.Typer, version: str) -> str:
    """The page of ``app`` and its commands, each with its arguments and options, as troff source."""
    group: Any = typer.main.get_command(app)
    context = group.make_context("energyprof", [], resilient_parsing=True)
    said = inspect.cleandoc(group.help)
    first = said.partition("\n")[0].rstrip(".")
    return _PAGE.format(
        version=version,
        name=_escaped(first[0].lower() + first[1:]),
        description=_paragraphs(said),
        options=_options(group, context),
        commands="\n".join(_command(group.commands[name], context, name) for name in group.commands),
    )


def _command(command: Any, parent: Any, name: str) -> str:
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    usage = " ".join(command.collect_usage_pieces(context))
    parts = [
        f".SS {_escaped(_words(context))}",
        f".B {_escaped('energyprof ' + _words(context))}",
        _escaped(usage),
        ".PP",
        _paragraphs(inspect.cleandoc(command.help or "")),
        _options(command, context),
    ]
    inner = getattr(command, "commands", {})
    return "\n".join([*filter(None, parts), *(_command(inner[word], context, word) for word in inner)])


def _words(context: Any) -> str:
    """The words that lead to a command: "study run"."""
    above = context.parent
    return context.info_name if above.parent is None else f"{_words(above)} {context.info_name}"


def _options(command: Any, context: Any) -> str:
    # What is in every help is told once, at the top.
    known = [parameter for parameter in command.get_params(context) if parameter.name != "help"]
    records = [record for parameter in known if (record := parameter.get_help_record(context))]
    return "\n".join(f".TP\n.B {_escaped(words)}\n{_escaped(told)}" for words, told in records)


def _paragraphs(text: str) -> str:
    return "\n.PP\n".join(_typed(part) if as_typed(part) else _escaped(part) for part in paragraphs(text))


def _typed(part: str) -> str:
    """Lines as they stand, indented."""
    lines = (_escaped(line) for line in inspect.cleandoc("\n" + part).splitlines())
    return "\n".join([".nf", ".RS 2", *lines, ".RE", ".fi"])


def _escaped(text: str) -> str:
    """The text, read by troff as no request, escape or hyphen (man-pages(7), groff_char(7))."""
    plain = text.replace("\\[", "[").strip()  # rich's escape of its own markup
    escaped = plain.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga").replace("'", "\\(aq")
    return "\\&" + escaped if escaped.startswith(".") else escaped
