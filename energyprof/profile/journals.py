"""Where the journals of levers lie: what is in them is read where there are any."""

from __future__ import annotations

import os
from pathlib import Path

from energyprof.errors import FileError

STATE_VARIABLE = "ENERGYPROF_STATE"


def own_folder() -> Path:
    """Where this user's journals lie.

    Raises:
        FileError: nobody knows where this user is at home.
    """
    if asked := os.environ.get(STATE_VARIABLE):
        return Path(asked) / "levers"
    if os.geteuid() == 0:
        return Path("/var/lib/energyprof/levers")
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    try:
        return Path(state).expanduser() / "energyprof/levers"
    except RuntimeError:
        raise FileError(f"{state}: this user has no home; set {STATE_VARIABLE}") from None


def left() -> list[Path]:
    """The journals of runs of this user, dead ones or going on.

    None where this user may not look, as in a home of another: it has written none there.
    """
    try:
        folder = own_folder()
        names = sorted(os.listdir(folder))
    except (OSError, FileError):
        return []
    # One that has not got its name is of a run that had turned nothing yet.
    return [folder / name for name in names if name.endswith(".new" if name[0] == "." else ".json")]
