"""What a reader of the user's data does not foresee, in one line: the files are not ours.

The readers are part of a workload's work, and name file and line of what they know. This is for the rest:
names that no system takes, a disk that fails, tables and JSON beyond what Python's own readers take.
"""

import contextlib
import csv
from typing import Iterator, Optional

from energyprof.workload import WorkloadError

SHOWN = 80  # characters of a name


@contextlib.contextmanager
def one_line(data: Optional[str]) -> Iterator[None]:
    """Turn what Python's readers raise on the user's ``data`` into one line; without any, a bug stays one.

    Raises:
        WorkloadError: that line.
    """
    try:
        yield
    except (OSError, csv.Error, RecursionError, UnicodeError) as error:
        if data is None:
            raise
        named = getattr(error, "filename", None)
        where = "a file" if named is None else str(named)
        where = where if len(where) <= SHOWN else where[:SHOWN] + "…"
        why = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise WorkloadError(f"--data {data}: {where} cannot be read ({why}): check it") from error
