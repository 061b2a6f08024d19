"""What tells a machine from every other: its hardware's numbers, never its name.

A host's name, a container's name and a model are shared by many machines and change on one. The numbers here
are kept as digests alone: systemd's machine-id(5) asks that of its own (HMAC-SHA256 with a key for each
application), and a serial number is nobody's business either.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_KEY = b"energyprof machine"
_DMI = "sys/class/dmi/id"
# Where each number lies, the firmest first. Those of the DMI are for root alone; a Jetson's and a Raspberry
# Pi's device tree says its own to anybody.
_PLACES: Mapping[str, Sequence[str]] = {
    "product": (f"{_DMI}/product_uuid",),
    "serial": ("proc/device-tree/serial-number", "sys/firmware/devicetree/base/serial-number"),
    "board": (f"{_DMI}/board_serial", f"{_DMI}/product_serial"),
}
INSTALLATION = "etc/machine-id"
BOOT = "proc/sys/kernel/random/boot_id"

# What firmware says that was never told: dmidecode(8) shows all zeros as "Not Settable" and all ones as "Not
# Present" (SMBIOS 3.7, 7.2.1); the others are what board makers leave as they found it.
_NEVER_SET = re.compile(
    r"[0\W]*|[f\W]*|(?:0?123456789)\w*|[x.\-]*|none|n/?a|not \w+|null|unknown|default( string)?|invalid|"
    r"(system|base ?board|chassis) serial number|serial|to be filled by o\.?e\.?m\.?|"
    r"03000200-0400-0500-0006-000700080009|uninitialized",
    re.IGNORECASE,
)
_SHORTEST = 4  # characters of a number that tells two boards apart


def hardware(root: Path, gpus: Sequence[Mapping[str, Any]], *, contained: bool) -> dict[str, str]:
    """A digest for each number that identifies the machine, the firmest first; empty where nothing does.

    ``product``, ``serial`` and ``board`` are the board's; ``gpus`` is of all GPUs together; ``installation``
    is systemd's, which in a container (``contained``) is the image's and so is left out; ``boot`` is drawn by
    the kernel each time it starts, and is the same in all its containers.
    """
    found: dict[str, str] = {}
    for kind, places in _PLACES.items():
        for place in places:
            if (number := _number(root / place)) and kind not in found:
                found[kind] = _digest(kind, number)
    uuids = sorted(str(gpu["uuid"]) for gpu in gpus if gpu.get("uuid"))
    if uuids and len(uuids) == len(gpus):
        found["gpus"] = _digest("gpus", " ".join(uuids))
    if not (contained or _layered(root)) and (number := _number(root / INSTALLATION)):
        found["installation"] = _digest("installation", number)
    if (number := _number(root / BOOT)) or (not found and (number := _number(Path("/") / BOOT))):
        # A container's view of its host's files may lack it; the kernel is the same one.
        found["boot"] = _digest("boot", number)
    return found


def of(hardware: Mapping[str, str], named: str = "") -> str:
    """The id that stands for all of it: the user's name for it, else its firmest number, else empty."""
    return _digest("named", named) if named else next(iter(hardware.values()), "")


def _layered(root: Path) -> bool:
    """Whether the root is an overlay, as that of an image is: proc(5), /proc/PID/mountinfo."""
    try:
        lines = (root / "proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return False
    for line in lines:
        place, _, kind = line.partition(" - ")
        if place.split()[4:5] == ["/"]:
            return kind.split()[:1] == ["overlay"]
    return False


def _number(path: Path) -> str:
    """What the file holds, if it is a number that somebody set and this user may read."""
    try:
        text = path.read_text(errors="replace").replace("\0", " ").strip().lower()
    except OSError:
        return ""
    return "" if len(text) < _SHORTEST or _NEVER_SET.fullmatch(text) else text


def _digest(kind: str, number: str) -> str:
    return "sha256:" + hmac.new(_KEY, f"{kind} {number}".encode(), hashlib.sha256).hexdigest()
