"""Processes that start as those of an installed program do: with the bytecode that an installation writes."""

from __future__ import annotations

import os


def environment() -> dict[str, str]:
    """This process's, in which Python keeps what it compiles.

    Where it may not, as in many containers, a checkout compiles all that it loads at every start: 0.1 s more.
    Before the first process that counts comes one that compiles.
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
