"""Watches what a judged program must not reach: the other side's checkout, this code, the runner's files.

The program runs as the same user, so no permission holds it back from them. What it does there is found, and
then there is no verdict: whoever tries gains nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import energyprof
from energyprof.errors import Tampered
from energyprof.profile.untouched import Untouched, UntouchedCode
from energyprof.profile.withheld import Channels


class Guard:
    """Looks after each run at what that run was not to change."""

    def __init__(self, channels: Channels, private: Mapping[str, Path | None]) -> None:
        """``private``: for each side the folder that no run of another may change; ``None``: it has none."""
        self._channels = channels
        self._code = UntouchedCode(Path(energyprof.__file__).parent)
        self._private = {side: Untouched(folder) for side, folder in private.items() if folder is not None}

    def ran(self, side: str) -> None:
        """Look at what a run of ``side`` has done.

        Raises:
            Tampered: it has changed what it must not.
        """
        if written := self._channels.restore():
            raise Tampered(
                f"{', '.join(written)}: the program that is judged wrote there; that is taken out again, and "
                "there is no verdict"
            )
        self._code.check()
        for other, folder in self._private.items():
            if other == side:
                folder.renew()
            else:
                folder.check()
