"""How far this machine's clock is from true time, as the program that keeps it tells: chrony, or ntpd."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from typing import NamedTuple

# Both answer from memory; one that hangs is not waited for.
TIMEOUT_S = 2.0
_SYSTEM = re.compile(r"^System time\s*: ([0-9.e+-]+) seconds (slow|fast) of NTP time", re.MULTILINE)
_ROOT = re.compile(r"^Root (delay|dispersion)\s*: ([0-9.e+-]+) seconds", re.MULTILINE)
_VARIABLE = re.compile(r"\b(stratum|offset|rootdelay|rootdisp)=([0-9.e+-]+)")


class ClockSource(NamedTuple):
    """What keeps the clock, and how it stands."""

    source: str
    ahead_s: float  # of true time
    u_s: float  # standard uncertainty (k = 1)


def clock_source() -> ClockSource | None:
    """What chrony or ntpd says; ``None``: neither is here, or it knows no true time."""
    return _told(["chronyc", "tracking"], of_chrony) or _told(["ntpq", "-c", "rv"], of_ntpq)


def of_chrony(text: str) -> ClockSource | None:
    """What ``chronyc tracking`` says.

    Its error is at most half the root delay and the root dispersion (chronyc(1), tracking): a rectangle.
    """
    found, root = _SYSTEM.search(text), dict(_ROOT.findall(text))
    if found is None or len(root) < 2 or "Not synchronised" in text:
        return None
    seconds = float(found[1])
    return _source("chrony", seconds if found[2] == "fast" else -seconds, root["delay"], root["dispersion"])


def of_ntpq(text: str) -> ClockSource | None:
    """What ``ntpq -c rv`` says, in ms; its offset is how far true time is ahead (ntpq(8), RFC 5905, A.5)."""
    said = dict(_VARIABLE.findall(text))
    if not {"offset", "rootdelay", "rootdisp"} <= said.keys() or said.get("stratum") == "16":
        return None
    delay, dispersion = (str(float(said[name]) / 1000) for name in ("rootdelay", "rootdisp"))
    return _source("ntpd", -float(said["offset"]) / 1000, delay, dispersion)


def _source(name: str, ahead_s: float, delay: str, dispersion: str) -> ClockSource | None:
    u_s = (float(dispersion) + float(delay) / 2) / math.sqrt(3)
    return ClockSource(name, ahead_s, u_s) if math.isfinite(ahead_s + u_s) and u_s >= 0 else None


def _told(command: list[str], read: Callable[[str], ClockSource | None]) -> ClockSource | None:
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
        return read(done.stdout) if done.returncode == 0 else None
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
