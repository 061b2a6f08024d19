"""The blocks of a network: its largest parts that are called one after the other."""

from typing import Any, Callable, Dict, List, NamedTuple

# More would be layers that no meter can tell apart.
MOST = 32
# Nor what holds less of the network's weights than this.
LEAST = 1 / 8


class Block(NamedTuple):
    """A part of the network that is called by itself."""

    name: str  # as in ``named_modules``
    module: Any


def blocks(model: Any) -> List[Block]:
    """The network's blocks that have weights.

    Taken apart are the network, lists that nobody calls, what goes through such a list, and sequences of most
    of the network's weights, the largest first and as long as there are no more than ``MOST`` blocks.
    """
    whole = _size(model)
    found = [Block("", model)]
    settled = set()  # those that stay as they are
    while True:
        open_ = [block for block in found if block.name not in settled and _of_parts(block, whole)]
        if not open_:
            return found
        largest = max(open_, key=lambda block: (_uncalled(block.module), _size(block.module)))
        inner = [
            Block(f"{largest.name}.{name}".lstrip("."), child)
            for name, child in largest.module.named_children()
            if _size(child)
        ]
        if len(found) - 1 + len(inner) > MOST and largest.name and not _uncalled(largest.module):
            settled.add(largest.name)
            continue
        at = found.index(largest)
        found[at : at + 1] = inner


def called(found: List[Block], run: Callable[[], Any]) -> List[Block]:
    """Those that ``run`` calls, in the order in which it first does."""
    seen: Dict[str, Block] = {}

    def hook(block: Block) -> Any:
        return block.module.register_forward_pre_hook(lambda *_: seen.setdefault(block.name, block) and None)

    handles = [hook(block) for block in found]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return list(seen.values())


def _of_parts(block: Block, whole: int) -> bool:
    """Whether it is to be taken apart: no weight of its own, and the network, a list or the like."""
    import torch

    module = block.module
    if any(True for _ in module.parameters(recurse=False)) or not any(_size(c) for c in module.children()):
        return False
    if not block.name or _uncalled(module):
        return True
    if any(map(_uncalled, module.children())):
        return _size(module) >= LEAST * whole
    sequences = any(isinstance(part, torch.nn.Sequential) or _uncalled(part) for part in module.modules())
    return sequences and 2 * _size(module) > whole


def _uncalled(module: Any) -> bool:
    import torch

    return isinstance(module, (torch.nn.ModuleList, torch.nn.ModuleDict))


def _size(module: Any) -> int:
    return sum(weight.numel() for weight in module.parameters())
