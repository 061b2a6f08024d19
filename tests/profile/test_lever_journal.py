"""Journals whose owner is dead, or seems so."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from energyprof.measure.lever import Lasts, LeverError
from energyprof.profile.lever_journal import Entry, own_folder, put_back, restore_left
from fakes import levers as fakes

MAX = f"{fakes.CPU}/cpufreq/policy0/scaling_max_freq"
# What a killed run's child does that has not yet become its program: it holds the lock for a while.
HOLDS = "import fcntl, sys, time; fcntl.flock(0, fcntl.LOCK_EX); print(flush=True); time.sleep(0.3)"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fakes.cpufreq(tmp_path, policies=(0,))
    (tmp_path / MAX).write_text("2000000\n")
    monkeypatch.setenv("ENERGYPROF_SYSFS_ROOT", str(tmp_path))
    monkeypatch.setenv("ENERGYPROF_STATE", str(tmp_path / "state"))
    return tmp_path


def journal(pid: int) -> Path:
    """One of a run of process ``pid``, which turned the highest frequency from 3.6 GHz."""
    entry = {"name": "cpu.max_freq:policy0", "address": f"sysfs:{MAX}", "lasts": "boot", "before": "3600000"}
    own_folder().mkdir(parents=True)
    path = own_folder() / "x.json"
    path.write_text(json.dumps({"schema": "energyprof.levers/1", "boot": "", "entries": [entry], "pid": pid}))
    return path


def dead() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_a_dead_run_s_last_child_is_waited_for(root: Path) -> None:
    path = journal(dead())
    with (
        path.open() as held,
        subprocess.Popen([sys.executable, "-c", HOLDS], stdin=held, stdout=subprocess.PIPE) as child,
    ):
        assert child.stdout is not None
        child.stdout.readline()
        held.close()  # one lock with the child's
        assert restore_left() == [
            "cpu.max_freq:policy0 is put back to 3600000: a run that turned it was killed"
        ]
    assert (root / MAX).read_text().strip() == "3600000"
    assert not path.exists()


def test_what_a_living_run_has_turned_is_left_alone(root: Path) -> None:
    path = journal(os.getpid())
    with path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert restore_left() == []
    assert (root / MAX).read_text().strip() == "2000000"
    assert path.exists()


def test_a_journal_without_its_owner_s_number_is_believed_to_be_held_by_it(root: Path) -> None:
    path = journal(0)
    with path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert restore_left() == []
    assert path.exists()


class Processor:
    """Of one with intel_pstate what bars what: no boost cuts what is read, and a governor preferences."""

    def __init__(self) -> None:
        self.asked = {"boost": "off", "frequency": "2000000", "governor": "performance", "preference": "0"}

    def control(self, name: str) -> OneOf:
        return OneOf(self, name)


class OneOf:
    lasts: Lasts = "boot"

    def __init__(self, processor: Processor, name: str) -> None:
        self._processor, self.address = processor, name

    def read(self) -> str:
        asked = self._processor.asked
        if self.address == "frequency" and asked["boost"] == "off":
            return str(min(int(asked["frequency"]), 2_800_000))
        return asked[self.address]

    def write(self, text: str) -> None:
        if self.address == "preference" and self._processor.asked["governor"] == "performance":
            raise LeverError("preference: it is in use")  # EBUSY
        self._processor.asked[self.address] = text


def test_what_another_lever_bars_is_put_back_after_it() -> None:
    before = {"boost": "on", "frequency": "3600000", "governor": "powersave", "preference": "128"}
    processor = Processor()
    pairs = [(Entry(name, name, "boot", text), processor.control(name)) for name, text in before.items()]
    assert put_back(pairs) == []
    assert processor.asked == before


def test_what_does_not_go_back_is_said_once_and_the_others_go_back() -> None:
    processor = Processor()
    entries = {"governor": "performance", "preference": "128", "boost": "on"}
    pairs = [(Entry(name, name, "boot", text), processor.control(name)) for name, text in entries.items()]
    assert put_back(pairs) == ["preference: preference: it is in use"]
    assert processor.asked["boost"] == "on"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
@pytest.mark.parametrize("home", ["/root", "/nonexistent", ""], ids=["of another", "missing", "none"])
def test_a_user_without_a_home_has_left_nothing_and_may_run(home: str, tmp_path: Path) -> None:
    """As in a container that is started as any user number."""
    code = "import os; from energyprof.profile.lever_journal import restore_left as left\n"
    code += "os.setuid(65533); print(left())"
    environment = {
        name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_STATE_HOME")
    }
    environment |= {"HOME": home} if home else {}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
