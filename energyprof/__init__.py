"""energyprof: how much energy it takes to train a model to a target accuracy.

A training program may ask its profiler for a seed and whether a score will do, and tell it where it is::

    import energyprof
    torch.manual_seed(energyprof.seed())
    energyprof.mark("train")
    energyprof.progress(samples=4096, score=0.71)
    energyprof.reached(0.71)

Outside a profile these say 0 and False, and do nothing. Any program may measure itself::

    with energyprof.measure("fine-tune") as m:
        ...
    print(m.energy_j)
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # typing's takes longer to load than all that is here
if TYPE_CHECKING:
    from typing import Any

    from energyprof.callbacks.window import energy, measure, start, stop
    from energyprof.wire import mark, progress, reached, seed

__version__ = "0.1.0"
__all__ = ["__version__", "energy", "mark", "measure", "progress", "reached", "seed", "start", "stop"]

# Each is loaded when it is first used: a program that only imports us pays next to nothing, and the command
# line, which is of this package too, nothing for what it does not use.
_WIRE = ("mark", "progress", "reached", "seed")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module("energyprof.wire" if name in _WIRE else "energyprof.callbacks.window")
    found = globals()[name] = getattr(home, name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext energyprof`` in IPython and Jupyter: ``%%energy`` measures a cell."""
    from energyprof.callbacks.ipython import load

    load(shell)
