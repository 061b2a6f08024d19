"""A profiler that only listens: it runs a script in a process of its own, on a real wire."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import warm
from energyprof.wire.listener import Listener, Message


@dataclass(frozen=True)
class Heard:
    """What a script printed, and what it told the wire."""

    stdout: str
    stderr: str
    messages: list[Message]

    @property
    def phases(self) -> list[tuple[str, int | None]]:
        """Each phase's name, and the samples trained when it began; the script's own marks do not say."""
        return [(m.fields["name"], m.fields["samples"]) for m in self.messages if m.event == "phase"]

    @property
    def scores(self) -> list[tuple[int, float]]:
        """Each evaluation's samples and score."""
        told = [m.fields for m in self.messages if m.event == "progress"]
        return [(fields["samples"], fields["score"]) for fields in told if fields["score"] is not None]

    def after(self, name: str) -> Heard:
        """What was told between the script's own mark ``name`` and the next start-up."""
        names = [message.fields.get("name") for message in self.messages]
        start = names.index(name) + 1
        end = names.index("startup", start) if "startup" in names[start:] else len(names)
        return Heard(self.stdout, self.stderr, self.messages[start:end])


def listen(script: str, folder: Path, *loaded: str) -> Heard:
    """Run ``script`` in ``folder``; it finds the wire's path in ``WIRE`` and takes it up when it likes to.

    ``loaded`` are the libraries that it trains with, which are loaded once for all scripts.
    """
    messages: list[Message] = []
    listener = Listener(str(folder / "wire"), messages.append)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ENERGYPROF_")}
    environment.update(WIRE=listener.path, OMP_NUM_THREADS="1", TQDM_DISABLE="1")
    try:
        done = warm.run(["-c", script], environment, folder, timeout_s=300, loaded=loaded)
    finally:
        listener.close()
    assert done.returncode == 0, done.stderr
    assert listener.garbage == 0
    return Heard(done.stdout, done.stderr, messages)
