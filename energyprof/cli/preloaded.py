"""All of this program in memory, and no more from the disk: what is judged could have written it there."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

# What a command loads one by one, when it is needed. The workloads run in processes of their own.
_ROOMS = ("cli", "formats", "study", "compare", "profile", "report", "measure", "trace")
# Files for other tools, which are written by a command of their own, and what is told to them during a run,
# which no gate asks for: some load all of that tool, for seconds.
_ELSEWHERE = ("energyprof.formats.interchange.", "energyprof.formats.exports.")
# What draws for them, piece by piece.
_DRAWING = ("rich",)
# What the standard library itself loads late.
_LATE = (
    *("traceback", "linecache", "encodings.idna", "_strptime", "concurrent.futures.thread"),
    *("importlib.readers", "importlib.resources.abc" if sys.version_info >= (3, 11) else "importlib.abc"),
)


class _Nothing(MetaPathFinder):
    """Finds no module, and has nobody else look."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        raise ModuleNotFoundError(f"{fullname}: is not loaded while a program is judged", name=fullname)


def load_all() -> None:
    """Load all that this program may need later."""
    for name in (*(f"energyprof.{room}" for room in _ROOMS), *_DRAWING):
        package = importlib.import_module(name)
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            with contextlib.suppress(ImportError):  # what an extra brings that is not installed
                if not found.name.endswith("__main__") and not found.name.startswith(_ELSEWHERE):
                    importlib.import_module(found.name)
    for name in _LATE:
        importlib.import_module(name)


def load_no_more() -> None:
    """From now on, until this process ends, no module is loaded."""
    sys.meta_path.insert(0, _Nothing())
