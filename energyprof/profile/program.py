"""Any program as work: what its command line stands for, and where it lies."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from energyprof.errors import UsageError
from energyprof.report.record import WorkloadRecord
from energyprof.workload import content_id

# Programs that run another one, and how the names of scripts end.
_INTERPRETER = re.compile(r"(python|pypy)[\d.]*|bash|sh|julia|Rscript")
_LAUNCHERS = ("torchrun", "accelerate", "deepspeed", "mpirun", "mpiexec", "srun", "jsrun")
_SCRIPTS = (".py", ".sh", ".jl", ".R")


def work_of(command: Sequence[str], name: str | None) -> WorkloadRecord:
    """What makes two runs of a program the same work: its command line.

    What it is to achieve nobody knows, unless the user gave it a ``name``.
    """
    text = json.dumps(list(command))
    readable = [readable_text(word) for word in command]
    return WorkloadRecord(
        readable_text(name) if name else called(readable),
        None,
        content_id({"program": readable_text(name)}) if name else "",
        "sha256:" + hashlib.sha256(text.encode()).hexdigest(),
        {"command": readable},
        None,
    )


def label_of(command: Sequence[str], name: str | None) -> str:
    """What its report is called."""
    return name or called(command)


def called(command: Sequence[str]) -> str:
    """What people call it: the ``train.py`` that an interpreter or a launcher is to run, else the program."""
    program = Path(command[0]).name
    if not _INTERPRETER.fullmatch(program) and program not in _LAUNCHERS:
        return program
    interpreter = False
    for word, following in pairwise((*command, "")):
        interpreter = interpreter or _INTERPRETER.fullmatch(Path(word).name) is not None
        if interpreter and word == "-c":
            break
        if interpreter and word == "-m" and following:
            return following
        if word.endswith(_SCRIPTS) and not word.startswith("-"):
            return Path(word).name
    return program


def readable_text(word: str) -> str:
    """A word of a command line as text: what is not UTF-8 as ``\\xff``."""
    return os.fsencode(word).decode("utf-8", "backslashreplace")


def by_its_interpreter(path: str) -> str:
    """What to type for a script that cannot be started by itself."""
    return f"name what runs it: {'python' if path.endswith('.py') else 'sh'} {shlex.quote(path)}"


def full_path(name: str) -> str:
    """The program's full path; looked up first, so that nothing is written for a slip of the finger."""
    found = shutil.which(name)
    if found is None and os.path.isfile(name):
        advice = f"{by_its_interpreter(name)}, or make it so: chmod +x {shlex.quote(name)}"
        raise UsageError(f"{name}: is not executable; {advice}")
    if found is None:
        problem = "is a folder" if os.path.isdir(name) else "there is no such program"
        raise UsageError(f"{name}: {problem}; check the name and the PATH")
    return os.path.abspath(found)  # not resolved: a virtual environment's python is a link
