"""The keys by which a SuperLink knows its SuperNodes, in the files that ``ssh-keygen -t ecdsa`` makes."""

import os
import sys
import time
from typing import List, Optional, Sequence

from energyprof.workload import WorkloadError
from energyprof.workloads.paradigms.federated.engines.deployed import programs

PUBLIC = "ecdsa-sha2-nistp"  # of NIST's curves, which are all that Flower takes
PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----"
# What a SuperNode ends with (flwr/supercore/error/base.py).
ASKED, UNKNOWN = "[code: 2001]", "[code: 2004]"
# A server has hardly begun to listen when it makes the keys known, one after the other.
KNOWN_WITHIN_S = 120.0
MAKE = "make it with ssh-keygen -t ecdsa -b 384 -N ''"


def public_in(path: Optional[str], clients: int) -> List[str]:
    """The public keys that the file ``path`` holds, one a line; without one none is asked for.

    Raises:
        WorkloadError: it cannot be read, holds something else, or fewer keys than there are clients.
    """
    if path is None:
        return []
    found = {}
    for number, line in enumerate(_read(path).splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) < 2 or not words[0].startswith(PUBLIC):
            raise WorkloadError(
                f"--node-keys {path}, line {number}: not a public key that Flower takes "
                f"({PUBLIC}384 AAAA…): {MAKE}"
            )
        found[words[1]] = " ".join(words[:2])
    if len(found) < clients:
        raise WorkloadError(
            f"--node-keys {path}: holds {len(found)} public keys for {clients} clients: "
            "give one of each, a line each"
        )
    return list(found.values())


def check_private(path: Optional[str]) -> None:
    """See that the file ``path`` holds a private key.

    Raises:
        WorkloadError: it cannot be read, or holds something else.
    """
    if path is not None and not _read(path).lstrip().startswith(PRIVATE):
        raise WorkloadError(f"--node-keys {path}: holds no private key of this client: {MAKE}")


def written(public: Sequence[str], folder: str) -> List[str]:
    """Each of the keys in a file of its own in ``folder``; their paths."""
    paths = []
    for number, key in enumerate(public):
        paths.append(os.path.join(folder, f"node-{number}.pub"))
        with open(paths[-1], "w", encoding="ascii") as file:
            file.write(key + "\n")
    return paths


class Admission:
    """A SuperNode that tries again while the server does not know its key yet."""

    def __init__(self, supernode: programs.Program, path: Optional[str], within_s: float) -> None:
        self._supernode, self._path = supernode, path
        self._within_s = min(within_s, KNOWN_WITHIN_S)
        self._refused_s: Optional[float] = None  # since then

    def check(self) -> None:
        """Do nothing while it runs; start it again where it may yet be let in.

        Raises:
            WorkloadError: it has ended, or the server does not know it.
        """
        try:
            self._supernode.check()
        except WorkloadError:
            if self._supernode.said(ASKED):
                raise WorkloadError("the server asks for a key: give this client's by --node-keys") from None
            if self._path is None or not self._supernode.said(UNKNOWN):
                raise
            now_s = time.monotonic()
            if self._refused_s is None:
                self._refused_s = now_s
                print(
                    f"the server does not know this key: tried again for {self._within_s:g} s",
                    file=sys.stderr,
                    flush=True,
                )
            if now_s - self._refused_s > self._within_s:
                raise WorkloadError(
                    f"--node-keys {self._path}: the server has no such key among its own --node-keys"
                ) from None
            self._supernode.start()


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError as error:
        raise WorkloadError(f"--node-keys {path}: cannot be read: {error.strerror}") from None
