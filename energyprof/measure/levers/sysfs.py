"""A file of the kernel as a control: one value, written with one call and read back.

Errors come from ``write`` itself (Linux, fs/kernfs/file.c), so nothing is buffered.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from energyprof.measure.lever import Lasts, LeverError

ADDRESS = "sysfs:"
# No file of sysfs is longer (Linux, filesystems/sysfs.rst).
PAGE = 4096

# What the kernel's drivers answer, whatever their own error was.
_MEANINGS = {
    errno.EACCES: "only root may write it",
    errno.EPERM: "only root may write it",
    errno.EROFS: "it is mounted read-only, as in a container",
    errno.EINVAL: "the kernel takes no such value",
    errno.ENODATA: "refused, probably locked by the firmware",
    errno.EBUSY: "it is in use",
}


class SysfsControl:
    """One file below the root."""

    lasts: Lasts = "boot"

    def __init__(self, path: str, root: Path) -> None:
        """``path`` is relative to ``root``."""
        self.address = ADDRESS + path
        self._path = root / path

    def read(self) -> str:
        """Its text, without the line's end. Raises LeverError."""
        try:
            return _start_of(self._path)
        except OSError as error:
            raise LeverError(f"{self._path}: cannot be read: {meaning(error)}") from None

    def write(self, text: str) -> None:
        """Write it whole. Raises LeverError."""
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC | os.O_TRUNC)
            try:
                os.write(file, text.encode())
            finally:
                os.close(file)
        except OSError as error:
            raise LeverError(f"{self._path}: {text!r} was not taken: {meaning(error)}") from None


def control(address: str, root: Path) -> SysfsControl:
    """The file at an address. Raises LeverError: it is gone."""
    path = address.removeprefix(ADDRESS)
    if ".." in Path(path).parts or Path(path).is_absolute() or not path.startswith("sys/"):
        raise LeverError(f"{address}: not a file of the kernel")
    if not (root / path).exists():
        raise LeverError(f"{root / path}: is not there any more")
    return SysfsControl(path, root)


def remedy(path: Path) -> str:
    """What would let this user write the file; "": nothing hinders."""
    if not path.exists() or os.access(path, os.W_OK):
        return ""
    return "sudo" if os.geteuid() != 0 else "a container that may write /sys (--privileged)"


def meaning(error: Exception) -> str:
    """What an error of the kernel means here."""
    number = getattr(error, "errno", None)
    return _MEANINGS.get(number or 0, getattr(error, "strerror", None) or str(error))


def text_of(path: Path) -> str:
    """The file's text without the line's end, "" where there is none."""
    try:
        return _start_of(path)
    except OSError:
        return ""


def _start_of(path: Path) -> str:
    with open(path, "rb") as file:
        return file.read(PAGE).decode(errors="replace").strip()


def number_of(path: Path) -> int | None:
    """The whole number in the file; ``None`` where there is none."""
    text = text_of(path)
    return int(text) if text.isdecimal() and text.isascii() else None
