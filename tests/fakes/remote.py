"""Other machines behind ssh(1), or OAR's oarsh(1), on the PATH, each with its own meters and energyprof.

What is kept of ssh's contract: options come before the host; what follows it is joined by blanks and read by
the shell of that machine; the exit code is that of the command, or 255 with a line of ssh's own; what the
machine's start-up files print comes before what the command prints. A fake srun(1) runs a command as so many
tasks on each of them, with Slurm's variables; their output is mixed as it comes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_SSH = """#!{python}
import os, sys
words = sys.argv[1:]
with open({home!r} + "/asked", "a") as asked:
    asked.write(repr(words) + "\\n")
while words and words[0].startswith("-"):
    option = words.pop(0)
    if option in ("-o", "-p", "-i", "-l", "-F", "-J"):
        words.pop(0)
host = words.pop(0)
machine = os.path.join({home!r}, "machines", host)
if not os.path.isdir(machine):
    print(f"ssh: Could not resolve hostname {{host}}: Name or service not known", file=sys.stderr)
    sys.exit(255)
if os.path.exists(machine + "/greeting"):
    print(open(machine + "/greeting").read(), flush=True)
path = os.pathsep.join([machine + "/bin", "/usr/bin", "/bin"])
environment = {{"PATH": path, "HOME": machine, "ENERGYPROF_SYSFS_ROOT": machine + "/root"}}
if "ENERGYPROF_TEST_CONSTANTS" in os.environ:  # of the tests, not of ssh
    environment.update((name, os.environ[name]) for name in ("ENERGYPROF_TEST_CONSTANTS", "PYTHONPATH"))
os.chdir(machine)
os.execve("/bin/sh", ["sh", "-c", " ".join(words)], environment)
"""

_SRUN = """#!{python}
import os, subprocess, sys
words, tasks = sys.argv[1:], 1
while words and words[0].startswith("-"):
    option, _, value = words.pop(0).partition("=")
    if option == "--ntasks-per-node":
        tasks = int(value)
machines = os.path.join({home!r}, "machines")
started, size = [], tasks * len(os.listdir(machines))
for node, name in enumerate(sorted(os.listdir(machines))):
    for local in range(tasks):
        own = {{"PROCID": node * tasks + local, "LOCALID": local, "NODEID": node}}
        own.update({{"STEP_ID": 0, "JOB_ID": 4711, "STEP_NUM_TASKS": size, "NTASKS": size}})
        slurm = {{f"SLURM_{{key}}": str(value) for key, value in own.items()}}
        slurm["SLURMD_NODENAME"] = name
        slurm["ENERGYPROF_SYSFS_ROOT"] = os.path.join(machines, name, "root")
        slurm["PATH"] = os.pathsep.join([os.path.join(machines, name, "bin"), os.environ["PATH"]])
        started.append(subprocess.Popen(words, env={{**os.environ, **slurm}}))
sys.exit(max(process.wait() for process in started))
"""


class Machines:
    """Machines that a fake ssh reaches; ``path`` is the PATH on which it comes first."""

    def __init__(self, home: Path) -> None:
        self._home = home
        (home / "machines").mkdir(parents=True)
        (home / "bin").mkdir()
        for name, text in (("ssh", _SSH), ("oarsh", _SSH), ("srun", _SRUN)):
            _program(home / "bin" / name, text.format(python=sys.executable, home=str(home)))
        self.path = os.pathsep.join([str(home / "bin"), os.environ["PATH"]])

    def add(self, name: str, program: str = "") -> Path:
        """One more; the root of its meters. ``program`` is run there for energyprof (default: ours)."""
        machine = self._home / "machines" / name
        (machine / "bin").mkdir(parents=True)
        (machine / "root").mkdir()
        own = f'#!/bin/sh\nexec {sys.executable} -m energyprof "$@"\n'
        _program(machine / "bin/energyprof", program or own)
        return machine / "root"

    def greet(self, name: str, words: str) -> None:
        """Let its start-up files print this."""
        (self._home / "machines" / name / "greeting").write_text(words)

    def asked(self) -> list[list[str]]:
        """What ssh was called with, call by call."""
        return [eval(line) for line in (self._home / "asked").read_text().splitlines()]


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
