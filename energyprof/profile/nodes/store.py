"""What nodes tell each other: bytes under names, in a folder that all of them see."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from pathlib import Path
from typing import IO, Protocol

from energyprof.errors import FileError

# A name in a store is that of a file: nothing in it may lead elsewhere.
NAME = re.compile(r"[a-z0-9][a-z0-9.#-]{0,99}")
CHUNK_BYTES = 1 << 20
# What is kept in memory; reports and traces go from file to file.
MAX_VALUE_BYTES = 1 << 20


class StoreError(FileError):
    """The store cannot be reached, or has no room."""


class Gone(StoreError):
    """The store was there, and has been removed, as node 0 does when its run is over."""


class Store(Protocol):
    """What all nodes of a run write to and read from."""

    def put(self, name: str, value: bytes) -> None:
        """Keep ``value``, in place of what had this name. Raises StoreError."""

    def get(self, name: str) -> bytes | None:
        """What has this name; ``None``: nothing has. Raises StoreError."""

    def names(self) -> set[str]:
        """All names. Raises StoreError."""

    def send(self, name: str, path: Path) -> None:
        """Keep what is in the file ``path``, of any length. Raises StoreError."""


class FolderStore:
    """A folder, on a disk that all nodes see, or that node 0 serves to the others."""

    def __init__(self, folder: Path) -> None:
        """Raises StoreError: it cannot be made, or is another user's."""
        self.folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
                raise StoreError(f"{folder}: is not this user's own folder: remove it")
        except OSError as error:
            raise StoreError(f"{folder}: cannot be made: {error.strerror}") from None

    def put(self, name: str, value: bytes) -> None:
        """Keep ``value``; who reads sees all of it or nothing. Raises StoreError."""
        made = self.folder / f".{_checked(name)}.{os.getpid()}.{os.urandom(4).hex()}"
        try:
            made.write_bytes(value)
            os.replace(made, self.folder / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                made.unlink()
            raise self._failed(name, "written", error) from None

    def get(self, name: str) -> bytes | None:
        """What has this name; ``None``: nothing has. Raises StoreError."""
        try:
            with open(self.folder / _checked(name), "rb") as file:
                return file.read(MAX_VALUE_BYTES)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and self.folder.exists():
                return None
            raise self._failed(name, "read", error) from None

    def names(self) -> set[str]:
        """All names. Raises StoreError."""
        try:
            return {name for name in os.listdir(self.folder) if NAME.fullmatch(name)}
        except OSError as error:
            raise self._failed("", "read", error) from None

    def send(self, name: str, path: Path) -> None:
        """Keep what is in the file ``path``. Raises StoreError."""
        try:
            with open(path, "rb") as file:
                self.receive(name, file, path.stat().st_size)
        except OSError as error:
            raise StoreError(f"{path}: cannot be sent to the other nodes: {error.strerror}") from None

    def receive(self, name: str, source: IO[bytes], size: int) -> None:
        """Keep the next ``size`` bytes of ``source``. Raises StoreError: not all come or fit."""
        made = self.folder / f".{_checked(name)}.{os.urandom(4).hex()}"
        try:
            with open(made, "wb") as file:
                while size > 0:
                    chunk = source.read(min(size, CHUNK_BYTES))
                    if not chunk:
                        raise StoreError(f"{name}: was cut off on its way")
                    file.write(chunk)
                    size -= len(chunk)
            os.replace(made, self.folder / name)
        except OSError as error:
            raise StoreError(f"{self.folder / name}: cannot be written: {error.strerror}") from None
        finally:
            with contextlib.suppress(OSError):
                made.unlink()

    def claim(self, name: str, value: bytes) -> bool:
        """Keep ``value`` if nothing has this name yet; of several who try, one does. Raises StoreError."""
        try:
            file = os.open(self.folder / _checked(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return False
        except OSError as error:
            raise StoreError(f"{self.folder / name}: cannot be written: {error.strerror}") from None
        with open(file, "wb") as stream:
            stream.write(value)
        return True

    def close(self) -> None:
        """Remove the folder, and all in it."""
        over = self.folder.with_name(f"{self.folder.name}.{os.urandom(4).hex()}")
        with contextlib.suppress(OSError):
            # At once: who puts something there meanwhile would keep a folder that nobody looks at any more.
            os.rename(self.folder, over)
        for folder in (over, self.folder):
            shutil.rmtree(folder, ignore_errors=True)

    def _failed(self, name: str, what: str, error: OSError) -> StoreError:
        if isinstance(error, FileNotFoundError) and not self.folder.exists():
            return Gone(f"{self.folder}: has been removed")
        return StoreError(f"{self.folder / name}: cannot be {what}: {error.strerror}")


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise StoreError(f"{name[:100]!r}: is not a name for what nodes tell each other")
    return name
