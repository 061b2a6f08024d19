"""Every message that the page on troubleshooting explains is still said, word for word."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from energyprof.report.flags import MEANINGS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
MESSAGES = re.findall(r"^\| `([^`]+(?:``[^`]+``[^`]*)*)` \|", PAGE, re.MULTILINE)


def said(tree: ast.AST) -> set[str]:
    """All texts of a module; what is filled in stands as "…"."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            parts = [str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values]
            found.add(re.sub("…+", "…", "".join(parts)))
    return found


@pytest.fixture(scope="module")
def texts() -> str:
    files = sorted((ROOT / "energyprof").rglob("*.py"))
    return "\n".join(sorted(set().union(*(said(ast.parse(path.read_text())) for path in files))))


def test_there_are_messages() -> None:
    assert len(MESSAGES) >= 20


@pytest.mark.slow
@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_is_still_said(message: str, texts: str) -> None:
    assert message.replace("\\|", "|") in texts


def test_flags_that_are_explained_are_flags() -> None:
    kinds = re.findall(r"^\| \*\*(\w+)\*\* \|", PAGE, re.MULTILINE)
    assert kinds and set(kinds) <= set(MEANINGS)


def test_what_is_no_text_of_the_code_is_found(texts: str) -> None:
    assert "no such message, by …" not in texts
