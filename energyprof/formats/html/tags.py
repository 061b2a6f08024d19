"""HTML from Python: everything a report says is escaped, and mypy checks that."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import NewType

from energyprof.formats.printable import printable

# Text that is already HTML. Only `text`, `tag` and what is made of them qualify; a plain string does not.
Markup = NewType("Markup", str)

_EMPTY = frozenset({"meta", "col", "path", "rect", "polygon"})


def text(words: object) -> Markup:
    """``words`` as text, without markup and without control characters."""
    shown = printable(str(words), keep="\n")
    return Markup(html.escape(shown, quote=True))


def tag(name: str, /, *children: Markup, **attributes: object) -> Markup:
    """An element; ``class_`` is the attribute class, and an underscore in a name becomes a hyphen."""
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _EMPTY:
        return Markup(f"<{name}{pairs}/>")
    return Markup(f"<{name}{pairs}>{''.join(children)}</{name}>")


def join(parts: Iterable[Markup]) -> Markup:
    """The parts one after another, a line each."""
    return Markup("\n".join(parts))


def paragraph(words: str, class_: str = "note") -> Markup:
    """A line of text."""
    return tag("p", text(words), class_=class_)


def table(head: Iterable[str], rows: Iterable[Iterable[Markup]], class_: str | None = None) -> Markup:
    """A table whose first column names its rows; on a narrow screen it scrolls within itself."""
    heads = tag("tr", *(tag("th", text(cell), scope="col") for cell in head))
    body = []
    for row in rows:
        name, *cells = row
        body.append(tag("tr", tag("th", name, scope="row"), *(tag("td", cell) for cell in cells)))
    made = tag("table", tag("thead", heads), tag("tbody", *body), class_=class_)
    return tag("div", made, class_="wide", tabindex=0)


def numbers(head: Iterable[str], rows: Iterable[Iterable[str]], of: str = "The numbers") -> Markup:
    """The figures of a drawing as a table that unfolds: for those who cannot see it, and for copying."""
    shown = table(head, ([text(cell) for cell in row] for row in rows))
    return tag("details", tag("summary", text(of)), shown)


def section(title: str, *parts: Markup) -> Markup:
    """A part of the page with its heading."""
    return tag("section", tag("h2", text(title)), *parts)
