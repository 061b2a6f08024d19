"""Claim: a commit that makes `unet --size tiny` a fifth hungrier is caught, one that changes nothing is not.

    python benchmarks/regression.py [--pairs N] [--commit hungrier|unchanged] [--keep FOLDER]

In a temporary clone of this checkout two commits follow the one at hand. One wastes forward passes in the
U-Net's training: its scores stay the same to the digit, a sample takes about a fifth more. The other adds a
comment. Each is judged by the commit at hand twice: with `energyprof ab --before`, and with the step that
`.github/workflows/energy.yml` runs for a pull request (`action.yml`'s own shell and environment). Meters
are what the machine has; on one without any the CPU time of the training is judged, as on a hosted runner.

Takes four series of a dozen pairs of short trainings: 25 minutes on two cores that are otherwise idle.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
TRAINED = "energyprof/workloads/unet_slices.py"
LOSS = "loss=lambda model, batch: dice(model(batch[0]).float(), batch[1]),"
# A forward pass alone is a quarter of a step: over 13 of a batch's 16 slices it adds a fifth.
WASTED = (
    "loss=lambda model, batch: (wasted(model, batch[0][:13]), dice(model(batch[0]).float(), batch[1]))[1],"
)
WASTING = '''

def wasted(model: Any, inputs: Any) -> None:
    """A look at the network's output that nobody asked for."""
    with torch_side.no_gradients():
        model(inputs)
