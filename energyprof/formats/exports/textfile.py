"""``--export textfile:FILE``: a file that node_exporter's textfile collector reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, write_to_textfile

from energyprof.errors import UsageError
from energyprof.formats.exports.prometheus import Newest
from energyprof.profile.live import Snapshot


class TextFile:
    """The file, renewed whole with every snapshot; removed in the end, or it would tell of it for ever."""

    def __init__(self, path: Path, labels: Mapping[str, str]) -> None:
        self._path, self._newest = path, Newest(labels)
        self._registry = CollectorRegistry()
        self._registry.register(self._newest)

    def see(self, now: Snapshot) -> None:
        """Write this one. Raises OSError: it cannot be written."""
        self._newest.now = now
        write_to_textfile(str(self._path), self._registry)

    def close(self) -> None:
        """Remove it."""
        self._path.unlink(missing_ok=True)


def opened(place: str, labels: Mapping[str, str]) -> TextFile:
    """Raises UsageError: it is not a place for such a file."""
    path = Path(place)
    if path.suffix != ".prom" or not path.parent.is_dir():
        raise UsageError(f"--export textfile:{place}: give a file named *.prom in a folder that exists")
    return TextFile(path, labels)
