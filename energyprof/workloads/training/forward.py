"""How a training calls its model: the arguments of one forward pass, and that pass at any batch size."""

from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from energyprof.workload import WorkloadError


class Call(NamedTuple):
    """The arguments of a model's forward pass; what is of a batch has its items in dimension 0."""

    args: Tuple[Any, ...]
    kwargs: Dict[str, Any]
    items: int  # in the batch

    def of(self, items: int) -> "Call":
        """The same call with so many items: some of them, or all of them over and over."""

        def sized(value: Any) -> Any:
            import torch

            if torch.is_tensor(value) and value.dim() and value.shape[0] == self.items:
                return value[torch.arange(items, device=value.device) % self.items].contiguous()
            return value

        sized_kwargs = {name: sized(value) for name, value in self.kwargs.items()}
        return Call(tuple(map(sized, self.args)), sized_kwargs, items)


def captured(model: Any, run: Callable[[], Any]) -> Call:
    """How ``run`` calls ``model`` the first time.

    Raises:
        WorkloadError: it does not, or hands it no tensor.
    """
    import torch

    seen: List[Call] = []

    def look(_: Any, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> None:
        tensors = [value for value in (*args, *kwargs.values()) if torch.is_tensor(value) and value.dim()]
        if not seen and tensors:
            seen.append(Call(args, dict(kwargs), int(tensors[0].shape[0])))

    handle = model.register_forward_pre_hook(look, with_kwargs=True)
    try:
        run()
    finally:
        handle.remove()
    if not seen:
        raise WorkloadError("the model is never called with a tensor: what it takes alone cannot be told")
    return seen[0]
