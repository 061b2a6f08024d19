"""Profilers that are killed at random moments, and many that start at once: what is left on the disk.

Claims: (1) of ``--starts`` runs that start at once in one folder each has a report that reads; (2) of
``--kills`` profilers that get SIGKILL at a random moment of their run none leaves a report that does not
read, at most 1 s of samples is lost, and after the next start no temporary file or folder is left.

``python benchmarks/kills.py --kills 1000 --starts 200 -o kills.json``

Some are killed side by side, in batches of 50 that print a line each, at moments within the time that as
many take that are let be. With ``-o`` what was found is kept after each batch, and the same command goes on
where an interrupted one ended. Exits with 1 if a claim does not hold.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from energyprof.errors import FileError
from energyprof.report.file import read, trace_path
from energyprof.trace.file import read_rows

EXEC = ("exec", "--idle", "0.2", "--meters", "cpu-model", "--quiet")
PROGRAM_S = 2.0
BATCH = 50
MOST_LOST_S = 1.0


@dataclass(frozen=True)
class Kills:
    """What was found of so many that were killed."""

    killed: int = 0
    reports: int = 0
    unreadable: int = 0
    lone_traces: int = 0  # rows without a report
    lost_s: float = 0.0  # the most
    leftovers: int = 0  # after the next start

    def __add__(self, other: Kills) -> Kills:
        """Both together."""
        mine, theirs = asdict(self), asdict(other)
        sums = {name: mine[name] + theirs[name] for name in mine if name != "lost_s"}
        return Kills(**sums, lost_s=max(self.lost_s, other.lost_s))

    def __str__(self) -> str:
        """One line."""
        return (
            f"{self.killed} killed: {self.reports} reports, {self.unreadable} unreadable, "
            f"{self.lone_traces} traces without a report, at most {self.lost_s:.2f} s of samples lost, "
            f"{self.leftovers} leftovers"
        )

    def holds(self) -> bool:
        """Whether the claim does."""
        return not (self.unreadable or self.lone_traces or self.leftovers) and self.lost_s <= MOST_LOST_S


@dataclass(frozen=True)
class Killed:
    """What one left."""

    report: bool
    reads: bool
    lost_s: float | None  # None: it was over before, or no run had begun


def started(folder: Path, temporary: Path, *words: str) -> subprocess.Popen[bytes]:
    """energyprof in the folder, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "energyprof", *words],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def readable(path: Path) -> bool:
    """Whether the report reads."""
    try:
        read(path)
    except FileError:
        return False
    return True


def lost_s(path: Path, killed_s: float) -> float | None:
    """Seconds between the last row on the disk and the kill; None: no run had begun."""
    zero_s = last_s = None
    for row in read_rows(trace_path(path)):
        if row.source == "@run":
            zero_s = row.fields["monotonic_s"]
        last_s = row.sample.end_s
    return None if zero_s is None or last_s is None else killed_s - zero_s - last_s


def starts(count: int, folder: Path, temporary: Path) -> bool:
    """Claim 1; whether it holds."""
    running = [started(folder, temporary, *EXEC, "--", "true") for _ in range(count)]
    codes = [process.wait() for process in running]
    paths = list((folder / "energyprof-reports").glob("*.json"))
    whole = sum(readable(path) and trace_path(path).exists() for path in paths)
    print(f"{count} started at once: {codes.count(0)} ended well, {whole} readable reports", flush=True)
    return codes.count(0) == whole == count


def undisturbed_s(at_once: int) -> float:
    """How long as many side by side take that nobody kills."""
    began_s = time.monotonic()
    with in_folders() as (folder, temporary):
        running = [started(folder, temporary, *EXEC, "--", "sleep", str(PROGRAM_S)) for _ in range(at_once)]
        for process in running:
            process.wait()
    return time.monotonic() - began_s


