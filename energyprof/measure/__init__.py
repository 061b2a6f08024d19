"""The hardware: which meters there are, which of them are read, and when.

``energyprof.measure()`` has this package's name. Once the package is loaded the name is its: so it can be
called as well, and a program need not care what else it has imported.
"""

from __future__ import annotations

import sys
import types

from energyprof.callbacks.window import Window


class _Callable(types.ModuleType):
    def __call__(self, name: str = "") -> Window:
        return Window(str(name))


sys.modules[__name__].__class__ = _Callable
