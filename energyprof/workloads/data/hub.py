"""Names on the Hugging Face hub, which only a user's own wish makes reachable."""

import contextlib
import os
import re
from pathlib import Path
from typing import Iterator, Optional

from energyprof.workload import WorkloadError

NAME = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)
FILES = (".csv", ".jsonl", ".json", ".parquet", ".tsv", ".txt", ".safetensors", ".bin")


def name(wanted: str, kinds: str) -> Optional[str]:
    """``wanted`` if it is a name on the hub, ``None`` if it is a path here; ``kinds`` says what it may be.

    Raises:
        WorkloadError: nothing lies there, and no name looks like that.
    """
    if wanted and Path(wanted).exists():
        return None
    if NAME.fullmatch(wanted) and not wanted.startswith(".") and Path(wanted).suffix not in FILES:
        return wanted
    raise WorkloadError(f"{wanted!r} is not there: give {kinds}")


def named(wanted: Optional[str]) -> bool:
    """Whether the user has named something on the hub, so that it may be fetched from there.

    Raises:
        WorkloadError: nothing lies there, and no name looks like that.
    """
    return wanted is not None and name(wanted, "what lies here, or a name on the hub") is not None


def quiet(offline: bool) -> None:
    """No progress bars or telemetry, ``offline`` no network: call it before the hub's library is imported."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    if offline:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")


@contextlib.contextmanager
def one_line(wanted: str) -> Iterator[None]:
    """Turn what the hub's libraries raise into one line.

    Raises:
        WorkloadError: that line.
    """
    try:
        yield
    except WorkloadError:
        raise
    except Exception as error:  # they raise their own, their transport's and their parsers' errors
        reason = (str(error).splitlines() or ["?"])[0][:100]
        raise WorkloadError(f"{wanted} cannot be loaded ({type(error).__name__}: {reason})") from error
