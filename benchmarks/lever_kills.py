"""Claim: after SIGKILL at any moment of a run that turns three levers, the next start puts every value back.

``python benchmarks/lever_kills.py --kills 200``
``python benchmarks/lever_kills.py --kills 50 --command tune``

The levers are a frequency of a cpufreq tree, a GPU's power limit in a fake of NVIDIA's library, and a power
mode of a fake nvpmodel, which outlives reboots. Exits with 1 if a value is not what it was before the kill.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fakes import levers, nvml

MAX = f"{levers.CPU}/cpufreq/policy0/scaling_max_freq"
TURN = ("--lever", "gpu.power_limit=250W", "--lever", "cpu.max_freq=2GHz", "--lever", "jetson.mode=MAXN")
# The frequency is scanned while the other two stay turned.
TUNE = (
    *("tune", "./train.py", "--lever", "cpu.max_freq=1GHz,2GHz,3GHz", "--lever", "gpu.power_limit=250W"),
    *("--lever", "jetson.mode=MAXN", "--window", "0.5", "--settle", "0", "--blocks", "2", "--idle", "0.1"),
    *("--meters", "nvml", "--quiet", "--force", "-o", "r.json"),
)
TRAIN = """
import time, energyprof
energyprof.mark("train", samples=0)
for step in range(1, 301):
    time.sleep(0.02)
    energyprof.progress(samples=step)
"""
EXEC = ("exec", "--idle", "0.1", "--meters", "none", "--quiet", "--force", "-o", "r.json")
LOOK = (*EXEC, "--", "true")
# A machine gets busier and quieter: how long a run takes is measured again after so many kills.
SAME_SPAN = 20


def main() -> int:
    """Kill and look; 1 if a value was not put back."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--command", choices=("exec", "tune"), default="exec")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = machine(folder)
        (folder / "train.py").write_text(TRAIN)
        command = TUNE if asked.command == "tune" else (*EXEC, *TURN, "--", "sleep", "0.5")
        before = stand(folder)
        turned = wrong = left = 0
        for number in range(asked.kills):
            if number % SAME_SPAN == 0:
                span_s = undisturbed(folder, environment, command)
            process = start(folder, environment, *command)
            time.sleep(rng.uniform(0, span_s))
            process.kill()
            process.wait()
            turned += stand(folder) != before
            start(folder, environment, *LOOK).wait()
            wrong += stand(folder) != before
            left += any((folder / "state/levers").iterdir()) if (folder / "state/levers").exists() else 0
    print(f"{asked.kills} kills at random moments: {turned} with a lever turned")
    print(f"after the next start: {wrong} with a value that is not what it was, {left} with a journal left")
    return 1 if wrong or left or not turned else 0


def machine(folder: Path) -> dict[str, str]:
    """A machine with the three levers, and the environment of what runs on it."""
    levers.cpufreq(folder, policies=(0,))
    (folder / "gpu").mkdir()
    library = nvml.environment(nvml.build(), state=folder / "gpu")
    fake = {name: value for name, value in library.items() if name.startswith(("FAKE_NVML", "LD_LIB"))}
    places = {"ENERGYPROF_SYSFS_ROOT": str(folder), "ENERGYPROF_STATE": str(folder / "state")}
    return {**os.environ, **fake, **places, "PATH": levers.on_path(levers.jetson(folder))}


def stand(folder: Path) -> tuple[str, ...]:
    """How everything stands that the levers change."""
    limit = folder / "gpu/limit_mw-0"
    return (
        (folder / MAX).read_text().strip(),
        limit.read_text() if limit.exists() else "400000",
        (folder / "var/lib/nvpmodel/status").read_text().split()[0],
        (folder / "clocks").read_text().strip(),
    )


def undisturbed(folder: Path, environment: dict[str, str], command: Sequence[str]) -> float:
    """Seconds that a run takes."""
    begin_s = time.monotonic()
    assert start(folder, environment, *command).wait() in (0, 4)  # 4: too few blocks in so short a training
    return time.monotonic() - begin_s


def start(folder: Path, environment: dict[str, str], *words: str) -> subprocess.Popen[bytes]:
    """energyprof in the folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "energyprof", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    sys.exit(main())