'''
LIMIT = "5%"


@dataclass(frozen=True)
class Judged:
    """What came of one series."""

    commit: str
    by: str
    code: int
    said: str
    minutes: float

    @property
    def verdict(self) -> str:
        """PASS, FAIL, INCONCLUSIVE, or that there was none."""
        found = re.search(r"\b(PASS|FAIL|INCONCLUSIVE)\b", self.said)
        return found[1] if found else "no verdict"

    @property
    def as_claimed(self) -> bool:
        """Whether waste is caught, and nothing else is."""
        if self.commit == "hungrier":
            return self.code == 1 and self.verdict == "FAIL"
        return self.code == 0 and self.verdict in ("PASS", "INCONCLUSIVE")

    @property
    def change(self) -> str:
        """Of the first figure that was judged, with its interval."""
        found = re.search(r"[+-][0-9.]+ % \([^)]*\)", self.said)
        return found[0] if found else "?"


def main() -> int:
    """Print every series as it ends; 1 if a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="what each series said, and its reports")
    parser.add_argument("--pairs", metavar="N", help="so many pairs, not the workflow's")
    parser.add_argument("--commit", choices=COMMITS, action="append", help="judge this one alone")
    asked = parser.parse_args()
    given = {**workflow(), **({"pairs": asked.pairs} if asked.pairs else {})}
    with tempfile.TemporaryDirectory() as room:
        repository = Path(room) / "energyprof"
        git(ROOT, "clone", "--quiet", str(ROOT), str(repository))
        base = git(repository, "rev-parse", "HEAD")
        found = []
        for name in asked.commit or COMMITS:
            git(repository, "checkout", "--quiet", COMMITS[name](repository, base))
            for by, judge in (("energyprof ab", by_ab), ("the workflow's step", by_workflow)):
                start_s = time.monotonic()
                code, said = judge(repository, base, given)
                found.append(Judged(name, by, code, said, (time.monotonic() - start_s) / 60))
                tell(found[-1])
                if asked.keep:
                    keep(found[-1], repository, asked.keep)
    return 0 if all(judged.as_claimed for judged in found) else 1


def hungrier(repository: Path, base: str) -> str:
    """The commit that wastes forward passes."""
    git(repository, "checkout", "--quiet", "-b", "hungrier", base)
    path = repository / TRAINED
    text = path.read_text(encoding="utf-8")
    if text.count(LOSS) != 1:
        sys.exit(f"regression: {TRAINED} has no line {LOSS!r}")
    path.write_text(text.replace(LOSS, WASTED) + WASTING, encoding="utf-8")
    return committed(repository, "Look at what the network makes of each batch")


def unchanged(repository: Path, base: str) -> str:
    """The commit that changes no line that runs."""
    git(repository, "checkout", "--quiet", "-b", "unchanged", base)
    path = repository / TRAINED
    path.write_text(path.read_text(encoding="utf-8") + "\n# The end.\n", encoding="utf-8")
    return committed(repository, "Say where the file ends")


def committed(repository: Path, message: str) -> str:
    """The new commit's hash."""
    name = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@example.org")
    git(repository, *name, "commit", "--quiet", "--all", "--message", message)
    return git(repository, "rev-parse", "HEAD")


COMMITS = {"hungrier": hungrier, "unchanged": unchanged}


def by_ab(repository: Path, base: str, given: Mapping[str, str]) -> tuple[int, str]:
    """Exit code and stdout of the command as a person types it."""
    figure = "energy_per_sample" if metered() else "cpu_time_per_sample"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "energyprof", "ab", "--before", base),
            *("--limit", f"{figure}:{LIMIT}", "--pairs", given["pairs"], "--idle", "0"),
            *("--output", "pair", "--force", given["command"]),
        ],
        cwd=repository,
        env=environment(repository),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def by_workflow(repository: Path, base: str, given: Mapping[str, str]) -> tuple[int, str]:
    """Exit code and job summary of the step that judges a pull request, run as a runner would."""
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    step = next(step for step in action["runs"]["steps"] if step.get("id") == "gate")
    defaults = {name: str(spec.get("default", "")) for name, spec in action["inputs"].items()}
    inputs = {**defaults, **given}

    def filled(text: Any) -> str:
        text = re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: inputs[match[1]], str(text))
        return re.sub(r"\$\{\{ github\.event\.pull_request[^}]*\}\}", base, text)

    summary = repository / "energyprof-gate" / "summary.md"
    summary.parent.mkdir(exist_ok=True)
    summary.write_text("", encoding="utf-8")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", filled(step["run"])],
        cwd=repository,
        env={
            **environment(repository),
            **{name: filled(value) for name, value in step["env"].items()},
            "GITHUB_ACTION_PATH": str(repository),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_OUTPUT": str(summary.with_name("output")),
        },
        stdout=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode, summary.read_text(encoding="utf-8")


def workflow() -> dict[str, str]:
    """What the project's own workflow gives the action."""
    text = (ROOT / ".github/workflows/energy.yml").read_text(encoding="utf-8")
    given: dict[str, str] = yaml.safe_load(text)["jobs"]["gate"]["steps"][-1]["with"]
    return given


def environment(repository: Path) -> dict[str, str]:
    """This interpreter's commands first on the path, and the clone's package before the installed one."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(repository)}


def metered() -> bool:
    """Whether this machine measures energy."""
    doctor = [sys.executable, "-m", "energyprof", "doctor", "--seconds", "0", "--json"]
    found = yaml.safe_load(subprocess.run(doctor, capture_output=True, text=True, check=True).stdout)
    return bool(found["auto"]["meters"]) and found["auto"]["origin"] == "measured"


def tell(judged: Judged) -> None:
    """A line of the table."""
    line = f"{judged.commit:12}{judged.by:22}{judged.verdict:14}exit {judged.code}  {judged.change}"
    print(f"{line}, {judged.minutes:.0f} min", flush=True)


def keep(judged: Judged, repository: Path, folder: Path) -> None:
    """What was said, and the reports that it was said of."""
    there = folder / f"{judged.commit} by {judged.by}".replace("'", "").replace(" ", "-")
    there.mkdir(parents=True, exist_ok=True)
    (there / "said.txt").write_text(judged.said, encoding="utf-8")
    names = ("pair-A.json", "pair-B.json") if judged.by == "energyprof ab" else ("base.json", "change.json")
    for path in (path for name in names for path in repository.glob(f"**/{name}")):
        (there / path.name).write_bytes(path.read_bytes())


def git(folder: Path, *words: str) -> str:
    """What git says."""
    done = subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
