"""A server's own power meter, asked through ipmitool: over the board (``local``) or over the network."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from energyprof.errors import MeterError, UsageError
from energyprof.measure.meters.network.address import credential_variables, parse
from energyprof.measure.meters.network.polled import BMC_WINDOW_S
from energyprof.meter import Finding, MeterInfo, Role, Source
from energyprof.trace.gains import BMC

ROLE: Role = "real"
USAGE = "ipmi=bmc.example"

# DCMI gives whole watts, and BMCs renew them about once a second.
PERIOD_S = 1.0
STEP_W = 1.0

# A read gives up after this, so that no run's end waits for a BMC. The first may take longer: a session.
READ_S = 1.5
FIRST_S = 6.0

OFFSET_A_W = 10.0

# The largest 8-GPU servers take 10 to 15 kW.
MAX_POWER_W = 30_000.0

DEVICES = ("/dev/ipmi0", "/dev/ipmi/0", "/dev/ipmidev/0")

# The remedy for what ipmitool says.
# A session of its own would do, too, but is how a training's processes are told from our helpers.
_OWN_GROUP: dict[str, Any] = (
    {"process_group": 0} if sys.version_info >= (3, 11) else {"start_new_session": True}
)
_SAID = (
    ("ermission denied", "run as root, or: sudo chmod a+rw /dev/ipmi0  # until the next boot"),
    ("Could not open device", "sudo modprobe -a ipmi_si ipmi_devintf"),
    (
        "Unable to establish",
        "check the host, the user and the password, and that IPMI over LAN is switched on",
    ),
    ("DCMI", "this BMC has no DCMI power reading: try redfish=HOST, or an external meter"),
)
_POWER = re.compile(r"Instantaneous power reading:\s*(\d+)\s*Watts", re.IGNORECASE)
_STATE = re.compile(r"Power reading state is:\s*(\w+)", re.IGNORECASE)


def find_at(address: str, options: Mapping[str, str]) -> Finding:
    """The BMC's power reading; blocked if ipmitool does not get one.

    Raises:
        UsageError: an option is invalid.
    """
    place = parse("ipmi", address, options, gain=BMC)
    if not re.fullmatch(r"[\w.:\[\]][\w.:\[\]-]*", address):
        raise UsageError(f"ipmi={address}: neither local nor a host name")
    program = shutil.which("ipmitool")
    if program is None:
        reason, remedy = "ipmitool is not installed", "sudo apt install ipmitool"
        return Finding("ipmi", ROLE, "blocked", reason=reason, remedy=remedy)
    user, password = _credentials()
    if address != "local" and not (user and password):
        reason = f"{address} asks for a user and a password"
        remedy = "export {}=… {}=…".format(*credential_variables("ipmi"))
        return Finding("ipmi", ROLE, "blocked", reason=reason, remedy=remedy)
    info = MeterInfo(
        name=place.name(),
        kind="ipmi",
        part="machine",
        boundary=place.boundary,
        reads="power_w",
        method="ipmitool dcmi power reading",
        resolution=STEP_W,
        refresh_s=PERIOD_S,
        **place.gain,
        max_power_w=MAX_POWER_W,
        device=address,
        window_s=BMC_WINDOW_S,
        window_assumed=True,
        min_interval_s=PERIOD_S,
        offset_a_w=0.0 if "gain" in options else OFFSET_A_W,
    )
    meter = Ipmi(info, _command(program, address, user), password)
    try:
        started_s = time.monotonic()
        said = meter.ask(FIRST_S)
        meter.power_w(said)
        if time.monotonic() - started_s > READ_S:
            meter.power_w(meter.ask(READ_S))
    except MeterError as error:
        reason = str(error).removeprefix(f"{info.name}: ")
        return Finding("ipmi", ROLE, "blocked", reason=reason, remedy=_remedy(address, reason))
    finally:
        meter.close()
    state = _STATE.search(said)
    notes = []
    if state and state[1].lower() != "activated":
        # OpenBMC says so of every reading, good ones too.
        notes.append(f"{info.name}: the BMC calls its power reading {state[1]}: see that the power moves")
    source = Source(info, functools.partial(Ipmi, info, meter.command, password))
    return Finding("ipmi", ROLE, "found", (source,), notes=tuple(notes))


def _credentials() -> tuple[str, str]:
    """User and password from energyprof's own variables, the password else from ipmitool's."""
    user, password = (os.environ.get(name, "") for name in credential_variables("ipmi"))
    return user, password or os.environ.get("IPMITOOL_PASSWORD") or os.environ.get("IPMI_PASSWORD") or ""


def _command(program: str, address: str, user: str) -> tuple[str, ...]:
    """Without the password: every user of the machine can read a command line."""
    there = () if address == "local" else ("-I", "lanplus", "-H", address, "-U", user, "-E")
    return (program, *there, "dcmi", "power", "reading")


def _remedy(address: str, reason: str) -> str:
    # ipmitool tries three names and tells only of the last one, which is not there.
    forbidden = any(Path(d).exists() and not os.access(d, os.R_OK | os.W_OK) for d in DEVICES)
    if address == "local" and forbidden:
        return _SAID[0][1]
    return next((remedy for words, remedy in _SAID if words in reason), "")


class Ipmi:
    """One BMC; each reading is a process of its own."""

    def __init__(self, info: MeterInfo, command: Sequence[str], password: str) -> None:
        """Starts nothing yet."""
        self.info = info
        self.command = command
        # ipmitool takes the first of the two that is set; the user's other variables stay as they are.
        self._environment = {**os.environ, "LC_ALL": "C"}
        if password:
            self._environment |= {"IPMITOOL_PASSWORD": password, "IPMI_PASSWORD": password}
        self._child: subprocess.Popen[str] | None = None
        self._closed = False

    def read(self) -> float:
        """The power in W, now.

        Raises:
            MeterError: no answer in time, no such reading, or 0 W, which means that nobody filled it in.
        """
        return self.power_w(self.ask(READ_S))

    def ask(self, limit_s: float) -> str:
        """What ipmitool prints. Raises MeterError if it fails or takes longer than ``limit_s``."""
        try:
            # In a group of its own, since Ctrl+C is meant for the run and not for one reading.
            child: subprocess.Popen[str] = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                env=self._environment,
                **_OWN_GROUP,
            )
        except OSError as error:
            raise MeterError(f"{self.info.name}: ipmitool: {error.strerror}") from error
        self._child = child
        if self._closed:
            # From another thread, while the process was being started: there was none yet to be ended.
            child.kill()
        with child:
            try:
                said, complaint = child.communicate(timeout=limit_s)
            except subprocess.TimeoutExpired:
                child.kill()
                raise MeterError(f"{self.info.name}: no answer within {limit_s:g} s") from None
        if child.returncode != 0:
            words = " ".join((complaint or said).split()) or f"exit code {child.returncode}"
            raise MeterError(f"{self.info.name}: ipmitool: {words}")
        return said

    def power_w(self, said: str) -> float:
        """The power in what ipmitool printed. Raises MeterError if there is none."""
        match = _POWER.search(said)
        if match is None:
            words = " ".join(said.split())[:80] or "nothing"
            raise MeterError(f"{self.info.name}: no DCMI power reading in ipmitool's output: {words}")
        if int(match[1]) == 0:
            raise MeterError(
                f"{self.info.name}: the BMC shows 0 W: it does not fill in its DCMI power reading"
            )
        return float(match[1])

    def close(self) -> None:
        """Ends a reading that is under way; a second call does nothing."""
        self._closed = True
        child, self._child = self._child, None
        if child is not None and child.poll() is None:
            child.kill()
