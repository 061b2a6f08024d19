"""What the trained model takes an inference: one item at a time, and at a large batch.

An inference is one forward pass of the network for one item, in the precision of the training, with data that
are there already. Each batch size is warmed up and then timed in windows, the sizes in turn, so that a
machine that drifts does so for all; a window is a phase ``part:inference:KIND:BATCH`` whose samples are
inferences.
"""

import time
from typing import Any, Callable, Iterator, List, NamedTuple, Sequence, Tuple

from energyprof.workload import Event, Facts, Mark, Trained
from energyprof.workloads.training import device as torch_side
from energyprof.workloads.training import forward, ranks

AS_TRAINED = "as trained"
PREFIX = "part:inference:"
WARM_CALLS, WARM_S = 5, 1.0  # the first call takes 2.3 times the median, they settle after five or six
WINDOWS = 6  # of each batch size: enough to see how much they differ
# A share of the time that was asked for goes by before the clock of the processes is asked again.
CHUNK_S = 0.05


class Pass(NamedTuple):
    """One kind of model at one batch size, ready to be called."""

    name: str
    run: Callable[[], Any]
    items: int


def measured(
    trained: Trained, seconds: float, largest: int, kinds: Sequence[Tuple[str, Any]]
) -> Iterator[Event]:
    """The phases of inference, ``seconds`` for each model and batch size; nothing if these are 0.

    Args:
        trained: what was trained, the first of the models.
        largest: the batch size beside 1.
        kinds: name and network of what was made of it: quantised, say.
    """
    if not seconds:
        return
    models = [(AS_TRAINED, trained.model), *kinds]
    call = forward.captured(trained.model, lambda: trained.loss(trained.model))
    sizes = sorted({1, largest})
    with torch_side.one_line(trained.device, largest):
        passes = [
            Pass(f"{PREFIX}{kind}:{size}", _pass(trained, model, call.of(size)), size)
            for kind, model in models
            for size in sizes
        ]
        yield Facts({"inference_batches": sizes, "inference_items": "forward passes of the network"})
        yield from _windows(trained, passes, seconds / WINDOWS)


def _windows(trained: Trained, passes: List[Pass], window_s: float) -> Iterator[Event]:
    done = trained.samples
    yield Mark(PREFIX + ("compile" if trained.compile else "warmup"), done)
    for each in passes:
        each.run()  # compiles
    torch_side.synchronise(trained.device)
    if trained.compile:
        yield Mark(PREFIX + "warmup", done)
    # How many calls go by before the processes agree on the time: none waits for the others at every call.
    between = [_warmed(trained, each) for each in passes]
    for _ in range(WINDOWS):
        for each, calls in zip(passes, between):
            torch_side.synchronise(trained.device)
            yield Mark(each.name, done)
            ends_s = time.monotonic() + window_s
            while ranks.from_rank0(time.monotonic() < ends_s, trained.device):
                for _ in range(calls):
                    each.run()
                torch_side.synchronise(trained.device)
                done += calls * each.items * ranks.world()
    yield Mark(PREFIX + "end", done)


def _warmed(trained: Trained, each: Pass) -> int:
    """Call it until it is warm; how many calls take about ``CHUNK_S``."""
    begun_s, calls = time.monotonic(), 0
    while ranks.from_rank0(calls < WARM_CALLS or time.monotonic() < begun_s + WARM_S, trained.device):
        each.run()
        torch_side.synchronise(trained.device)
        calls += 1
    per_call_s = (time.monotonic() - begun_s) / calls
    return max(1, round(ranks.summed([CHUNK_S / per_call_s], trained.device)[0] / ranks.world()))


def _pass(trained: Trained, model: Any, call: forward.Call) -> Callable[[], Any]:
    model = model.eval()
    if trained.compile:
        model = torch_side.compiled(model)

    def run() -> Any:
        with torch_side.no_gradients(), torch_side.autocast(trained.device, trained.precision):
            return model(*call.args, **call.kwargs)

    return run
