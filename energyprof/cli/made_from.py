"""Which commit this energyprof was made from."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import energyprof
from energyprof.profile.provenance import commit_of


def made_from() -> str:
    """The commit as pip or git knows it; or that nobody does."""
    # PEP 610: what was installed from a repository names its commit.
    try:
        said = metadata.distribution("energyprof").read_text("direct_url.json")
        origin = json.loads(said or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        origin = {}
    version_control = origin.get("vcs_info") if isinstance(origin, dict) else None
    if isinstance(version_control, dict) and isinstance(version_control.get("commit_id"), str):
        return f"commit {version_control['commit_id'][:12]}"
    found = commit_of(Path(energyprof.__file__))
    if found is None:
        return "commit not known"
    return f"commit {found.revision[:12]}{', changed since' if found.modified else ''}"
