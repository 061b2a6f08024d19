"""Where this energyprof was installed from, for another machine or interpreter that is to have it, too.

No name is given to pip that a stranger could register: of what was installed from a repository or a folder it
is that address.
"""

from __future__ import annotations

import json
import re
import shlex
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import energyprof
from energyprof.profile.provenance import commit_of

PACKAGE = "energyprof"
_EXTRAS = re.compile(rf"'{PACKAGE}\[([\w,-]+)\]'")


def origin() -> dict[str, Any]:
    """What pip wrote down (PEP 610); {}: nothing, as of what came from a package index."""
    try:
        said = json.loads(metadata.distribution(PACKAGE).read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def made_from() -> str:
    """The commit as pip or git knows it; or that nobody does."""
    if commit := _text(_of_repository(origin()), "commit_id"):
        return f"commit {commit[:12]}"
    found = commit_of(Path(energyprof.__file__))
    if found is None:
        return "commit not known"
    return f"commit {found.revision[:12]}{', changed since' if found.modified else ''}"


def repository() -> tuple[str, str] | None:
    """The repository that it was installed from and its tag, branch or commit; ``None``: from none."""
    said = origin()
    there = _of_repository(said)
    revision = _text(there, "requested_revision") or _text(there, "commit_id")
    return (_text(said, "url"), revision) if revision and _text(said, "url") else None


def checkout() -> Path | None:
    """The folder with its repository, where it runs from one."""
    folder = Path(energyprof.__file__).resolve().parent.parent
    return folder if (folder / "pyproject.toml").is_file() else None


def requirement(extras: str = "") -> str:
    """What pip is to be given for this very energyprof with ``extras`` ("workloads,speech")."""
    name = f"{PACKAGE}[{extras}]" if extras else PACKAGE
    if found := repository():
        return f"{name} @ git+{found[0]}@{found[1]}"
    if folder := checkout():
        return f"{folder}[{extras}]" if extras else str(folder)
    url = urlsplit(_text(origin(), "url"))
    if url.scheme == "file" and Path(unquote(url.path)).exists():
        return f"{name} @ {url.geturl()}"
    return name  # from an index: the name is ours there


def advised(said: str) -> str:
    """A message with what pip is to be given here: where nothing is installed, our name may be a stranger's.

    Of an installed energyprof pip adds the extras alone. What building left in a checkout is no installation.
    """
    if any(found.read_text("INSTALLER") for found in metadata.distributions(name=PACKAGE)):
        return said
    return _EXTRAS.sub(lambda found: shlex.quote(requirement(found[1])), said)


def _of_repository(said: dict[str, Any]) -> dict[str, Any]:
    found = said.get("vcs_info")
    return found if isinstance(found, dict) else {}


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
