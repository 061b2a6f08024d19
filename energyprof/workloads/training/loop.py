"""The training loop that every workload goes through, and the parts of its steps one by one."""

import copy
import math
import time
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Callable, Iterator, List, Mapping, Optional, Tuple

from energyprof.workload import Diverged, Event, Facts, Mark, Plan, Progress, Trained
from energyprof.workloads.training import checkpoint, counted, operations, order, ranks, tensors
from energyprof.workloads.training import device as torch_side
from energyprof.workloads.training.levers import turned

WARMUP_STEPS = 3  # the first steps choose kernels and fill allocators
# A mean loss this many times the first one will not come back: the training has collapsed.
COLLAPSED = 3.0

# The files that every workload's work goes through.
SOURCES = (
    __file__,
    counted.__file__,
    checkpoint.__file__,
    operations.__file__,
    order.__file__,
    ranks.__file__,
    tensors.__file__,
    torch_side.__file__,
    turned.__file__,
)


def rng(seed: int, device: Any) -> Any:
    """A generator on the device for what is drawn anew in each step; another one for each process."""
    import torch

    return torch.Generator(device).manual_seed(seed + 1_000_003 * ranks.rank())


@dataclass
class Task:
    """What a workload hands the loop for one seed; batches may come from another device."""

    model: Any  # the torch.nn.Module that is trained
    # One micro-batch of this process at a time, without end: a tensor, or tuples or dicts of them.
    batches: Iterator[Any]
    # (model, batch) → mean loss, a scalar. Only calls the model, which may be wrapped or compiled.
    loss: Callable[[Any, Any], Any]
    # model → sum of scores and number of items, over this process's share of the validation set.
    evaluate: Callable[[Any], Tuple[float, int]]
    optimiser: Any
    rate: Callable[[int], float]  # step, from 0 → share of the learning rate
    generators: Tuple[Any, ...] = ()  # that the loss draws from
    averaging: Optional[float] = None  # what averaged weights keep in each step; they are then what is scored
    clip: Optional[float] = None  # largest norm of the gradient
    facts: Mapping[str, Any] = field(default_factory=dict)  # what its levers made of it


