"""The kernel's files that this user may not read, and the command that opens them."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence

from energyprof.errors import MeterError
from energyprof.meter import Finding, Role, Source

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


def found_or_blocked(
    kind: str,
    role: Role,
    sources: Sequence[Source],
    errors: Sequence[MeterError],
    notes: Sequence[str],
    remedy: str = "",
) -> Finding | None:
    """What was found of a kind, of which ``errors`` keep some or all from being read; ``None``: nothing.

    ``remedy``: where nothing can be read and no permission is missing.
    """
    missing, way = tuple(map(str, errors)), opening(errors)
    if sources:
        return Finding(
            kind, role, "found", tuple(sources), remedy=way, notes=(*missing, *notes), missing=missing
        )
    if missing:
        reason = "; ".join(missing)
        return Finding(kind, role, "blocked", reason=reason, remedy=way or remedy, notes=tuple(notes))
    return None
