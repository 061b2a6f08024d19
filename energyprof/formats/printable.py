"""Text from reports and files that other people wrote, as it may be shown."""

from __future__ import annotations

import re
from functools import partial


class WorkflowCommand(str):
    """A line of ours that the CI is to take for a command; that of anybody else is text."""


def printable(text: str, keep: str = "") -> str:
    """``text`` with a question mark for each control character, but for those in ``keep``.

    A report from elsewhere must not control the terminal, nor end the line it stands in; and XML 1.0 cannot
    hold control characters, not even escaped (section 2.2).
    """
    bare = text
    for kept in keep:
        bare = bare.replace(kept, "")
    if bare.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else "?" for c in text)


def disarmed(text: str, begun: str = "") -> str:
    """``text`` in which no CI finds a command; ``begun`` is how its first line begins, already shown.

    GitHub takes a line for a command that begins with ``::`` after blanks, or has ``##[`` anywhere
    (actions/runner, ActionCommand.cs); Azure
    looks anywhere for ``##vso[`` (azure-pipelines-agent, Command.cs), TeamCity for ``##teamcity[``.
    """
    whole = begun + text
    if "::" not in whole and "##" not in whole:
        return text
    return _COMMANDS.sub(r"\g<0> ", whole)[len(begun) :]


# A command up to where a blank makes it none. Before "::" our own colours may stand.
_COMMANDS = re.compile(r"^(?:[^\S\n]|\x1b\[[0-9;]*m)*:(?=:)|##\w{0,16}(?=\[)", re.MULTILINE)


def json_escaped(text: str, encoding: str = "ascii") -> str:
    """The same data as the JSON ``text``: no control characters, no commands to a CI, all in ``encoding``.

    Outside of its strings JSON has none of them.
    """
    return _DOUBTFUL.sub(partial(_escaped, encoding), text)


_DOUBTFUL = re.compile(r"[^\n -~]|(?<=#)#")


def _escaped(encoding: str, match: re.Match[str]) -> str:
    if match[0] != "#" and match[0].isprintable():
        try:
            match[0].encode(encoding)
            return match[0]
        except UnicodeEncodeError:
            pass
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
