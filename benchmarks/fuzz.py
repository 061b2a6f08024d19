"""Broken inputs for all that energyprof reads: wire, trace, reports, files beside them, addresses, imports.

Claim: of 10⁶ inputs each is taken, or refused by one printable line; none ends in another exception, takes
longer than 2 s of processor time, or more than 200 MB.

    python benchmarks/fuzz.py -n 1000000 [--seed 0] [--jobs 2] [--target NAME] [--one NUMBER]

Inputs are made of good ones with Python's `random.Random`, from the seed, the kind and the number alone:
``--target NAME --one NUMBER`` gives the same again, prints it and lets its exception through.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from fuzzing.targets import TARGETS, isolated, problem

MOST_S, MOST_WAIT_S, MOST_BYTES = 2.0, 60.0, 200 << 20
CHUNK = 500
SHOWN = 40  # failures that are printed
TOLD = 20  # lines on how far it has come


class Work(NamedTuple):
    """Inputs of one kind, by their numbers."""

    target: str
    seed: int
    first: int
    count: int


class Failure(NamedTuple):
    """One input that was neither taken nor refused in one line."""

    target: str
    number: int
    what: str
    where: str  # the innermost line of energyprof


class TooLong(BaseException):
    """The input took more processor time than it may."""


def main() -> int:
    """Print the counts by kind and the failures; 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=10_000, metavar="N", help="inputs in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--target", choices=TARGETS, help="this kind alone")
    parser.add_argument("--one", type=int, metavar="NUMBER", help="this input of the kind alone")
    asked = parser.parse_args()
    names = [asked.target] if asked.target else list(TARGETS)
    if asked.one is not None:
        return again(names[0], asked.seed, asked.one)
    started_s = time.monotonic()
    print(f"seed {asked.seed}, {asked.n:,} inputs, {len(names)} kinds, {asked.jobs} processes")
    done: Counter[str] = Counter()
    failures: list[Failure] = []
    work = list(shares(names, asked.seed, asked.n))
    told = 0
    with multiprocessing.get_context("fork").Pool(asked.jobs, prepared, maxtasksperchild=200) as pool:
        for share, found in pool.imap_unordered(tried, work):
            done[share.target] += share.count
            failures += found
            count = done.total()
            if TOLD * count // asked.n > told:
                told = TOLD * count // asked.n
                took_s = time.monotonic() - started_s
                left_s = took_s * (asked.n - count) / count
                words = f"{count:,} inputs, {len(failures)} failures; {took_s:.0f} s, {left_s:.0f} s to go"
                print(words, file=sys.stderr, flush=True)
    for name in names:
        bad = sum(failure.target == name for failure in failures)
        print(f"{name:15} {done[name]:9,} inputs {bad:6,} failures")
    kinds = Counter((failure.target, failure.what.partition(":")[0], failure.where) for failure in failures)
    for (target, what, where), count in kinds.most_common(SHOWN):
        alike = (f for f in failures if (f.target, f.where) == (target, where) and f.what.startswith(what))
        first = next(alike)
        print(f"{count:6} × {first.what[:300]} ({where}): --target '{target}' --one {first.number}")
    count, took_s = sum(done.values()), time.monotonic() - started_s
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = used.ru_utime + used.ru_stime
    print(f"{count:,} inputs, {len(failures):,} failures, {took_s:.0f} s, {cpu_s:.0f} s of processor time")
    return 1 if failures or count < asked.n else 0


def shares(names: list[str], seed: int, count: int) -> Iterator[Work]:
    """The inputs in pieces, as many of each kind but for the rest."""
    for place, name in enumerate(names):
        own = count // len(names) + (place < count % len(names))
        for first in range(0, own, CHUNK):
            yield Work(name, seed, first, min(CHUNK, own - first))


def made(target: str, seed: int, number: int) -> bytes:
    """The input."""
    return TARGETS[target].make(random.Random(f"{seed} {target} {number}"))


def prepared() -> None:
    """A process that tries inputs: no network, no more memory than it has and what an input may take."""
    isolated()
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MOST_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
    signal.signal(signal.SIGPROF, too_long)
    signal.signal(signal.SIGALRM, too_long)
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


def too_long(number: int, frame: object) -> None:
    """End what takes too long."""
    raise TooLong(signal.Signals(number).name)


def tried(work: Work) -> tuple[Work, list[Failure]]:
    """The failures among these inputs."""
    failures = []
    root = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="energyprof-fuzz-", dir=root) as base:
        folder = Path(base, "one")
        for number in range(work.first, work.first + work.count):
            content = made(work.target, work.seed, number)
            folder.mkdir()
            what, where = attempt(work.target, content, folder)
            if what:
                failures.append(Failure(work.target, number, what, where))
            shutil.rmtree(folder)
    return work, failures


def attempt(target: str, content: bytes, folder: Path) -> tuple[str, str]:
    """What is wrong, and where it came from; nothing: ("", "")."""
    signal.setitimer(signal.ITIMER_PROF, MOST_S)  # processor time: a busy machine is not the input's fault
    signal.setitimer(signal.ITIMER_REAL, MOST_WAIT_S)
    try:
        found = problem(TARGETS[target], content, folder)
        return (found, "message") if found else ("", "")
    except (Exception, TooLong, SystemExit) as error:  # noqa: BLE001  # any is a failure to be told
        return f"{type(error).__name__}: {str(error)[:300]!r}", innermost(error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def innermost(error: BaseException) -> str:
    """The innermost line of energyprof that the exception came through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f"{f.filename.rpartition(_OURS)[2]}:{f.lineno}" for f in frames if _OURS in f.filename]
    return ours[-1] if ours else "not in energyprof"


_OURS = "/energyprof/"


def again(target: str, seed: int, number: int) -> int:
    """Print one input and what becomes of it."""
    isolated()
    content = made(target, seed, number)
    print(content)
    with tempfile.TemporaryDirectory() as folder:
        found = problem(TARGETS[target], content, Path(folder))
    print(found or "taken, or refused in one line")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
