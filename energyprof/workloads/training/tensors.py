"""Batches on their way to the device, and sums over many weights at once."""

from typing import Any, Iterator, List, Sequence

from energyprof.workloads.training.device import library


def memory_format(model: Any, channels_last: bool) -> Any:
    """The layout of the images (4-D) or volumes (5-D) that ``model`` convolves."""
    torch = library("torch")
    if not channels_last:
        return torch.preserve_format
    volumes = any(weight.dim() == 5 for weight in model.parameters())
    return torch.channels_last_3d if volumes else torch.channels_last


def clip(weights: Sequence[Any], norm: float) -> None:
    """Scale the gradients down until their norm is at most ``norm``; nothing waits for the device."""
    library("torch.nn.utils").clip_grad_norm_(weights, norm)


def average(averages: Sequence[Any], weights: Sequence[Any], share: float) -> None:
    """Move each of ``averages`` by ``share`` towards its weight, all at once."""
    torch = library("torch")
    with torch.no_grad():
        torch._foreach_lerp_(averages, weights, share)  # the public Tensor.lerp_ would be called one by one


def moved(batch: Any, device: Any, layout: Any) -> Any:
    """A batch's tensors on the device, its images or volumes in ``layout``."""
    if isinstance(batch, dict):
        return {name: moved(part, device, layout) for name, part in batch.items()}
    if isinstance(batch, (list, tuple)):
        return tuple(moved(part, device, layout) for part in batch)
    batch = batch.to(device, non_blocking=True)
    fits = layout is not None and batch.dim() == {"channels_last": 4, "channels_last_3d": 5}.get(
        str(layout).replace("torch.", "")
    )
    return batch.contiguous(memory_format=layout) if fits else batch


def moved_ahead(batches: Iterator[Any], device: Any, layout: Any) -> Iterator[Any]:
    """The batches on the device; a GPU copies each while it still computes with the one before."""
    if device.type == "cpu":
        for batch in batches:
            yield moved(batch, device, layout)
        return
    torch = library("torch")
    beside = torch.cuda.Stream(device)

    def fetched() -> Any:
        # What is not on the device yet comes over a stream of its own; the rest stays where it is.
        batch = next(batches)
        with torch.cuda.stream(beside):
            return moved(batch, device, None)

    ahead = fetched()
    while True:
        torch.cuda.current_stream(device).wait_stream(beside)
        ready, ahead = ahead, fetched()
        for tensor in tensors_in(ready):
            tensor.record_stream(torch.cuda.current_stream(device))
        yield moved(ready, device, layout)


def tensors_in(batch: Any) -> List[Any]:
    """The tensors of a batch, one after the other."""
    if isinstance(batch, dict):
        batch = tuple(batch.values())
    return [tensor for part in batch for tensor in tensors_in(part)] if isinstance(batch, tuple) else [batch]


def items_in(batch: Any) -> int:
    """How many samples a batch holds: the length of its first tensor."""
    return int(tensors_in(batch)[0].shape[0])
