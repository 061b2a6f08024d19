"""A network as it is used afterwards, without what served its training: no cache, nothing computed twice.

``--cache-features`` reads what a frozen block put out for the same input, and no input of an inference comes
again; ``--recompute`` has each block computed again for a backward pass that no inference has.
"""

import copy
import functools
from typing import Any

from energyprof.workloads.training.levers import features


def reads(module: Any) -> bool:
    """Whether it is a frozen block that reads what it put out before in place of computing it."""
    forward = vars(module).get("forward")
    inner = forward.args[0] if isinstance(forward, functools.partial) else forward
    return isinstance(inner, features._Block)


def plain(model: Any) -> Any:
    """The network whose blocks compute, each once: ``model`` itself, or a copy."""
    if not any(map(_wrapped, model.modules())):
        return model
    made = copy.deepcopy(model)
    for module in filter(_wrapped, made.modules()):
        del module.forward
    for hooks in (made._forward_pre_hooks, made._forward_hooks):
        for number, hook in list(hooks.items()):
            if isinstance(hook, (features._Begin, features._End)):
                del hooks[number]
    return made


def _wrapped(module: Any) -> bool:
    forward = vars(module).get("forward")
    return isinstance(forward, (functools.partial, features._Block))
