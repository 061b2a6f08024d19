"""The clients of one training: they share a model, and each has its own data, optimiser and random numbers.

One client trains after the other, by the loop that trains centrally. The first goes on with the seed's own
stream: alone, with its weights left as they are between its turns, it trains as the central training does.
"""

import itertools
from dataclasses import replace
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from energyprof.workloads.paradigm import Divisible
from energyprof.workloads.training import loop
from energyprof.workloads.training.device import library

SOURCES = (__file__,)
# Between the seeds of two clients; no run's own seed lies so far from another's.
SEED_STRIDE = 1_000_033

State = Dict[str, Any]  # name in the model → numpy array, float32; in the model's order


class Cohort:
    """A model, and so many clients that train it."""

    def __init__(self, program: Divisible, parts: Sequence[Sequence[int]], seed: int) -> None:
        """``parts``: the training items of each client."""
        self._program, self._parts, self._seed = program, parts, seed
        self._epochs = epochs_of(program.config, sum(map(len, parts)))
        self.model = program.network(seed)
        first = program.part(parts[0]).task(self.model, seed)
        self._server = loop.Loop(program.plan, program.device, first, seed)
        self._tensors = _tensors(self.model)
        self.like = self.state()  # names and shapes of what is exchanged
        self._anchor: List[Any] = []  # what the proximal term draws to; empty: nothing
        self._mu = 0.0
        self._tasks: Dict[int, loop.Task] = {0: first}
        self._loops: Dict[int, loop.Loop] = {0: self._server.beside(self._drawn(first))}
        self._taken: Dict[int, int] = {}  # steps so far, by client
        self._random: Dict[int, Any] = {0: _random_state(program.device)}
        program.loop = self._server

    @property
    def facts(self) -> Mapping[str, Any]:
        """Parameters, and operations in a sample."""
        found: Mapping[str, Any] = self._server.facts
        return found

    def __len__(self) -> int:
        return len(self._parts)

    def items(self, client: int) -> int:
        """How many training items a client has."""
        return len(self._parts[client])

    def steps(self, client: int) -> int:
        """How many steps a client takes in a round: its local epochs, one step at least."""
        samples = self._epochs * len(self._parts[client])
        return max(1, round(samples / int(self._program.config["batch_size"])))

    def state(self) -> State:
        """A copy of what is trained of the model, and of the statistics that it keeps."""
        return {name: tensor.detach().float().cpu().numpy().copy() for name, tensor in self._tensors.items()}

    def load(self, state: State) -> None:
        """Give the model these weights."""
        torch = library("torch")
        with torch.no_grad():
            for name, tensor in self._tensors.items():
                tensor.copy_(torch.from_numpy(state[name]))

    def train(self, client: int, steps: int, mu: float = 0.0) -> Tuple[int, float]:
        """Let a client train the model as it is; samples and mean loss.

        Args:
            client: from 0.
            steps: of its optimiser, which goes on where its last turn ended.
            mu: weight of the proximal term, half the squared distance from the model as it is
                (FedProx: Li et al., 2020, MLSys).

        Raises:
            Diverged: the loss is not a number.
        """
        own = self._loop_of(client)
        if mu:
            self._anchor = [weight.detach().clone() for weight in self._trained()]
        self._mu = mu
        _set_random_state(self._random[client], self._program.device)
        found = own.stretch(steps)
        self._taken[client] = self._taken.get(client, 0) + steps
        self._random[client] = _random_state(self._program.device)
        return found

    def kept(self, client: int) -> Dict[str, Any]:
        """What a client has of its own after a turn, for another process to go on with."""
        task = self._tasks[client]
        return {
            "steps": self._taken[client],
            "optimiser": task.optimiser.state_dict(),
            "random": self._random[client],
            "generators": [generator.get_state() for generator in task.generators],
        }

    def go_on(self, client: int, kept: Mapping[str, Any]) -> None:
        """Take over a client that has had turns elsewhere; its batches until then are drawn again."""
        done = int(kept["steps"])
        if self._taken.get(client) == done:
            return  # its last turn was here
        task = self._program.part(self._parts[client]).task(self.model, self._seed + SEED_STRIDE * client)
        skipped = done * int(self._program.config["grad_accum"])
        moved = replace(
            task,
            batches=itertools.islice(task.batches, skipped, None),
            rate=lambda step: task.rate(step + done),
        )
        self._tasks[client], self._taken[client] = task, done
        self._loops[client] = self._server.beside(self._drawn(moved))
        task.optimiser.load_state_dict(kept["optimiser"])
        self._random[client] = kept["random"]
        for generator, state in zip(task.generators, kept["generators"]):
            generator.set_state(state)

    def follow(self, steps: int) -> None:
        """Let the averaged weights, where the workload scores those, follow the model after a round.

        ``steps`` are all clients': so they forget as fast, by samples, as in the central training.
        """
        self._server.follow(steps)

    def score(self) -> float:
        """What is scored, on the validation set.

        Raises:
            Diverged: the score is not a number.
        """
        return self._server.score()

    def _loop_of(self, client: int) -> loop.Loop:
        if client not in self._loops:
            seed = self._seed + SEED_STRIDE * client
            task = self._program.part(self._parts[client]).task(self.model, seed)
            self._tasks[client] = task
            self._loops[client] = self._server.beside(self._drawn(task))
            library("torch").manual_seed(seed)  # dropout: another stream for each
            self._random[client] = _random_state(self._program.device)
        return self._loops[client]

    def _drawn(self, task: loop.Task) -> loop.Task:
        """The task with the proximal term in its loss, while there is one."""
        plain: Callable[[Any, Any], Any] = task.loss

        def loss(model: Any, batch: Any) -> Any:
            if not self._mu:
                return plain(model, batch)
            pairs = zip(self._trained(), self._anchor)
            return plain(model, batch) + self._mu / 2 * sum((w - to).square().sum() for w, to in pairs)

        return replace(task, loss=loss)

    def _trained(self) -> List[Any]:
        return [weight for weight in self.model.parameters() if weight.requires_grad]


def epochs_of(config: Mapping[str, Any], items: int) -> float:
    """The local epochs of a round, as asked.

    Else so many that all clients together train what the central training does between two evaluations.
    """
    asked = config["paradigm"].get("local_epochs")
    return float(asked) if asked is not None else config["eval_every_samples"] / items


def _tensors(model: Any) -> Dict[str, Any]:
    """Trained weights, and buffers of real numbers that are saved with them, in the model's order."""
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    saved = model.state_dict(keep_vars=True)
    buffers = dict(model.named_buffers())
    kept = {name: buffers[name] for name in saved if name in buffers and buffers[name].is_floating_point()}
    return {**trained, **kept}


def _random_state(device: Any) -> Tuple[Any, ...]:
    torch = library("torch")
    cpu = torch.get_rng_state()
    return (cpu, torch.cuda.get_rng_state(device)) if device.type == "cuda" else (cpu,)


def _set_random_state(state: Tuple[Any, ...], device: Any) -> None:
    torch = library("torch")
    torch.set_rng_state(state[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state[1], device)
