"""Claim: a study killed 20 times ends with the same cells as an undisturbed one, and none is trained twice.

``python benchmarks/study_kills.py --kills 20``

Twelve cells of a script that takes a second, on a machine with a counter of 50 W. SIGKILL comes at a random
moment of a run; the same command goes on. A cell whose report is whole at one kill must be the same file, to
the last byte, at the end. Exits with 1 if the claim does not hold, or no cell was whole at any kill.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from energyprof.study.folder import all_trained, path_of, read_study
from fakes.powercap import LivePowercap
from fakes.waveform import constant

SCRIPT = """
import sys, time, energyprof
energyprof.mark("train", samples=0)
pause = float(sys.argv[sys.argv.index("--pause") + 1])
for step in (1, 2, 3):
    time.sleep(pause)
    energyprof.progress(samples=10 * step, score=step / 3)
"""
PLAN = """
command = "run ./train.py --target accuracy>=1"
repeats = 3
[factors]
"argument.pause" = [0.2, 0.25, 0.3, 0.35]
"""
CELLS = 12


def main() -> int:
    """Kill, go on, compare; 1 if the claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        powercap = LivePowercap(folder / "machine", constant(50))
        (folder / "train.py").write_text(SCRIPT)
        (folder / "p.toml").write_text(PLAN)
        # The second time there is nothing left to train: what a start of Python and the profiler takes.
        whole_s, start_s = (seconds(folder, "undisturbed") for _ in range(2))
        whole: dict[str, str] = {}
        kills = changed = 0
        while kills < asked.kills:
            process = start(folder, "killed")
            # Some get as far as a cell or two; the study is not over before the last of them.
            time.sleep(rng.uniform(0, start_s + 1.6 * whole_s / CELLS))
            if process.poll() is not None:
                break
            process.kill()
            process.wait()
            kills += 1
            now = digests(folder / "killed")
            changed += sum(now.get(cell) != digest for cell, digest in whole.items())
            whole = now
        start(folder, "killed").wait()
        after = digests(folder / "killed")
        changed += sum(after.get(cell) != digest for cell, digest in whole.items())
        same = after.keys() == digests(folder / "undisturbed").keys() and len(after) == CELLS
        powercap.close()
    print(f"{kills} kills, {len(whole)} cells done at the last; {len(after)} in the end, {CELLS} planned")
    print(f"{'the same' if same else 'NOT the same'} cells as undisturbed; {changed} done cells changed")
    return 0 if same and not changed and whole and kills == asked.kills else 1


def digests(study: Path) -> dict[str, str]:
    """Of each cell that is done its report's."""
    if not (study / "study.json").exists():
        return {}
    done = [found.cell for found in all_trained(study, read_study(study))]
    return {cell.name: hashlib.sha256(path_of(study, cell).read_bytes()).hexdigest() for cell in done}


def seconds(folder: Path, name: str) -> float:
    """How long the study takes from here to its end."""
    begun_s = time.monotonic()
    assert start(folder, name).wait() == 0
    return time.monotonic() - begun_s


def start(folder: Path, name: str) -> subprocess.Popen[bytes]:
    """The study in the folder ``name``."""
    words = ("study", "run", "p.toml", "-o", name, "--idle", "0", "--cooldown", "0", "--quiet")
    return subprocess.Popen(
        [sys.executable, "-m", "energyprof", *words],
        cwd=folder,
        env={**os.environ, "ENERGYPROF_SYSFS_ROOT": str(folder / "machine")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    sys.exit(main())
