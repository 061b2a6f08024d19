"""From a reservation on Grid'5000 to one joined report, by one command on a site's frontend:

    python3 examples/grid5000/grid5000.py --hosts 2 -o out -- exec -- python3 train.py

Reserves the nodes with OAR, says what each can measure, runs ``energyprof`` with the words after ``--`` on
each of them, joins what they recorded, and prints it. Ctrl-C deletes the reservation. {node}, {site}, {rank},
{head} and {hosts} in the words are each node's. It needs an energyprof that all nodes see in the same place,
as in a virtual environment in the home folder, and nothing but the standard library itself.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENERGYPROF = [sys.executable, "-m", "energyprof"]
# Kept by Kwollect once a second where it was asked for (https://www.grid5000.fr/w/Monitoring_Using_Kwollect).
MONITOR = "-t monitor=wattmetre_power_watt"
OVER = ("Terminated", "Error")
POLL_S = 5.0
# Flower with FedAvg, CIFAR-10, ResNet-18, batch 64, ten Jetson AGX Xavier of Grid'5000
# (github.com/tuananhngh/FL-G5K-EnergyConsumption): J a client and round, by local epochs.
PUBLISHED_J = {1: "122 to 130", 3: "425", 5: "727"}


def main() -> int:
    """The exit code: 0 if every node's program ended well and there is a report."""
    asked = arguments()
    folder = asked.output.resolve()
    folder.mkdir(parents=True, exist_ok=False)
    write(folder, asked)
    job = submit(folder)
    print(f"job {job}, in {folder}", flush=True)
    try:
        wait(job, asked.poll)
    except KeyboardInterrupt:
        print(f"deleting job {job}", flush=True)
        oar("oardel", job)
        return 130
    for log in folder.glob("job.*.txt"):
        print(log.read_text(errors="replace"), end="", flush=True)
    report = folder / "joined.json"
    if not report.is_file():
        sys.exit(f"error: job {job} left no report: see {folder}/job.{job}.txt")
    subprocess.run([*ENERGYPROF, "show", str(report)], check=True)
    beside_published(folder)
    codes = [path.read_text().strip() for path in folder.glob("*.code")]
    return 0 if len(codes) == len((folder / "nodes").read_text().split()) and set(codes) == {"0"} else 1


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--hosts", type=int, default=2, help="nodes to reserve")
    parser.add_argument("--walltime", default="1:00:00")
    parser.add_argument("--cluster", help="such as gros, or estats for the Jetson AGX Xavier")
    parser.add_argument("--oar", action="append", default=[], metavar="WORDS", help='such as "-t exotic"')
    parser.add_argument(
        "--meters",
        default="kwollect={site}/{node}",
        help="of each node; auto: its own, a Jetson's module rails among them (default: %(default)s)",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="a new folder that all nodes see")
    parser.add_argument("--poll", type=float, default=POLL_S, help=argparse.SUPPRESS)
    parser.add_argument("command", nargs="+", help="words for energyprof, after --")
    return parser.parse_args()


def write(folder: Path, asked: argparse.Namespace) -> None:
    """The two scripts, filled in."""
    options = [f"-p {asked.cluster}"] if asked.cluster else []
    options += [MONITOR] if "kwollect" in asked.meters else []
    first, *rest = asked.command
    words = [first, "--meters", asked.meters, "-o", "{node}.json", *rest]
    filled = {
        "HOSTS": str(asked.hosts),
        "WALLTIME": asked.walltime,
        "FOLDER": str(folder),
        "OPTIONS": "\n".join(f"#OAR {option}" for option in [*options, *asked.oar]),
        "ENERGYPROF": shlex.join(ENERGYPROF),
        "METERS": shlex.quote(asked.meters),
        "COMMAND": f"{shlex.join(ENERGYPROF)} {' '.join(variable(word, asked.hosts) for word in words)}",
    }
    for name in ("job.sh", "node.sh"):
        text = (HERE / name).read_text()
        for key, value in filled.items():
            text = text.replace(f"@{key}@", value)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def variable(word: str, hosts: int) -> str:
    """A word for the shell in which each node's names stand in their places."""
    parts = re.split(r"\{(node|site|rank|head|hosts)\}", word)
    shell = [f'"${part}"' if i % 2 else shlex.quote(part) if part else "" for i, part in enumerate(parts)]
    return "".join(shell).replace('"$hosts"', str(hosts)) or "''"


def submit(folder: Path) -> str:
    """The number of the job."""
    told = oar("oarsub", "-S", str(folder / "job.sh"))
    found = re.search(r"OAR_JOB_ID=([0-9]+)", told)
    if found is None:
        sys.exit(f"error: oarsub: {told.strip()}")
    return found[1]


def wait(job: str, poll_s: float) -> None:
    """Until the job is over; its state, when it changes."""
    before = ""
    while before not in OVER:
        found = re.search(rf"{job} *: *(\w+)", oar("oarstat", "-s", "-j", job))
        state = found[1] if found else before
        if state != before:
            print(f"{time.strftime('%H:%M:%S')} {state}", flush=True)
        before = state
        time.sleep(poll_s)


def oar(*words: str) -> str:
    """What one of OAR's programs says."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        sys.exit(f"error: {words[0]}: {error}: run this on a frontend of Grid'5000")
    if done.returncode != 0:
        sys.exit(f"error: {words[0]}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout


def beside_published(folder: Path) -> None:
    """Joules a client and round beside those that were published from the same nodes, if there are rounds."""
    for path in sorted(folder.glob("*.json")):
        runs = json.loads(path.read_text())["runs"]
        energies = [
            client["energy_j"]
            for run in runs
            for number in run.get("rounds", ())
            for client in number["clients"]
            if client["energy_j"] is not None
        ]
        if energies:
            mean_j = sum(energies) / len(energies)
            print(f"{path.name}: {mean_j:.3g} J a client and round, {len(energies)} of them; published from")
            print("ten Xaviers (CIFAR-10, ResNet-18, FedAvg), by local epochs: ", end="")
            print(", ".join(f"{epochs}: {joules} J" for epochs, joules in PUBLISHED_J.items()))
            return


if __name__ == "__main__":
    sys.exit(main())
