"""Cached features: what a frozen part puts out is computed once for each sample, and read from then on.

Of a classifier the frozen blocks (``--freeze``): every sample goes through them before the first step, in a
phase ``features`` that is part of the training. They then compute without dropout. Of a diffusion model the
text encoder, whose captions come again, as they come; images are cropped and mirrored anew each time, so that
no latent comes twice.
"""

import dataclasses
import functools
import itertools
import math
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

from energyprof.wire import mark
from energyprof.workload import Plan, WorkloadError
from energyprof.workloads.training import device as torch_side

SOURCES = (__file__,)
# A cache is made larger by so much, and takes no more than this of the memory that is free.
GROWS, LEAVES = 2, 0.8
MEMINFO = "/proc/meminfo"


def turn(task: Any, plan: Plan, device: Any, seed: int) -> Any:
    """The task whose frozen blocks compute each sample once; of other models it is left as it is.

    Raises:
        WorkloadError: no block is frozen, or what one puts out cannot be kept.
    """
    if "freeze" not in plan.config:
        return task
    names = task.facts["frozen"]
    if not names:
        raise WorkloadError("--freeze leaves no block frozen, so that nothing is cached: use a larger share")
    front = Front(task.model, names, Cache(device))
    return dataclasses.replace(task, batches=_filled(task, front, device, plan))


def prepared(program: Any, plan: Plan) -> None:
    """Let a diffusion program read the encodings of captions that have come before."""
    if plan.name == "diffusion":
        models = program.models
        encoder = _Encoder(models.text_encoder, Cache(program.device))
        program.models = dataclasses.replace(models, text_encoder=encoder)


