"""The contract of a paradigm: how a training is spread over clients, or over the time its data take to come.

Each kind is a module of ``paradigms/`` with ``SOURCES``, ``described(settings)`` and ``build(program, say)``.
"""

from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Protocol, Sequence

from energyprof.workload import Event, Plan, Trained

# Tells an event at once, from within code that cannot yield it.
Say = Callable[[Event], None]

SERVER = "server"  # the actor that aggregates and evaluates


class Divisible(Protocol):
    """A workload whose training data can be dealt to clients, each of which trains the same model."""

    plan: Plan
    config: Mapping[str, Any]
    device: Any
    loop: Any  # the training.loop.Loop that ``breakdown`` takes apart; None: not trained yet

    def facts(self) -> Dict[str, Any]:
        """As of a `Workload`."""
        ...

    def prepare(self) -> None:
        """As of a `Workload`: from then on the training items are known."""
        ...

    def breakdown(self, seconds: float) -> Iterator[Event]:
        """As of a `Workload`."""
        ...

    def trained(self) -> Optional[Trained]:
        """As of a `Workload`: the model of all clients together."""
        ...

    def network(self, seed: int) -> Any:
        """The model on the device; what no checkpoint holds is drawn from the seed."""
        ...

    def task(self, model: Any, seed: int) -> Any:
        """The ``training.loop.Task`` that trains ``model`` on the training items, in the seed's order."""
        ...

    def labels(self) -> Sequence[Any]:
        """What each training item is of: label skew deals these unevenly."""
        ...

    def groups(self) -> Sequence[Any]:
        """Where each training item comes from (a speaker, a site); empty: nobody knows."""
        ...

    def part(self, indices: Sequence[int]) -> "Divisible":
        """The same program with these of the training items; validation set and device are shared."""
        ...

    def judged_by(self, indices: Sequence[int]) -> "Divisible":
        """The same program scored on these of the training items, in place of the validation set."""
        ...


class Paradigm(Protocol):
    """One way to train a `Divisible`."""

    def prepare(self) -> None:
        """Deal the data, load libraries: after the program's own ``prepare``, neither timed nor metered.

        Raises:
            WorkloadError: a library is missing, or the data cannot be dealt so.
        """
        ...

    def facts(self) -> Dict[str, Any]:
        """Recorded, not part of the work."""
        ...

    def train(self, seed: int) -> Iterator[Event]:
        """The phases by actor, exchanges, rounds and evaluations, until the caller stops asking."""
        ...


class Module(Protocol):
    """A kind of paradigm."""

    SOURCES: Sequence[str]  # the files that are its work

    def described(self, settings: Any) -> Dict[str, Any]:
        """What stands in ``config["paradigm"]`` beside the values of the table.

        Raises:
            WorkloadError: a setting cannot be what it is.
        """
        ...

    def build(self, program: Divisible, say: Say) -> Paradigm:
        """The paradigm of ``program.plan``."""
        ...


def client_name(number: int) -> str:
    """The actor that is the client of that number, from 0."""
    return f"client {number}"


def given(config: Mapping[str, Any], name: str) -> Any:
    """What the plan's paradigm has under ``name``; ``None``: the training's own value."""
    found: Optional[Any] = config["paradigm"].get(name)
    return found
