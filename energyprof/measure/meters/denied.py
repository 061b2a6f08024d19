"""The kernel's files that this user may not read, and the command that opens them."""

from __future__ import annotations

import errno
from collections.abc import Iterable

from energyprof.errors import MeterError

# Counters of energy give secrets away, so the kernel closes them: CVE-2020-8694 is of Intel, this one of AMD.
SIDE_CHANNEL = "; reopens the side channel CVE-2020-12912 to local users"


def denied_file(error: MeterError) -> str:
    """The file that may not be read; "" where something else is wrong with the reading.

    A file that refuses with EPERM is open: its driver will not wake a card that sleeps.
    """
    cause = error.__cause__
    if not isinstance(cause, OSError) or cause.errno != errno.EACCES or cause.filename is None:
        return ""
    return str(cause.filename)


def opening(errors: Iterable[MeterError]) -> str:
    """What opens the files behind these errors until the next boot; "" where no permission is missing."""
    files = list(dict.fromkeys(filter(None, map(denied_file, errors))))
    if not files:
        return ""
    counters = any(file.rpartition("/")[2].startswith("energy") for file in files)
    return f"sudo chmod a+r {' '.join(files)}  # until the next boot{SIDE_CHANNEL if counters else ''}"