class Loop:
    """One training: its model, its optimiser and where it stands."""

    def __init__(self, plan: Plan, device: Any, task: Task, seed: int) -> None:
        """``plan.config`` holds what ``planning.recipe_of`` puts there."""
        import torch

        task = turned.turned(task, plan, device, seed)
        self._plan, self._config, self._device, self._task = plan, plan.config, device, task
        layout = tensors.memory_format(task.model, self._config.get("channels_last", False))
        self._model = task.model
        with torch_side.one_line(device, self._config["batch_size"]):
            first = next(task.batches)
            facts = counted.model_facts(task.model, self._loss, tensors.moved(first, device, None))
        for generator in task.generators:  # counting has drawn: the training starts afresh
            generator.manual_seed(generator.initial_seed())
        self.facts = {"processes": ranks.world(), **facts, **task.facts}
        self._layout = layout
        self._batches = tensors.moved_ahead(chain([first], task.batches), device, layout)
        torch.manual_seed(seed + ranks.rank())  # dropout: another stream for each process
        task.model.to(memory_format=layout)
        self._scored = copy.deepcopy(task.model) if task.averaging else task.model
        self._model = ranks.parallel(task.model, device)
        if self._config["compile"]:
            self._model = torch_side.compiled(self._model)
        self._weights = [weight for weight in task.model.parameters() if weight.requires_grad]
        self._averages = [weight for weight in self._scored.parameters() if weight.requires_grad]
        self._rate = torch.optim.lr_scheduler.LambdaLR(task.optimiser, task.rate)
        self._scaler = torch_side.gradient_scaler(device, self._config["precision"])
        self._samples = 0

    def train(self) -> Iterator[Event]:
        """The phases and evaluations as they happen, to ``max_samples`` if nobody stops asking before.

        Raises:
            Diverged: the loss is not a number, or has collapsed; found at an evaluation.
            WorkloadError: the device ran out of memory, or the model could not be compiled.
        """
        with torch_side.one_line(self._device, self._config["batch_size"]):
            with checkpoint.Checkpoint(self._config["checkpoint"]) as saved:
                yield from self._train(saved)

    def _train(self, saved: checkpoint.Checkpoint) -> Iterator[Event]:
        config = self._config
        yield Facts(self.facts)
        self._synchronise()
        yield Mark("compile" if config["compile"] else "warmup", 0)
        step, next_eval = 0, config["eval_every_samples"]
        first: Optional[float] = None
        losses: List[Any] = []
        while True:
            losses.append(self._step())
            step += 1
            self._samples += config["batch_size"]
            yield Progress(self._samples)

            last = self._samples >= self._plan.max_samples
            if self._samples >= next_eval or last:
                self._synchronise()
                yield Mark("eval", self._samples)
                first = self._sound(losses, first)
                losses = []
                yield Progress(self._samples, self.score())
                while next_eval <= self._samples:
                    next_eval += config["eval_every_samples"]
                if config["checkpoint"]:
                    yield Mark("checkpoint", self._samples)
                    saved.write(self._state)
                if last:
                    return
                yield Mark("train" if step >= WARMUP_STEPS else "warmup", self._samples)
            elif step == 1 and config["compile"]:
                self._synchronise()
                yield Mark("warmup", self._samples)
            elif step == WARMUP_STEPS:
                self._synchronise()
                yield Mark("train", self._samples)

    def beside(self, task: Task, averaging: Optional[float] = None) -> "Loop":
        """The same model trained by another task: its batches, optimiser and rate, as a client has its own.

        With this one's own batches it goes on where this one is. Averaged weights stay this one's, and follow
        each step of the other if ``averaging`` says what they keep in it.
        """
        import torch

        found = copy.copy(self)
        found._task = replace(task, averaging=averaging)
        if task.batches is not self._task.batches:
            found._batches = tensors.moved_ahead(task.batches, self._device, self._layout)
        found._rate = torch.optim.lr_scheduler.LambdaLR(task.optimiser, task.rate)
        found._scaler = torch_side.gradient_scaler(self._device, self._config["precision"])
        found._samples = 0
        return found

    def stretch(self, steps: int) -> Tuple[int, float]:
        """Train so many steps; the samples in them, and the mean loss. Comes back synchronised.

        Raises:
            Diverged: the loss is not a number.
        """
        losses = [self._step() for _ in range(steps)]
        self._samples += steps * self._config["batch_size"]
        self._synchronise()
        return steps * self._config["batch_size"], self._mean(losses)[0]

    def follow(self, steps: int) -> None:
        """Move the averaged weights, if there are any, as if the model had been this for ``steps`` steps."""
        if self._task.averaging is not None:
            tensors.average(self._averages, self._weights, 1 - self._task.averaging**steps)

    def score(self, evaluate: Optional[Callable[[Any], Tuple[float, int]]] = None) -> float:
        """What is scored, on the validation set or as ``evaluate`` does; synchronised. NaN: it has no items.

        Raises:
            Diverged: the score is not a number.
        """
        self._scored.eval()
        with torch_side.no_gradients(), torch_side.autocast(self._device, self._config["precision"]):
            total, items = (evaluate or self._task.evaluate)(self._scored)
        self._scored.train()
        sums = ranks.summed([total, items], self._device)
        if math.isnan(sums[0]):
            raise Diverged(f"the score is not a number after {self._samples} samples")
        return sums[0] / sums[1] if sums[1] else math.nan

    def breakdown(self, seconds: float) -> Iterator[Event]:
        """Each part of a step alone, for ``seconds``; what it trains counts for nothing.

        The model is not the trained one afterwards.
        """
        yield Facts(counted.bytes_in_use(self._task.optimiser, self._device))
        if not seconds:
            return
        batch = next(self._batches)

        def load() -> None:
            for _ in range(self._config["grad_accum"]):
                next(self._batches)

        def compute() -> None:
            self._task.optimiser.zero_grad(set_to_none=True)
            for _ in range(self._config["grad_accum"]):
                self._scaler.scale(self._loss(batch)).backward()

        samples = self._samples
        parts = (("data", load), ("forward_backward", compute), ("optimiser", self._update))
        with torch_side.one_line(self._device, self._config["batch_size"]):
            for name, part in parts:
                if part == self._update:
                    compute()  # without gradients there is nothing to do
                self._synchronise()
                yield Mark("part:" + name, samples)
                ends_s = time.monotonic() + seconds
                while ranks.from_rank0(time.monotonic() < ends_s, self._device):
                    part()
                    samples += self._config["batch_size"]
                self._synchronise()
            yield Mark("part:end", samples)

    def trained(self) -> Trained:
        """What was scored, and how it computes."""
        return Trained(
            self._scored,
            lambda model: self._task.loss(model, next(self._batches)),
            lambda model: self.score(lambda _: self._task.evaluate(model)),
            self._device,
            self._config["precision"],
            self._config["compile"],
            self._samples,
        )

    def _step(self) -> Any:
        """One step of the optimiser; its mean loss, still on the device."""
        accum = self._config["grad_accum"]
        self._task.optimiser.zero_grad(set_to_none=True)
        total: Any = 0.0
        for part in range(accum):
            batch = next(self._batches)
            with torch_side.no_sync(self._model, part < accum - 1 and ranks.world() > 1):
                loss = self._loss(batch)
                self._scaler.scale(loss / accum).backward()
            total = total + loss.detach() / accum
        self._update()
        return total

    def _loss(self, batch: Any) -> Any:
        with torch_side.autocast(self._device, self._config["precision"]):
            return self._task.loss(self._model, batch)

    def _update(self) -> None:
        task = self._task
        if task.clip is not None:
            self._scaler.unscale_(task.optimiser)
            tensors.clip(self._weights, task.clip)
        self._scaler.step(task.optimiser)
        self._scaler.update()
        self._rate.step()
        if task.averaging is not None:
            tensors.average(self._averages, self._weights, 1 - task.averaging)

    def _sound(self, losses: List[Any], first: Optional[float]) -> float:
        """The loss that others are held against, if those since the last evaluation are sound.

        Weights that are not numbers stay so: an evaluation is early enough, no step has to wait for its loss.
        """
        mean, earliest = self._mean(losses)
        if first is not None and mean > COLLAPSED * first:
            raise Diverged(f"the loss has risen from {first:.3g} to {mean:.3g} after {self._samples} samples")
        return earliest if first is None else first

    def _mean(self, losses: List[Any]) -> Tuple[float, float]:
        """The mean of all processes' losses, and the first of them."""
        mean = sum(loss.item() for loss in losses) / len(losses)
        sums = ranks.summed([mean, losses[0].item()], self._device)
        mean, earliest = (total / ranks.world() for total in sums)
        if not math.isfinite(mean):
            raise Diverged(f"the loss is {mean} after {self._samples} samples")
        return mean, earliest

    def _state(self) -> Any:
        return {
            "model": self._task.model.state_dict(),
            "optimiser": self._task.optimiser.state_dict(),
            "rate": self._rate.state_dict(),
            "samples": self._samples,
        }

    def _synchronise(self) -> None:
        torch_side.synchronise(self._device)
