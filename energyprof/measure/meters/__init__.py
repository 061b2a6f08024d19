"""The kinds of meters, and the search for them on this machine and where the user says."""

from __future__ import annotations

import dataclasses
import importlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from energyprof.errors import EnergyprofError, UsageError
from energyprof.meter import Finding

# Kind -> module, imported when it is searched for: it offers ``ROLE`` and ``find(root) -> Finding``.
KINDS: dict[str, str] = {
    "rapl": "energyprof.measure.meters.rapl.rapl",
    "nvml": "energyprof.measure.meters.nvidia.nvml",
    "amdgpu": "energyprof.measure.meters.amd.amdgpu",
    "intelgpu": "energyprof.measure.meters.intelgpu",
    "jetson": "energyprof.measure.meters.jetson.jetson",
    "jtop": "energyprof.measure.meters.jetson.jtop",
    "hwmon": "energyprof.measure.meters.hwmon",
    "battery": "energyprof.measure.meters.battery",
    "codecarbon": "energyprof.measure.meters.codecarbon",
    "pyrapl": "energyprof.measure.meters.pyrapl",
    "cpu-model": "energyprof.measure.meters.cpu_model",
}

# Kinds that are found only where the user says, in the words ``KIND=ADDRESS?OPTION=VALUE&…``. Their modules
# offer ``ROLE``, ``USAGE`` (an example of such words) and ``find_at(address, options) -> Finding``.
ADDRESSED: dict[str, str] = {
    "kwollect": "energyprof.measure.meters.network.kwollect",
    "redfish": "energyprof.measure.meters.network.redfish",
    "ipmi": "energyprof.measure.meters.network.ipmi",
    "shelly": "energyprof.measure.meters.network.shelly",
    "tasmota": "energyprof.measure.meters.network.tasmota",
    "csv": "energyprof.measure.meters.csv",
}

# "shelly=192.0.2.7+shelly=192.0.2.8": a "+" elsewhere belongs to an address.
_JOINT = re.compile(rf"\+(?=(?:{'|'.join([*KINDS, *ADDRESSED])})(?:[=:]|\+|$))")

_WORDS = re.compile(r"(?P<kind>[a-z-]+)[=:](?P<address>[^?]+)(\?(?P<options>.*))?")


def sysfs_root() -> Path:
    """Where ``/sys`` and ``/proc`` hang: ``ENERGYPROF_SYSFS_ROOT``, or ``/``."""
    return Path(os.environ.get("ENERGYPROF_SYSFS_ROOT") or "/")


def find(kind: str, root: Path) -> Finding:
    """What there is of one kind; a library that breaks makes a blocked meter, with its words."""
    module = importlib.import_module(KINDS[kind])
    return _tolerant(module, kind, lambda: module.find(root))


def find_all(root: Path) -> list[Finding]:
    """What there is of each kind, in the order of ``KINDS``."""
    return [find(kind, root) for kind in KINDS]


def find_asked(root: Path, asked: Sequence[str]) -> list[Finding]:
    """What there is of the kinds that ``asked`` names: all for "auto", else only those.

    Raises:
        UsageError: a name of no kind, or of a kind that needs an address without one.
    """
    each = [part for words in asked for part in parts_of(words)]
    findings = find_addressed(asked)
    named = [kind_of(words) for words in each if words not in ("auto", "none")]
    wanted = KINDS if "auto" in asked or not asked else [kind for kind in KINDS if kind in named]
    return [find(kind, root) for kind in wanted] + findings


def find_addressed(asked: Sequence[str]) -> list[Finding]:
    """The meters at the addresses in ``asked``, each once.

    Raises:
        UsageError: as ``find_at``.
    """
    each = [part for words in asked for part in parts_of(words)]
    return [find_at(words) for words in dict.fromkeys(each) if kind_of(words) in ADDRESSED]


def parts_of(words: str) -> list[str]:
    """The meters that ``words`` join into one total: "shelly=A+shelly=B" are two, "rapl" is one."""
    return _JOINT.split(words)


def kind_of(words: str) -> str:
    """The kind that ``words`` ("rapl", "nvml:0", "shelly=192.0.2.7", "auto") begin with."""
    return re.split("[=:]", words, maxsplit=1)[0]


def find_at(words: str) -> Finding:
    """The meter at an address: "shelly=192.0.2.7?boundary=wall_ac"; one that does not answer is blocked.

    Raises:
        UsageError: there is no address, or an option that the kind does not have.
    """
    from urllib.parse import parse_qsl  # few meters have an address

    kind = kind_of(words)
    module = importlib.import_module(ADDRESSED[kind])
    parts = _WORDS.fullmatch(words)
    if parts is None:
        raise UsageError(f"{words}: a {kind} meter needs an address, such as --meters {module.USAGE}")
    options = dict(parse_qsl(parts["options"] or "", keep_blank_values=True))
    finding = _tolerant(module, kind, lambda: module.find_at(parts["address"], options))
    return dataclasses.replace(finding, asked=words)


def addresses() -> list[str]:
    """An example of the words for each kind that needs an address."""
    return [importlib.import_module(module).USAGE for module in ADDRESSED.values()]


def _tolerant(module: Any, kind: str, search: Callable[[], Finding]) -> Finding:
    try:
        return search()
    except EnergyprofError:
        raise
    # Whatever a driver's library may raise: one kind must not stop the others.
    except Exception as error:  # noqa: BLE001
        reason = f"the search failed: {type(error).__name__}: {error}"
        return Finding(kind, module.ROLE, "blocked", reason=" ".join(reason.split()))