def one(number: int, span_s: float, seed: int, folder: Path, temporary: Path) -> Killed:
    """Start it, kill it, and look at what it left."""
    path = folder / f"{number}.json"
    process = started(folder, temporary, *EXEC, "-o", str(path), "--", "sleep", str(PROGRAM_S))
    time.sleep(random.Random(f"{seed} {number}").uniform(0, span_s))
    process.send_signal(signal.SIGKILL)
    killed_s, ended = time.monotonic(), process.wait() != -signal.SIGKILL
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # the program goes on, as it should
    if not path.exists():
        return Killed(False, False, None)
    lost = None if ended or not trace_path(path).exists() else lost_s(path, killed_s)
    return Killed(True, readable(path), lost)


def batch(numbers: range, span_s: float, seed: int, at_once: int) -> Kills:
    """Kill these, in a folder of their own, and start once more."""
    with in_folders() as (folder, temporary):
        with ThreadPoolExecutor(at_once) as pool:
            found = list(pool.map(lambda number: one(number, span_s, seed, folder, temporary), numbers))
        traces = folder.glob("*.trace.csv.gz")
        lone = sum(
            path.stat().st_size > 0 and not (folder / f"{path.name.partition('.')[0]}.json").exists()
            for path in traces
        )  # an empty one is in nobody's way
        time.sleep(0.1)
        started(folder, temporary, *EXEC, "-o", "last.json", "--", "true").wait()
        left = [*temporary.iterdir(), *folder.glob(".energyprof-*")]
        for path in left:
            print(f"left: {_told(path)}", flush=True)
    return Kills(
        len(found),
        sum(each.report for each in found),
        sum(each.report and not each.reads for each in found),
        lone,
        max((each.lost_s for each in found if each.lost_s is not None), default=0.0),
        len(left),
    )


def _told(path: Path) -> str:
    """What was left: its name, and those of what is in it."""
    return (
        f"{path.name} ({', '.join(sorted(each.name for each in path.iterdir()))})"
        if path.is_dir()
        else path.name
    )


@contextlib.contextmanager
def in_folders() -> Iterator[tuple[Path, Path]]:
    """A folder to work in, and one for temporary files."""
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        folder, temporary = Path(name, "work"), Path(name, "t")
        folder.mkdir()
        temporary.mkdir()
        yield folder, temporary


def kills(count: int, seed: int, at_once: int, earlier: Kills, keep: Callable[[Kills], None]) -> Kills:
    """Claim 2, from where an interrupted one ended."""
    span_s = undisturbed_s(at_once)
    found, began_s = earlier, time.monotonic()
    while found.killed < count:
        numbers = range(found.killed, min(count, found.killed + BATCH))
        found += batch(numbers, span_s, seed, at_once)
        keep(found)
        took_s = time.monotonic() - began_s
        left_s = took_s / (found.killed - earlier.killed) * (count - found.killed)
        print(f"{found}; {took_s / 60:.1f} min, {left_s / 60:.1f} to go", flush=True)
    return found


def kept(path: Path | None, order: Mapping[str, int]) -> Kills:
    """What an earlier, interrupted one of the same order found."""
    if path is None or not path.exists():
        return Kills()
    content = json.loads(path.read_text(encoding="utf-8"))
    if content["order"] != order:
        sys.exit(f"{path}: made with {content['order']}, not with {dict(order)}: name another file")
    return Kills(**content["found"])


def keep(path: Path | None, order: Mapping[str, int], found: Kills) -> None:
    """What has been found so far."""
    if path is not None:
        words = json.dumps({"order": order, "found": asdict(found)}, indent=1)
        path.write_text(words + "\n", encoding="utf-8")


def main() -> int:
    """Print what was found; 1 if a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--starts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=3 * (os.cpu_count() or 1), help="so many side by side")
    parser.add_argument("-o", "--output", type=Path, help="what was found; an interrupted one goes on")
    asked = parser.parse_args()
    order = {"seed": asked.seed, "at_once": asked.at_once}
    earlier, well = kept(asked.output, order), True
    if asked.starts and not earlier.killed:
        with in_folders() as (folder, temporary):
            well = starts(asked.starts, folder, temporary)
    found = kills(asked.kills, asked.seed, asked.at_once, earlier, partial(keep, asked.output, order))
    print(found)
    return 0 if well and found.holds() else 1


if __name__ == "__main__":
    sys.exit(main())
