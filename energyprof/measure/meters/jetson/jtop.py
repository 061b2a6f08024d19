"""jtop as a cross-check on Jetsons: the rails as the service of jetson-stats reads them, once a second."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import queue
import threading
import time
from collections.abc import Mapping
from multiprocessing import AuthenticationError
from pathlib import Path
from typing import Any

from energyprof.errors import MeterError
from energyprof.measure.meters.jetson.boards import AGX_ORIN, TOTALS, identify, recognise
from energyprof.measure.meters.jetson.ina3221 import OFFSET_V, STEP_V, USUAL_SHUNT_OHM, read_channels
from energyprof.measure.meters.jetson.jetson import MAX_W
from energyprof.measure.meters.ref_counted import RefCounted
from energyprof.meter import Boundary, Finding, MeterInfo, Part, Role, Source
from energyprof.trace.gains import INA3221

ROLE: Role = "cross-check"

# The service's own period, and jtop's default.
PERIOD_S = 1.0

# The client hands out old values when the service stalls: after so many periods they are no reading.
MISSED_PERIODS = 3

# A client waits 3 periods each for the answer of the service and for its first values.
ANSWER_S = 10 * PERIOD_S

# The chips are off by as much as when they are read directly. At which voltage jtop reads them is not known
# beforehand; 20 V is the highest supply of a Jetson module.
SUPPLY_V = 20.0

INSTALL = "pip install 'energyprof[jetson]'"
SERVICE = "sudo jtop --install-service && sudo systemctl restart jtop.service"
GROUP = "sudo usermod -aG jtop $USER, then log in again"
RESTART = "sudo systemctl restart jtop.service"


def find(root: Path) -> Finding:
    """The board's total and its rails; whether the service runs shows when a meter is opened."""
    identity = identify(root)
    if identity is None:
        return Finding("jtop", ROLE, "absent", reason="not a Jetson")
    if importlib.util.find_spec("jtop") is None:
        return Finding("jtop", ROLE, "absent", reason=f"jetson-stats is not installed: {INSTALL}")
    labels = list(dict.fromkeys(channel.label for channel in read_channels(root)))
    board = recognise(identity, labels)
    notes = ["it needs the service jtop.service, which runs as root; --meters jetson needs neither"]
    if board.name == AGX_ORIN.name:
        notes.append("its total adds VDDQ_VDD2_1V8AO, which may lie within VIN_SYS_5V0")
    # jtop takes the total out of its rails.
    rails = [label for label in labels if label not in TOTALS]
    infos = [_info("total", "soc", "module")]
    infos += [_info(label, board.rails.get(label, ("apart", "board"))[1], "component") for label in rails]
    sources = tuple(Source(info, functools.partial(Jtop, info)) for info in infos)
    return Finding("jtop", ROLE, "found", sources, notes=tuple(notes))


def _info(label: str, part: Part, boundary: Boundary) -> MeterInfo:
    return MeterInfo(
        name=f"jtop:{label}",
        kind="jtop",
        part=part,
        boundary=boundary,
        reads="power_w",
        method="jetson-stats jtop.power",
        resolution=STEP_V / USUAL_SHUNT_OHM * SUPPLY_V,
        refresh_s=PERIOD_S,
        **INA3221.info(),
        max_power_w=MAX_W,
        offset_a_w=OFFSET_V / USUAL_SHUNT_OHM * SUPPLY_V,
        may_be_zero=part != "soc",  # a rail can be off, or below one step; a module that runs draws something
        min_interval_s=PERIOD_S / 2,
    )


def _start() -> _Client:
    """A client that has its first values. Raises MeterError with the remedy."""
    try:
        library = importlib.import_module("jtop")
    except ImportError as error:
        raise MeterError(f"jtop: {error}: {INSTALL}") from error
    client = library.jtop(interval=PERIOD_S)
    failure = _failure_of_start(client)
    if failure is not None:
        client.close()
        raise MeterError(f"jtop: {_translated(failure, library.JtopException)}") from failure
    return _Client(client)


