"""Threads and cores of the training: what it inherits from the process that starts it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from energyprof.measure.lever import Control, Lasts, Lever, LeverError, LeverFinding

ADDRESS = "process:"
# What the libraries beneath PyTorch, NumPy and others ask for how many threads to use.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
UNSET = ""


class Threads:
    """The number of threads that numerical libraries use; "" leaves it to them."""

    address = f"{ADDRESS}threads"
    lasts: Lasts = "process"

    def read(self) -> str:
        """What the variables say, one after the other: "4,,4,"."""
        return ",".join(os.environ.get(name, UNSET) for name in THREADS)

    def write(self, text: str) -> None:
        """A number for each of the variables; nothing between two commas takes it away."""
        for name, value in zip(THREADS, text.split(","), strict=True):
            if value == UNSET:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class Cores:
    """The processors that this thread, and what it starts or started, may run on."""

    address = f"{ADDRESS}cores"
    lasts: Lasts = "process"

    def __init__(self) -> None:
        self._followers: Callable[[], Iterable[int]] = tuple

    def follow(self, processes: Callable[[], Iterable[int]]) -> None:
        """From now on ask it also of all threads of ``processes()``, which run already."""
        self._followers = processes

    def read(self) -> str:
        """Their numbers: "0,1,2,3"."""
        return ",".join(map(str, sorted(os.sched_getaffinity(0))))

    def write(self, text: str) -> None:
        """Raises LeverError: none of them is there."""
        cores = {int(number) for number in text.split(",")}
        try:
            os.sched_setaffinity(0, cores)
            for thread in (thread for process in self._followers() for thread in _threads(process)):
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    os.sched_setaffinity(thread, cores)
        except OSError as error:
            raise LeverError(f"cores {text}: {error.strerror}") from None


class _ThreadCounts:
    range = "1 or more"
    rungs = ()

    def own(self, value: str) -> str:
        if not re.fullmatch(r"[1-9][0-9]{0,3}", value):
            raise ValueError("give a number of threads, 1 or more")
        return ",".join([value] * len(THREADS))

    def shown(self, text: str) -> str:
        told = list(dict.fromkeys(filter(None, text.split(","))))
        return " or ".join(told) or "not set"


class _CoreLists:
    def own(self, value: str) -> str:
        wanted = _numbers(value)
        if not wanted or not wanted <= os.sched_getaffinity(0):
            raise ValueError(f"name some of {self.range}, such as 0 or 0-1")
        return ",".join(map(str, sorted(wanted)))

    def shown(self, text: str) -> str:
        return _ranges(sorted(_numbers(text)))

    @property
    def range(self) -> str:
        return _ranges(sorted(os.sched_getaffinity(0)))

    @property
    def rungs(self) -> tuple[str, ...]:
        """The first 1, 2, 4, … of them, and all."""
        cores = sorted(os.sched_getaffinity(0))
        counts = [2**n for n in range(len(cores).bit_length()) if 2**n < len(cores)]
        return tuple(_ranges(cores[:count]) for count in (*counts, len(cores)))


def find(root: Path) -> LeverFinding:
    """Both, on every Linux."""
    threads = Lever("cpu.threads", "", Threads(), _ThreadCounts(), acts="at start")
    return LeverFinding("process", (threads, Lever("cpu.cores", "", Cores(), _CoreLists())))


def control(address: str, root: Path) -> Control:
    """Neither outlives its process. Raises LeverError."""
    raise LeverError(f"{address}: ended with its process")


def _threads(process: int) -> list[int]:
    try:
        return [int(name) for name in os.listdir(f"/proc/{process}/task")]
    except OSError:
        return []


def _numbers(text: str) -> set[int]:
    """The numbers in "0-2,5"; none if it is something else."""
    found: set[int] = set()
    for part in text.split(","):
        ends = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", part.strip())
        if ends is None:
            return set()
        found |= set(range(int(ends[1]), int(ends[2] or ends[1]) + 1))
    return found


def _ranges(numbers: list[int]) -> str:
    """The numbers in short: "0-2,5"."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)
