"""A fake ``ipmitool`` on the PATH: says what it is told to, and writes down how it was called."""

from __future__ import annotations

import time
from pathlib import Path

# As ipmitool 1.8.19 prints it.
READING = """
    Instantaneous power reading:              {watts:8} Watts
    Minimum during sampling period:                  4 Watts
    Maximum during sampling period:                771 Watts
    Average power reading over sample period:      205 Watts
    IPMI timestamp:                           Sun Mar  6 15:13:42 2022
    Sampling period:                          00123893 Seconds.
    Power reading state is:                   {state}

"""

SCRIPT = """#!/bin/sh
cd {folder}
printf '%s\\n' "$*" >> calls
printf '%s\\n' "$IPMITOOL_PASSWORD $IPMI_PASSWORD" > password
echo $$ > pid
if [ -e hang ]; then exec sleep 600; fi
cat stdout
cat stderr >&2
exit $(cat code)
"""


class Ipmitool:
    """One fake; ``path`` goes on the PATH."""

    def __init__(self, folder: Path) -> None:
        """It answers 342 W at first."""
        self.path = folder / "bin"
        self.path.mkdir(parents=True)
        program = self.path / "ipmitool"
        program.write_text(SCRIPT.format(folder=self.path))
        program.chmod(0o755)
        self.shows(342)

    def shows(self, watts: int, state: str = "activated") -> None:
        self.says(READING.format(watts=watts, state=state))

    def says(self, stdout: str, stderr: str = "", code: int = 0) -> None:
        (self.path / "hang").unlink(missing_ok=True)
        (self.path / "stdout").write_text(stdout)
        (self.path / "stderr").write_text(stderr)
        (self.path / "code").write_text(str(code))

    def hangs(self) -> None:
        (self.path / "hang").touch()

    @property
    def calls(self) -> list[str]:
        return (self.path / "calls").read_text().splitlines()

    @property
    def password(self) -> str:
        return (self.path / "password").read_text().strip()

    @property
    def pid(self) -> int:
        """Of the call that hangs, as soon as it has said so."""
        while not (text := (self.path / "pid").read_text()).endswith("\n"):
            time.sleep(0.01)
        return int(text)
