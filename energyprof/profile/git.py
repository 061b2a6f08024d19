"""Git, asked as a program: what it prints, or one line of why not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from energyprof.errors import UsageError

# In a hook these lead git to another tree than the folder's (git(1), "The Git Repository").
_ELSEWHERE = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"),
    *("GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"),
)
_FATAL = "fatal: "


def git(folder: Path, *words: str) -> str:
    """What git prints in ``folder``; Ctrl-C does not reach it, and no hook or monitor of files runs.

    Raises:
        UsageError: git is missing or refuses.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    command = [
        "git",
        "-C",
        str(folder),
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "core.fsmonitor=false",
        *words,
    ]
    try:
        done = subprocess.run(
            command,
            env={**environment, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
    except OSError as error:
        raise UsageError(f"git: cannot be started: {error.strerror}") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        # What it advises behind that is for people at a terminal.
        why = next((line for line in said if line.startswith(_FATAL)), said[-1])
        raise UsageError(f"git {words[0]} in {folder}: {why.removeprefix(_FATAL)}")
    return done.stdout.strip()
