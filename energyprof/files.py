"""Files of ours: read as the JSON of a schema, written at once or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from energyprof.decode import short
from energyprof.errors import FileError
from energyprof.storable.frozen import dataclass
from energyprof.storable.values import MAX_FILE_BYTES, is_text


@dataclass(frozen=True)
class Schema:
    """What stands in a file's ``schema``: ``NAME/VERSION``; a reader takes every version up to its own."""

    name: str
    version: int
    what: str  # such a file is, in a word or two: "report"


def parse(text: str, where: str, schema: Schema, decoder: json.JSONDecoder | None = None) -> dict[str, Any]:
    """The JSON of a file of ``schema``; its fields are not looked at.

    ``decoder``: ``STRICT`` unless said otherwise.

    Raises:
        FileError: not JSON, another schema, or a newer version of it.
    """
    try:
        data = (decoder or STRICT).decode(text)
    except json.JSONDecodeError as error:
        raise FileError(f"{where}: not a readable {schema.what}: {error}; was it cut off?") from None
    except (ValueError, RecursionError) as error:
        raise FileError(f"{where}: not a readable {schema.what}: {_one_line(error)}") from None
    label: Any = data.get("schema") if isinstance(data, dict) else None
    ours = f"{schema.name}/{schema.version}"
    match = re.fullmatch(rf"{re.escape(schema.name)}/([1-9][0-9]{{0,8}})", label) if is_text(label) else None
    if match is None:
        raise FileError(
            f"{where}: not an energyprof {schema.what}: its schema is {short(label)}, not {ours!r}"
        )
    if int(match[1]) > schema.version:
        raise FileError(
            f"{where}: written by a newer energyprof ({label}; this one reads up to {ours}): "
            "install that one, from where this one came"
        )
    return dict(data)


def read_text(path: Path) -> str:
    """What the file ``path`` says.

    Raises:
        FileError: it cannot be read, is not text, or has no end.
    """
    try:
        with open(path, "rb") as file:
            content = bytearray()
            while chunk := file.read(
                _CHUNK_BYTES
            ):  # asked for more at once, it would take room for all of it
                content += chunk
                if b"\0" in chunk:  # a device, a binary file: no need to read it to its end
                    raise FileError(f"{path}: not a text file, so not one of energyprof")
                if len(content) > MAX_FILE_BYTES:
                    raise FileError(
                        f"{path}: longer than {MAX_FILE_BYTES >> 20} MB: not a file of energyprof"
                    )
        return content.decode()
    except UnicodeDecodeError:
        raise FileError(f"{path}: not a text file, so not one of energyprof") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from None


_CHUNK_BYTES = 1 << 20


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path``, over whatever lies there; a reader never sees half of it.

    Raises:
        FileError: the disk is full, or the folder cannot be written.
    """
    _publish(path, text.encode(), os.replace)


def write_new(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` if nothing lies there, whole or not at all; of several only one can.

    Raises:
        FileError: something lies there, the disk is full, or the folder cannot be written.
    """
    _publish(path, text.encode(), _link)


def write_bytes(path: Path, content: bytes) -> None:
    """`write_text` for content that is not text."""
    _publish(path, content, os.replace)


def write_new_bytes(path: Path, content: bytes) -> None:
    """`write_new` for content that is not text."""
    _publish(path, content, _link)


def gives_way(path: Path) -> bool:
    """Whether a file may be written at ``path``: nothing lies there, or a file or a link to one.

    A device, a pipe or a folder keeps its place, and so does what stands for an open file (/dev/stdout): a
    file that is renamed over it would end it for every program.
    """
    try:
        if path.is_symlink() and os.readlink(path).startswith("/proc/"):
            return False
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True  # nothing there, or a link that leads nowhere; what else is wrong, writing will say


def make_folder(path: Path) -> None:
    """Make the folder that the file ``path`` is to lie in.

    Raises:
        FileError: it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}") from None


def temporary_folder() -> Path:
    """The folder for temporary files, as `tempfile.gettempdir` finds it.

    That tries each with a file, which stays for ever if we are killed meanwhile. What is found here holds for
    whatever uses `tempfile` in this process from now on.
    """
    import tempfile  # what only reads reports needs none

    if tempfile.tempdir is None:
        named = [os.environ[name] for name in ("TMPDIR", "TEMP", "TMP") if os.environ.get(name)]
        there = (Path(name).absolute() for name in (*named, "/tmp", "/var/tmp", "/usr/tmp", os.curdir))
        may_be = (path for path in there if path.is_dir() and os.access(path, os.W_OK | os.X_OK))
        tempfile.tempdir = str(next(may_be, "/tmp"))
    return Path(os.fsdecode(tempfile.tempdir))


@contextlib.contextmanager
def temporary(folder: Path) -> Iterator[tuple[Path, int]]:
    """A file that is being made in ``folder``, and its descriptor; gone in the end unless it was renamed.

    Nobody can know its name before, and its lock tells `sweep` that whoever makes it is alive.

    Raises:
        OSError: the folder cannot be written.
    """
    path, file = folder / f"{_TEMPORARY}{os.urandom(8).hex()}.tmp", -1
    try:  # from before it is there: a signal may come as soon as it is
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        yield path, file
    finally:
        if file >= 0:
            os.close(file)
        with contextlib.suppress(OSError):
            path.unlink()


def sweep(folder: Path) -> None:
    """Remove from ``folder`` what we were making there when we were killed."""
    for path in folder.glob(f"{_TEMPORARY}*.tmp"):
        with contextlib.suppress(OSError):  # another user's, or in the making
            file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                found = os.fstat(file)
                if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
            finally:
                os.close(file)


_TEMPORARY = ".energyprof-"
# Between its making and its lock a file can be swept away.
_TRIES = 3


def _publish(path: Path, whole: bytes, rename: Callable[[Path, Path], None]) -> None:
    make_folder(path)
    if rename is os.replace and not gives_way(path):
        raise FileError(f"{path}: cannot be written: it is not a file")
    try:
        for tries_left in reversed(range(_TRIES)):
            with temporary(path.parent) as (made, file):
                content = whole
                while content:
                    content = content[os.write(file, content) :]
                os.fsync(file)
                try:
                    rename(made, path)
                    return
                except FileNotFoundError:
                    if not tries_left:
                        raise
    except FileExistsError:
        raise FileError(f"{path}: {TAKEN}") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}") from None


TAKEN = "already exists; choose another --output, or use --force to overwrite it"


def _link(made: Path, path: Path) -> None:
    """Give a whole file its name, unless something has it (`os.rename` would replace that)."""
    try:
        os.link(made, path, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # FAT, some shares: the name is taken first, and the file comes in its place.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666))
        os.replace(made, path)


_NO_LINKS = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object that says each thing once: of two values each reader would take another."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{short(next(name for name in names if names.count(name) > 1))} stands there twice")
    return found


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")


STRICT = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_not_json)
# For thousands of files at once, in two thirds of the time: of two values under one name the later counts.
FAST = json.JSONDecoder(parse_constant=_not_json)
