"""energyprof: how much energy it takes to train a model to a target accuracy.

A training program may tell its profiler where it is::

    import energyprof
    energyprof.mark("epoch 3")
    energyprof.progress(samples=4096, score=0.71)

Outside a profile both do nothing.
"""

from energyprof.wire import mark, progress

__version__ = "0.1.0"
__all__ = ["__version__", "mark", "progress"]