def _failure_of_start(client: Any) -> Exception | None:
    """What the connection failed with; ``queue.Empty`` where the service does not answer in time."""
    result: queue.Queue[Exception | None] = queue.Queue()

    def start() -> None:
        try:
            client.start()
        except Exception as error:  # noqa: BLE001  # the library lets through whatever its connection raises
            result.put(error)
        else:
            result.put(None)

    threading.Thread(target=start, name="energyprof-jtop", daemon=True).start()
    try:
        return result.get(timeout=ANSWER_S)
    except queue.Empty as error:
        # Where nobody else takes it, the client gets its own question back, and asks again without an end.
        client._controller = None
        return error


def _translated(error: Exception, jtop_error: type[Exception]) -> str:
    """What is wrong and what to do, in one line."""
    words = " ".join(str(error).split())
    if isinstance(error, jtop_error):
        if "not active" in words:
            return f"its service is not active: {SERVICE}"
        if "can't access" in words:
            return f"no permission to its service: {GROUP}"
        if "ismatch" in words or "Authentication" in words:
            return f"client and service are of different versions ({words.partition('. ')[0]}): {SERVICE}"
    if isinstance(error, PermissionError):
        return f"no permission to its service: {GROUP}"
    if isinstance(error, queue.Empty):
        return f"its service does not answer: {RESTART}"
    if isinstance(error, AuthenticationError):
        return f"client and service are of different versions: {SERVICE}"
    return f"{type(error).__name__}: {words}: {RESTART}"


class _Client:
    """The one connection, and when its values were last new."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._stamp: Any = None
        self._new_s = time.monotonic()

    def power(self) -> Mapping[str, Any]:
        """jtop's ``{"rail": {label: {…}}, "tot": {…}}``, in mW. Raises MeterError if it is old."""
        try:
            alive = self._client.ok(spin=True)
            # When the service read its values; the client repeats them when it stalls.
            stamp, power = self._client.uptime, self._client.power
        except Exception as error:
            words = " ".join(str(error).split()) or type(error).__name__
            raise MeterError(f"the connection to its service is lost ({words}): {RESTART}") from error
        now_s = time.monotonic()
        if stamp != self._stamp:
            self._stamp, self._new_s = stamp, now_s
        if not alive or now_s - self._new_s > MISSED_PERIODS * PERIOD_S:
            raise MeterError(f"no new value for {now_s - self._new_s:.0f} s: {RESTART}")
        if not isinstance(power, Mapping):
            raise MeterError(f"jtop.power is {power!r:.40}, no table of rails")
        return power

    def close(self) -> None:
        """Ends the connection."""
        self._client.close()


CLIENT = RefCounted(_start, lambda client: client.close())


class Jtop:
    """The power of the board or of one rail, as jtop last read it."""

    def __init__(self, info: MeterInfo) -> None:
        """Raises MeterError if the service cannot be reached, with the remedy."""
        self.info = info
        self._client = CLIENT.acquire()
        self._held = True
        try:
            self.read()
        except MeterError:
            self.close()
            raise

    def read(self) -> float:
        """The power in W, at most a second old."""
        try:
            power_mw = self._entry()["power"]
        except MeterError as error:
            raise MeterError(f"{self.info.name}: {error}") from error
        except (KeyError, TypeError) as error:
            raise MeterError(f"{self.info.name}: jtop shows no such rail") from error
        if isinstance(power_mw, bool) or not isinstance(power_mw, (int, float)):
            raise MeterError(f"{self.info.name}: {power_mw!r} is not a power in mW")
        power_w = power_mw / 1000
        if power_w < -(self.info.offset_a_w + self.info.resolution):
            raise MeterError(f"{self.info.name}: {power_w:g} W is further below zero than its zero error")
        return max(0.0, power_w)

    def _entry(self) -> Mapping[str, Any]:
        power = self._client.power()
        label = self.info.name.partition(":")[2]
        if label == "total":
            return power["tot"]  # type: ignore[no-any-return]
        entry: Mapping[str, Any] = power["rail"][label]
        if not entry.get("online", True):
            raise MeterError("the sensor is offline")
        return entry

    def close(self) -> None:
        """Lets go of the client; a second call does nothing."""
        if self._held:
            self._held = False
            CLIENT.release()
