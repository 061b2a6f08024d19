"""What to run on a new kind of machine; the folder that it leaves can be sent in.

    python benchmarks/accept.py [FOLDER] [--pairs N]

Claims, of this machine: its meters follow a load, each tiny workload reaches its target, and the same work
against itself does not fail. Takes a quarter of an hour on two processors. The folder holds what each command
printed, its reports and traces, and ``accept.json``: how each command ended, and after how long. They name
the machine, its processors, GPUs and meters. One without any meter is accepted: its reports say so.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

WORKLOADS = ("unet", "transformer", "diffusion", "speech")
NOTHING = "run unet --size tiny --target 0.7"


@dataclass(frozen=True)
class Part:
    """A command and the exit codes that will do."""

    name: str
    words: tuple[str, ...]
    may_be: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    name: str
    command: tuple[str, ...]
    exit_code: int
    time_s: float
    accepted: bool


def parts(folder: Path, pairs: int) -> list[Part]:
    """What is run, in this order."""
    tested = folder / "meter-test.json"
    # 2: there is no meter to test, and the command says so.
    found = [
        Part("doctor", ("doctor",)),
        Part("meter-test", ("doctor", "--test", "-o", str(tested)), may_be=(0, 2)),
    ]
    for name in WORKLOADS:
        words = ("run", name, "--size", "tiny", "-o", str(folder / f"{name}.json"))
        found.append(Part(name, (*words, "--meter-test", str(tested))))
    words = ("ab", "--pairs", str(pairs), "-o", str(folder / "nothing.json"), NOTHING, NOTHING)
    return [*found, Part("nothing", words)]


def run(part: Part, folder: Path, energyprof: list[str]) -> Outcome:
    """Run it; what it prints lies in the folder under its name."""
    words = list(part.words)
    if "--meter-test" in words and not usable(folder / "meter-test.json"):
        at = words.index("--meter-test")
        del words[at : at + 2]
    command = [*energyprof, *words]
    print(f"{part.name}: energyprof {' '.join(words)}", flush=True)
    start_s = time.monotonic()
    with open(folder / f"{part.name}.txt", "w") as out:
        code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False).returncode
    outcome = Outcome(part.name, tuple(words), code, time.monotonic() - start_s, code in part.may_be)
    print(
        f"  exit {code} after {outcome.time_s:.0f} s{'' if outcome.accepted else ': NOT ACCEPTED'}",
        flush=True,
    )
    return outcome


def usable(tested: Path) -> bool:
    """Whether there is a test of the meters that nothing disturbed."""
    return tested.exists() and not json.loads(tested.read_text())["disturbed"]


def main() -> int:
    """Run all parts, whatever becomes of one; 1 if one was not accepted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, help="a new one (default: accept-TIME)")
    parser.add_argument("--pairs", type=int, default=3, help="of the same work twice")
    parser.add_argument("--energyprof", help="the program (default: this Python's)")
    asked = parser.parse_args()
    folder = asked.folder or Path(time.strftime("accept-%Y%m%dT%H%M%S"))
    folder.mkdir(parents=True)
    energyprof = [asked.energyprof] if asked.energyprof else [sys.executable, "-m", "energyprof"]
    outcomes: list[Outcome] = []
    for part in parts(folder, asked.pairs):
        outcomes.append(run(part, folder, energyprof))
        # Written after each: what an interrupted one has is worth sending, too.
        (folder / "accept.json").write_text(json.dumps([asdict(one) for one in outcomes], indent=1) + "\n")
    failed = [outcome.name for outcome in outcomes if not outcome.accepted]
    print(f"not accepted: {', '.join(failed)}" if failed else "accepted")
    print(f"{folder}: send it in as it is, or packed: tar czf {folder.name}.tar.gz {folder}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
