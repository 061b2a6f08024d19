"""A Jetson's power mode and its clocks, through NVIDIA's own ``nvpmodel`` and ``jetson_clocks``.

A mode stays over reboots. Some modes can only be entered by one; nvpmodel then asks on its standard input and
changes nothing without an answer: it is told no, and what counts is what it says afterwards.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from energyprof.files import temporary_folder
from energyprof.measure import jetson_mode
from energyprof.measure.lever import Control, Lasts, Lever, LeverError, LeverFinding, Words
from energyprof.measure.levers.sysfs import text_of

ADDRESS = "jetson:"
TIMEOUT_S = 30.0
_LOOK_AGAIN_S = 0.02
CLOCKS_ON = "on"


class PowerMode:
    """The mode's number."""

    address = f"{ADDRESS}mode"
    lasts: Lasts = "always"

    def read(self) -> str:
        """What nvpmodel says the mode is. Raises LeverError."""
        told = _output(["nvpmodel", "-q"])
        # "NV Power Mode: MODE_15W", then its number; warnings may come before.
        found = re.search(r"NV Power Mode:[^\n]*\n\s*([0-9]+)\s*$", told, re.MULTILINE)
        if found is None:
            raise LeverError(f"nvpmodel -q: names no mode: {_short(told)}")
        return found[1]

    def write(self, text: str) -> None:
        """Enter the mode if that needs no reboot. Raises LeverError."""
        told = _output(["nvpmodel", "-m", text])
        if "reboot" in told.lower():
            raise LeverError(f"nvpmodel: mode {text} can be entered by a reboot only")


class Clocks:
    """The lowest and highest frequencies, idle states and fan, as ``jetson_clocks --store`` writes them."""

    address = f"{ADDRESS}clocks"
    lasts: Lasts = "boot"

    def read(self) -> str:
        """All of them, a line each. Raises LeverError."""
        with tempfile.TemporaryDirectory(dir=temporary_folder()) as folder:
            stored = Path(folder, "clocks")  # an existing file would be asked about
            _output(["jetson_clocks", "--store", str(stored)])
            text = text_of(stored)
        if not text:
            raise LeverError("jetson_clocks --store: wrote nothing: run as root")
        return text

    def write(self, text: str) -> None:
        """Hold all clocks at their highest, or put back what was read. Raises LeverError."""
        if text == CLOCKS_ON:
            _output(["jetson_clocks"])
            return
        with tempfile.TemporaryDirectory(dir=temporary_folder()) as folder:
            stored = Path(folder, "clocks")
            stored.write_text(text + "\n")
            told = _output(["jetson_clocks", "--restore", str(stored)])
        if "error" in told.lower():  # and the exit code is 0 all the same
            raise LeverError(f"jetson_clocks --restore: {_short(told)}")


class _ClockValues:
    range = CLOCKS_ON
    rungs = (CLOCKS_ON,)

    def own(self, value: str) -> str:
        if value != CLOCKS_ON:
            raise ValueError("it can be on; without it the clocks follow the load")
        return CLOCKS_ON

    def shown(self, text: str) -> str:
        """What a whole list of frequencies amounts to: "/sys/…/scaling_min_freq:1190400", a line each."""
        ends = dict(re.findall(r"^(\S*m(?:in|ax)_freq):([0-9]+)$", text, re.MULTILINE))
        lowest = {name: value for name, value in ends.items() if name.endswith("min_freq")}
        held = [ends.get(name[: -len("min_freq")] + "max_freq") == value for name, value in lowest.items()]
        return CLOCKS_ON if text == CLOCKS_ON or (held and all(held)) else "off"


def find(root: Path) -> LeverFinding:
    """The modes that this board can enter while it runs, and its clocks."""
    conf = jetson_mode.configuration(root)
    if not conf:
        return LeverFinding("jetson", reason="not a Jetson")
    missing = [program for program in ("nvpmodel", "jetson_clocks") if shutil.which(program) is None]
    levers = [*_mode(conf, missing, root), *_clocks(missing)]
    return LeverFinding("jetson", tuple(levers), f"{', '.join(missing)} not on the PATH" if missing else "")


def _mode(conf: str, missing: Sequence[str], root: Path) -> Iterator[Lever]:
    modes = jetson_mode.modes(conf)
    if "nvpmodel" in missing or not modes:
        return
    here = jetson_mode.mode_number(root)
    now = None if here is None else modes.get(here)
    # A mode that powers other parts of the chip on or off needs a reboot.
    live = {n: mode for n, mode in modes.items() if now is None or mode.gates == now.gates}
    words = [(mode.name, str(n)) for n, mode in live.items()]
    barred = [mode.name for n, mode in modes.items() if n not in live]
    notes = (f"{', '.join(barred)} only by a reboot",) if barred else ()
    # Entering a mode sets the clocks anew.
    also = () if "jetson_clocks" in missing else (("jetson.clocks", Clocks()),)
    values = Words(tuple(words))
    yield Lever("jetson.mode", "", PowerMode(), values, remedy=_remedy(), notes=notes, also=also)


def _clocks(missing: Sequence[str]) -> Iterator[Lever]:
    if "jetson_clocks" not in missing:
        yield Lever("jetson.clocks", "", Clocks(), _ClockValues(), remedy=_remedy())


def control(address: str, root: Path) -> Control:
    """The control at an address. Raises LeverError: there is none."""
    controls: dict[str, Control] = {PowerMode.address: PowerMode(), Clocks.address: Clocks()}
    if address not in controls:
        raise LeverError(f"{address}: no control that this version knows")
    return controls[address]


def _remedy() -> str:
    return "" if os.geteuid() == 0 else "sudo"


def _output(command: Sequence[str]) -> str:
    """What the program prints, on either stream; a question is answered with no. Raises LeverError."""
    try:
        with _in_turn() as held:
            done = subprocess.run(
                list(command),
                input="no\n",
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=TIMEOUT_S,
                check=False,
                pass_fds=held,
            )
    except subprocess.TimeoutExpired:
        raise LeverError(f"{' '.join(command)}: no answer in {TIMEOUT_S:g} s") from None
    except OSError as error:
        raise LeverError(f"{command[0]}: cannot be started: {error.strerror}") from None
    if done.returncode != 0:
        raise LeverError(f"{' '.join(command)}: {_short(done.stdout) or f'exit code {done.returncode}'}")
    return done.stdout


@contextlib.contextmanager
def _in_turn() -> Iterator[tuple[int, ...]]:
    """Be the only one that has either program run; the child holds on to the descriptors as long as it does.

    What a killed energyprof had begun goes on without it, and must not write after what was is put back.
    """
    with contextlib.ExitStack() as stack:
        held = []
        for program in sorted(filter(None, map(shutil.which, ("nvpmodel", "jetson_clocks")))):
            with contextlib.suppress(OSError):  # it may be run, and not read
                held.append(os.open(program, os.O_RDONLY | os.O_CLOEXEC))
                stack.callback(os.close, held[-1])
        until_s = time.monotonic() + TIMEOUT_S
        for file in held:
            while not _locked(file) and time.monotonic() < until_s:
                time.sleep(_LOOK_AGAIN_S)
        yield tuple(held)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True


def _short(text: str) -> str:
    return " ".join(text.split())[:200]