class Cache:
    """Rows of tensors by the bytes that they were made of; a copy of a model shares it."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self._places: Dict[bytes, Tuple[Any, int]] = {}  # key → kind and row
        self._kept: Dict[Any, List[Any]] = {}  # kind → tensors (capacity, …), one for each output
        self._rows: Dict[Any, int] = {}

    def __deepcopy__(self, memo: Dict[int, Any]) -> "Cache":
        return self

    def __len__(self) -> int:
        return len(self._places)

    def clear(self) -> None:
        """Forget all."""
        self._places, self._kept, self._rows = {}, {}, {}

    def missing(self, keys: Sequence[bytes]) -> List[int]:
        """Which of the keys, by their index, are not here."""
        return [number for number, key in enumerate(keys) if key not in self._places]

    def put(self, keys: Sequence[bytes], outputs: Sequence[Any], rows: Sequence[int]) -> None:
        """Keep these ``rows`` of the ``outputs``, under their keys.

        Raises:
            WorkloadError: there is not enough memory for them.
        """
        torch = torch_side.library("torch")
        kind = tuple((tuple(output.shape[1:]), output.dtype) for output in outputs)
        at = self._rows.get(kind, 0)
        self._room(kind, outputs, at + len(rows))
        picked = torch.as_tensor(rows, device=self._device)
        for kept, output in zip(self._kept[kind], outputs):
            kept[at : at + len(rows)] = output.detach()[picked]
        for place, row in enumerate(rows, start=at):
            self._places[keys[row]] = (kind, place)
        self._rows[kind] = at + len(rows)

    def get(self, keys: Sequence[bytes]) -> List[Any]:
        """The outputs of all the keys, each (n, …)."""
        torch = torch_side.library("torch")
        places = [self._places[key] for key in keys]
        rows = torch.tensor([row for _, row in places], device=self._device)
        return [kept[rows] for kept in self._kept[places[0][0]]]

    def _room(self, kind: Any, outputs: Sequence[Any], rows: int) -> None:
        there = self._kept.get(kind)
        if there is not None and len(there[0]) >= rows:
            return
        torch = torch_side.library("torch")
        capacity = max(rows, GROWS * (len(there[0]) if there is not None else 0))
        size = sum(output[0].numel() * output.element_size() for output in outputs) * capacity
        if size > LEAVES * _free_bytes(self._device):
            raise WorkloadError(
                f"what the frozen part puts out takes more memory than is free ({size / 1e9:.1f} GB more): "
                "use a smaller --data-fraction, or leave --cache-features out"
            )
        larger = [
            torch.empty((capacity, *output.shape[1:]), dtype=output.dtype, device=self._device)
            for output in outputs
        ]
        for new, old in zip(larger, there or []):
            new[: len(old)] = old
        self._kept[kind] = larger


class Front:
    """The frozen blocks of a model and of its copies: they compute what is new, and read what is not."""

    def __init__(self, model: Any, names: Sequence[str], cache: Cache) -> None:
        """``names`` are the blocks', in the order in which they are called."""
        self.cache, self._names = cache, list(names)
        self._stored = self._names  # whose outputs the cache has
        self._unread: Sequence[str] = ()  # blocks whose outputs only the other frozen ones ask for
        self._filling = self._hit = False
        self._keys: List[bytes] = []
        self._kind: Any = None  # the shapes of what the model is called with
        self._new: Dict[str, Any] = {}
        self._read: Dict[str, Any] = {}
        self._shapes: Dict[Any, Dict[str, Any]] = {}  # by kind: each block's output, without the samples
        for name in names:
            module = model.get_submodule(name)
            module.forward = _Block(self, name, module.forward)
        model.register_forward_pre_hook(_Begin(self), with_kwargs=True)
        model.register_forward_hook(_End(self))

    def __deepcopy__(self, memo: Dict[int, Any]) -> "Front":
        return self

    def fill(self, run: Callable[[], Any]) -> None:
        """Compute the frozen blocks of the batch that ``run`` hands the model, and nothing behind them."""
        self._filling = True
        try:
            run()
        except _Filled:
            pass
        finally:
            self._filling = False

    def sort_out(self, run: Callable[[], Any]) -> None:
        """Keep the last block's output alone if nothing behind the blocks asks for the others'.

        ``run`` gives a loss on samples that are cached: what is no number would come through. Empties the
        cache.
        """
        self._unread = self._names[:-1]
        if bool(run().isfinite().all()):
            self._stored = self._names[-1:]
        else:
            self._unread = ()
        self.cache.clear()

    def begin(self, args: Any, kwargs: Any) -> None:
        """Look whether all samples of a batch are known."""
        self._kind, self._keys = keys([*args, *kwargs.values()])
        self._hit = not self.cache.missing(self._keys)
        self._new = {}
        if self._hit:
            self._read = dict(zip(self._stored, self.cache.get(self._keys)))

    def block(self, name: str, compute: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """What a block puts out, read or computed."""
        if self._hit:
            return self._found(name)
        module = compute.__self__  # type: ignore[attr-defined]
        training = module.training
        module.eval()
        try:
            with torch_side.no_gradients():
                out = compute(*args, **kwargs)
        finally:
            module.train(training)
        self._new[name] = out
        if self._filling and name == self._names[-1]:
            self.end()
            raise _Filled
        return out

    def end(self) -> None:
        """Keep what was computed."""
        if self._new:
            outputs = {name: _only_tensor(name, self._new[name]) for name in self._names}
            self._shapes[self._kind] = {
                name: (
                    tuple(output.shape[1:]),
                    output.dtype,
                    output.device,
                    isinstance(self._new[name], tuple),
                )
                for name, output in outputs.items()
            }
            rows = {self._keys[row]: row for row in self.cache.missing(self._keys)}  # each once
            self.cache.put(self._keys, [outputs[name] for name in self._stored], list(rows.values()))
        self._new, self._read = {}, {}

    def _found(self, name: str) -> Any:
        shape, dtype, device, in_tuple = self._shapes[self._kind][name]
        if name in self._unread:
            torch = torch_side.library("torch")
            out = torch.full((), math.nan, dtype=dtype, device=device).expand(len(self._keys), *shape)
        else:
            out = self._read[name]
        return (out,) if in_tuple else out


class _Filled(Exception):
    """The frozen blocks of a batch are computed: the rest of the model need not be."""


class _Block:
    """A block's forward pass in its place; a copy of the model binds the copy's own."""

    def __init__(self, front: Front, name: str, compute: Callable[..., Any]) -> None:
        self._front, self._name, self._compute = front, name, compute

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._front.block(self._name, self._compute, args, kwargs)


class _Begin:
    def __init__(self, front: Front) -> None:
        self._front = front

    def __call__(self, _: Any, args: Any, kwargs: Any) -> None:
        self._front.begin(args, kwargs)


class _End:
    def __init__(self, front: Front) -> None:
        self._front = front

    def __call__(self, *_: Any) -> None:
        self._front.end()


def _only_tensor(name: str, out: Any) -> Any:
    """What a block puts out, which older models wrap into a tuple."""
    only = out[0] if isinstance(out, tuple) and len(out) == 1 else out
    if not torch_side.library("torch").is_tensor(only) or not only.is_floating_point():
        raise WorkloadError(
            f"the block {name} puts out more than one tensor, which cannot be cached: "
            "use a smaller --freeze, or leave --cache-features out"
        )
    return only


class _Encoder:
    """A text encoder whose first output is read where a row of tokens has come before."""

    def __init__(self, encoder: Any, cache: Cache) -> None:
        self._encoder, self._cache = encoder, cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def __call__(self, tokens: Any) -> Tuple[Any]:
        rows = keys([tokens])[1]
        new = list({rows[row]: row for row in self._cache.missing(rows)}.values())
        if new:
            self._cache.put([rows[row] for row in new], [self._encoder(tokens[new])[0]], range(len(new)))
        return (self._cache.get(rows)[0],)


def keys(values: Sequence[Any]) -> Tuple[Any, List[bytes]]:
    """The shapes of a batch's tensors, and the bytes of each of its samples; what is repeated counts once."""
    torch = torch_side.library("torch")
    kind: List[Any] = []
    rows: List[List[bytes]] = []
    for tensor in (value for value in values if torch.is_tensor(value) and value.dim()):
        kind.append(tuple(tensor.shape[1:]))
        for dimension, stride in enumerate(tensor.stride()):
            if dimension and stride == 0:
                tensor = tensor.narrow(dimension, 0, min(1, tensor.shape[dimension]))
        array = tensor.detach().cpu().contiguous()
        rows.append([row.numpy().tobytes() for row in array])
    shapes = repr(kind).encode()
    return tuple(kind), [b"".join((shapes, *parts)) for parts in zip(*rows)]


def _filled(task: Any, front: Front, device: Any, plan: Plan) -> Iterator[Any]:
    """The task's batches, once all samples that are in them went through the frozen blocks.

    All have come when a batch holds none that is new: whole passes over the data follow each other.
    """
    mark("features", samples=0)
    drawn: List[Any] = []
    most = max(1, plan.max_samples * plan.config["grad_accum"] // plan.config["batch_size"])
    with torch_side.no_gradients(), torch_side.autocast(device, plan.config["precision"]):
        for batch in itertools.islice(task.batches, most):
            drawn.append(batch)
            known = len(front.cache)
            compute = functools.partial(task.loss, task.model, batch)
            front.fill(compute)
            if len(drawn) == 1:
                front.sort_out(compute)
                front.fill(compute)
            if len(front.cache) == known:
                break
    torch_side.synchronise(device)
    yield from drawn
    yield from task.batches


def _free_bytes(device: Any) -> float:
    """The memory of the device that nothing uses; unknown is without end."""
    if device.type == "cuda":
        return float(torch_side.library("torch").cuda.mem_get_info(device)[0])
    try:
        with open(MEMINFO, encoding="utf-8") as file:
            lines = dict(line.split(":", 1) for line in file)
        return float(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError, IndexError):
        return float("inf")
