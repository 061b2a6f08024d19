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

from typing import Any

from energyprof.callbacks.window import energy, measure, start, stop
from energyprof.wire import mark, progress, reached, seed


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext energyprof`` in IPython and Jupyter: ``%%energy`` measures a cell."""
    from energyprof.callbacks.ipython import load

    load(shell)


__version__ = "0.1.0"
__all__ = ["__version__", "energy", "mark", "measure", "progress", "reached", "seed", "start", "stop"]
