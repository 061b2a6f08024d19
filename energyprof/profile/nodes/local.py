"""Processes that one launcher started on this node: one of them meters it, and is heard of by the others."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Mapping, MutableMapping
from dataclasses import field
from pathlib import Path

from energyprof.errors import TrainingError
from energyprof.files import temporary_folder
from energyprof.profile.nodes import hydra
from energyprof.profile.nodes.store import FolderStore
from energyprof.profile.processes import started_of
from energyprof.storable.frozen import dataclass
from energyprof.wire.launchers import Task, task

# What shows a process some of the GPUs.
VISIBLE = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
# The processes of a node are started at once.
HERE_S = 5.0
# Under this name the one that meters a node says which process it is.
METERS = "meters"


@dataclass
class Local:
    """The processes that one launcher started on this node: one of them meters it."""

    task: Task
    elected: bool
    folder: Path
    own: dict[str, str] = field(default_factory=dict)  # the environment of this process's own program
    came: bool = False  # whoever meters this node
    gone_since_s: float | None = None

    def beside(self) -> list[int]:
        """The processes of the others, as far as they run."""
        found = []
        for path in self.folder.glob("*.pid"):
            with contextlib.suppress(OSError, ValueError):
                pid, started = json.loads(path.read_text())["process"]
                if started_of(pid) == started:
                    found.append(pid)
        return found

    def gather_visible(self, environment: MutableMapping[str, str]) -> None:
        """Let ``environment`` show the GPUs of all processes here: each may have been given its own.

        They are waited for a little where it is known how many there are.
        """
        until_s = time.monotonic() + HERE_S
        lacking = (self.task.local_size or 1) - 1
        while len(list(self.folder.glob("*.pid"))) < lacking and time.monotonic() < until_s:
            time.sleep(0.01)
        seen = [json.loads(path.read_text())["visible"] for path in sorted(self.folder.glob("*.pid"))]
        for name in VISIBLE:
            if name not in environment:
                continue
            self.own[name] = environment[name]
            shown = [environment[name], *(one.get(name) for one in seen)]
            if None in shown:
                del environment[name]  # one of them sees all
            else:
                words = [word for text in shown for word in text.split(",") if word]
                environment[name] = ",".join(dict.fromkeys(words))

    def check(self) -> None:
        """As one of the others: whether the one that meters is still there.

        Raises:
            TrainingError: it has ended, with an error of its own, say.
        """
        try:
            pid, started = json.loads((self.folder / METERS).read_text())
            there, self.came = started_of(pid) == started, True
        except (OSError, ValueError):
            # Whoever meters takes the folder away as it ends, and may have done so before it was looked for.
            there = not self.came and (self.folder / f"{self.task.rank}.pid").exists()
        if there:
            self.gone_since_s = None
        elif self.gone_since_s is None:
            self.gone_since_s = time.monotonic()
        elif time.monotonic() - self.gone_since_s > HERE_S:  # else a start before this one may have left that
            self.close()
            raise TrainingError("the process that meters this node has ended: it says why")

    def close(self) -> None:
        """Leave nothing behind; as the one that meters, to who has yet to come that it has been there."""
        if self.elected and len(list(self.folder.glob("*.pid"))) < (self.task.local_size or 1) - 1:
            return  # the first that comes takes it away
        shutil.rmtree(self.folder, ignore_errors=True)

    def count(self) -> int:
        """How many processes there are on this node, this one among them."""
        return self.task.local_size or 1 + len(list(self.folder.glob("*.pid")))


def elected(environment: Mapping[str, str]) -> Local | None:
    """Whether this process meters its node, of those that a launcher started there; ``None``: it is alone.

    The first of a node does; where the launcher does not number them, whichever comes first. The others
    leave their process's number, so that what they compute is known to be the training's.
    """
    launched = task(environment)
    if launched is None:
        return None
    if launched.launch.endswith(":"):
        launched = launched._replace(launch=launched.launch + hydra.launch())
    folder = temporary_folder() / f".energyprof-launch-{os.geteuid()}-{hashed(launched.launch)}"
    FolderStore(folder)  # this user's own, or an error
    first = launched.local == 0 if launched.local is not None else _locked(folder)
    pid = os.getpid()
    if first:
        FolderStore(folder).put(METERS, json.dumps([pid, started_of(pid)]).encode())
    else:
        visible = {name: environment[name] for name in VISIBLE if name in environment}
        said = {"process": [pid, started_of(pid)], "visible": visible}
        FolderStore(folder).put(f"{launched.rank}.pid", json.dumps(said).encode())
    return Local(launched, first, folder)


_locks: list[int] = []


def _locked(folder: Path) -> bool:
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return False
    _locks.append(lock)  # held until this process ends
    return True


def hashed(launch: str) -> str:
    """A launch as part of a file's name."""
    return hashlib.sha256(launch.encode()).hexdigest()[:16]
