"""A hook of mkdocs: the theme's one script from elsewhere is ours, so that the pages need no network."""

from __future__ import annotations

from typing import Any

ELSEWHERE = "https://unpkg.com/iframe-worker/shim"


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """The page with the script that lies beside it."""
    return output.replace(ELSEWHERE, "assets/iframe-worker.js")


def on_post_template(output_content: str, template_name: str, **_: Any) -> str:
    """The same of pages that no Markdown stands behind, such as 404.html."""
    return output_content.replace(ELSEWHERE, "assets/iframe-worker.js")
