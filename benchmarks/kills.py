"""Profilers that are killed at random moments, and many that start at once: what is left on the disk.

Claims: (1) of ``--starts`` runs that start at once in one folder each has a report that reads; (2) of
``--kills`` profilers that get SIGKILL at a random moment of their run none leaves a report that does not
read, at most 1 s of samples is lost, and after the next start no temporary file or folder is left.

``python benchmarks/kills.py --kills 1000 --starts 200``
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from energyprof.errors import FileError
from energyprof.report.file import read, trace_path
from energyprof.trace.file import read_rows

EXEC = ("exec", "--idle", "0.2", "--meters", "cpu-model", "--quiet")


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


def starts(count: int, folder: Path, temporary: Path) -> None:
    """Claim 1."""
    running = [started(folder, temporary, *EXEC, "--", "true") for _ in range(count)]
    codes = [process.wait() for process in running]
    paths = list((folder / "energyprof-reports").glob("*.json"))
    whole = sum(readable(path) and trace_path(path).exists() for path in paths)
    print(f"{count} started at once: {codes.count(0)} ended well, {whole} readable reports")


def kills(count: int, seed: int, folder: Path, temporary: Path) -> None:
    """Claim 2."""
    chance, broken, losses, made = random.Random(seed), 0, [], 0
    for number in range(count):
        path = folder / f"{number}.json"
        process = started(folder, temporary, *EXEC, "-o", str(path), "--", "sleep", "3")
        time.sleep(chance.uniform(0, 4))
        process.send_signal(signal.SIGKILL)
        killed_s, ended = time.monotonic(), process.wait() != -signal.SIGKILL
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the program goes on, as it should
        if path.exists():
            made += 1
            broken += not readable(path)
            if not ended and trace_path(path).exists() and (loss := lost_s(path, killed_s)) is not None:
                losses.append(loss)
    traces = folder.glob("*.trace.csv.gz")
    lone = sum(not (folder / f"{path.name.partition('.')[0]}.json").exists() for path in traces)
    time.sleep(0.1)
    started(folder, temporary, *EXEC, "-o", "last.json", "--", "true").wait()
    left = [*temporary.iterdir(), *folder.glob(".energyprof-*")]
    print(f"{count} killed: {made} reports, {broken} unreadable, {lone} traces without a report")
    print(f"lost at most {max(losses, default=0.0):.2f} s of samples")
    print(f"{len(left)} leftovers after the next start")


def main() -> None:
    """Print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--starts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        folder, temporary = Path(name, "work"), Path(name, "t")
        folder.mkdir()
        temporary.mkdir()
        starts(asked.starts, folder, temporary)
        kills(asked.kills, asked.seed, folder, temporary)


if __name__ == "__main__":
    main()
