"""The frame of every page: what a browser may load, which is nothing, and how it looks."""

from __future__ import annotations

import re
from collections.abc import Iterable

from energyprof import __version__
from energyprof.formats.html.style import CSS
from energyprof.formats.html.tags import Markup, join, paragraph, tag, text

# Nothing is loaded, whatever a report holds: the browser refuses.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def document(
    title: str, header: Iterable[Markup], sections: Iterable[Markup], data: Markup, scripts: str = ""
) -> str:
    """A whole page; ``header`` follows its title, ``data`` is for programs that read it.

    ``scripts``: the digests of those that the browser may run; without any it runs none.
    """
    policy = f"{_POLICY}; script-src {scripts}" if scripts else _POLICY
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", text(title)),
        tag("style", Markup(CSS)),
    )
    body = tag(
        "body",
        tag("header", tag("h1", text(title)), *header),
        tag("main", join(sections)),
        tag("footer", paragraph(f"Made by energyprof {__version__} from the reports alone.")),
        data,
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def data_block(name: str, json_text: str) -> Markup:
    """JSON within the page; it contains no ``<``, so nothing in it can close the element."""
    data = re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", json_text)
    return Markup(f'<script type="application/json" id="{name}">{data}</script>')
