"""Fixtures that several files use: a machine with a live power meter, and the command itself."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import hypothesis
import pytest

import warm
from energyprof.workloads import monai_alone
from fakes.constants.sitecustomize import variables
from fakes.powercap import LivePowercap
from fakes.waveform import constant

# Test processes side by side share the processors among their trainings.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    share = (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, share)))

# A start that finds its modules compiled takes two thirds of the processor time, and there are thousands.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# In the background, or behind nohup, Ctrl-C comes to be ignored, and every child inherits that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests that give up being root go on reading what they have written.
os.umask(0o022)

# As the U-Net loads it: with all else that is installed it takes ten times as long.
monai_alone.install()

# How long an example takes is the machine's affair.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Under ``-m "not slow"`` a file of slow tests alone is not imported: its libraries take seconds."""
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    all_slow = re.search(
        r"^pytestmark = \[?\s*pytest\.mark\.slow\b", collection_path.read_text(), re.MULTILINE
    )
    return True if all_slow else None


# What is collected stays to the end: no look through it for garbage finds any.
gc.disable()


def pytest_collection_finish() -> None:
    """From here on garbage is looked for, among what tests make."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes begins first: at the end the other processes would wait for it."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


class Command:
    """``energyprof`` in a process of its own, in an empty folder, with one fake meter of 50 W."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder, root

    def environment(self, **changes: str) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if k not in ("ENERGYPROF_WIRE", "COLUMNS")}
        return {**inherited, "ENERGYPROF_SYSFS_ROOT": str(self.root), **changes}

    def arguments(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "energyprof", *words]

    def __call__(
        self,
        *words: str,
        environment: Mapping[str, str] | None = None,
        input: str = "",
        constants: Mapping[str, float] = MappingProxyType({}),
        loaded: Sequence[str] = (),
    ) -> subprocess.CompletedProcess[str]:
        """What it does with these words, forked from a Python that has loaded it.

        ``constants`` are others in it and in all that it starts: "energyprof.x:WAIT_S"; ``loaded`` are large
        libraries that it or its training uses.
        """
        arguments = self.arguments(*words)[1:]
        changed = self.environment(**(environment or {}))
        changed |= variables(constants, changed.get("PYTHONPATH", ""))
        return warm.run(arguments, changed, self.folder, input, timeout_s=300, loaded=loaded)

    def anew(
        self, *words: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The same of an interpreter that starts from nothing."""
        return subprocess.run(
            self.arguments(*words),
            cwd=self.folder,
            env=self.environment(**(environment or {})),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def report(self, name: str = "r.json") -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder / name).read_text())
        return content


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for temporary files of its own, short enough for sockets; its programs end with the test.

    What an energyprof that is killed leaves there no other test's finds.
    """
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if f"TMPDIR={folder}\0" in (process / "environ").read_text(errors="replace"):
                    os.kill(int(process.name), signal.SIGKILL)


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    """The command on a machine whose only meter shows 50 W."""
    powercap = LivePowercap(tmp_path / "machine", constant(50))
    (tmp_path / "work").mkdir()
    yield Command(tmp_path / "work", tmp_path / "machine")
    powercap.close()


def one_error_line(done: subprocess.CompletedProcess[str]) -> str:
    """The single line a refused command prints, without a traceback."""
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture(name="one_error_line")
def _one_error_line() -> Any:
    return one_error_line
