"""Any program as work: what its command line stands for, and where it lies."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from energyprof.errors import UsageError
from energyprof.report.record import WorkloadRecord
from energyprof.workload import content_id


def work_of(command: Sequence[str], name: str | None) -> WorkloadRecord:
    """What makes two runs of a program the same work: its command line.

    What it is to achieve nobody knows, unless the user gave it a ``name``.
    """
    text = json.dumps(list(command))
    readable = [readable_text(word) for word in command]
    return WorkloadRecord(
        readable_text(name) if name else Path(readable[0]).name,
        None,
        content_id({"program": readable_text(name)}) if name else "",
        "sha256:" + hashlib.sha256(text.encode()).hexdigest(),
        {"command": readable},
        None,
    )


def label_of(command: Sequence[str], name: str | None) -> str:
    """What its report is called."""
    return name or Path(command[0]).name


def readable_text(word: str) -> str:
    """A word of a command line as text: what is not UTF-8 as ``\\xff``."""
    return os.fsencode(word).decode("utf-8", "backslashreplace")


def full_path(name: str) -> str:
    """The program's full path; looked up first, so that nothing is written for a slip of the finger."""
    found = shutil.which(name)
    if found is None:
        problem = "is not executable" if os.path.exists(name) else "there is no such program"
        raise UsageError(f"{name}: {problem}; check the name and the PATH")
    return os.path.abspath(found)  # not resolved: a virtual environment's python is a link
