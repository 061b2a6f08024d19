"""Who trains on what: the training items dealt to clients, evenly, skewed by label, or as they came about."""

import math
import random
from dataclasses import dataclass
from typing import Dict, Hashable, List, Optional, Protocol, Sequence, Tuple

from energyprof.workload import WorkloadError

SPLITS = "iid, dirichlet:A (A above 0: the smaller, the more their labels differ) or natural"
DRAWS = 100  # of a split that leaves a client with nothing

# For each client the indices of its items, in order.
Parts = Tuple[Tuple[int, ...], ...]


class Split(Protocol):
    """A way of dealing."""

    @property
    def name(self) -> str:
        """As it is called on the command line."""
        ...

    def parts(
        self, labels: Sequence[Hashable], groups: Optional[Sequence[Hashable]], clients: int, seed: int
    ) -> Parts:
        """Every item once, at least one to each client; the same from the same seed.

        ``labels`` (n,) are the items' classes, ``groups`` (n,) who or what they come from, if
        that is known.

        Raises:
            WorkloadError: somebody would have nothing.
        """
        ...


def split_of(name: str) -> Split:
    """The split that ``--split`` calls so.

    Raises:
        WorkloadError: there is none.
    """
    if name == "iid":
        return Even()
    if name == "natural":
        return Natural()
    kind, colon, text = name.partition(":")
    if kind == "dirichlet" and colon:
        return Skewed(name, _concentration(name, text))
    raise WorkloadError(f"unknown split {name!r}: use {SPLITS}")


@dataclass(frozen=True)
class Even:
    """Shuffled and dealt one by one: as many to each, but for one."""

    name: str = "iid"

    def parts(
        self, labels: Sequence[Hashable], groups: Optional[Sequence[Hashable]], clients: int, seed: int
    ) -> Parts:
        """By chance alone."""
        _enough(len(labels), "training items", clients)
        order = list(range(len(labels)))
        random.Random(f"{seed} iid").shuffle(order)
        return tuple(tuple(sorted(order[client::clients])) for client in range(clients))


@dataclass(frozen=True)
class Skewed:
    """Each label's items in shares from a Dirichlet distribution (Hsu et al., 2019, arXiv:1909.06335)."""

    name: str
    concentration: float

    def parts(
        self, labels: Sequence[Hashable], groups: Optional[Sequence[Hashable]], clients: int, seed: int
    ) -> Parts:
        """Drawn again, up to 100 times, while a client has nothing."""
        _enough(len(labels), "training items", clients)
        rng = random.Random(f"{seed} {self.name}")
        by_label: Dict[Hashable, List[int]] = {}
        for item, label in enumerate(labels):
            by_label.setdefault(label, []).append(item)
        for _ in range(DRAWS):
            found = self._drawn(list(by_label.values()), clients, rng)
            if all(found):
                return tuple(tuple(sorted(part)) for part in found)
        raise WorkloadError(
            f"split {self.name} leaves one of {clients} without a sample, in {DRAWS} draws: "
            "use a larger A, or fewer --clients (or --parts)"
        )

    def _drawn(self, classes: List[List[int]], clients: int, rng: random.Random) -> List[List[int]]:
        found: List[List[int]] = [[] for _ in range(clients)]
        for items in classes:
            order = list(items)
            rng.shuffle(order)
            begin, reached = 0, 0.0
            for part, share in zip(found, self._shares(clients, rng)):
                reached += share
                end = min(len(order), round(reached * len(order)))
                part += order[begin:end]
                begin = end
            found[-1] += order[begin:]  # of shares that sum to a little less than 1
        return found

    def _shares(self, clients: int, rng: random.Random) -> List[float]:
        drawn = [rng.gammavariate(self.concentration, 1.0) for _ in range(clients)]
        whole = sum(drawn)
        if whole > 0:
            return [value / whole for value in drawn]
        # All too small for a float: in this limit one has everything.
        only = rng.randrange(clients)
        return [float(client == only) for client in range(clients)]


@dataclass(frozen=True)
class Natural:
    """What belongs together stays together: whole groups, the largest first, to who has least."""

    name: str = "natural"

    def parts(
        self, labels: Sequence[Hashable], groups: Optional[Sequence[Hashable]], clients: int, seed: int
    ) -> Parts:
        """Nothing is drawn: the same for every seed."""
        if groups is None:
            raise WorkloadError(
                "split natural: nobody knows where these training items come from: use iid or dirichlet:A"
            )
        members: Dict[Hashable, List[int]] = {}
        for item, group in enumerate(groups):
            members.setdefault(group, []).append(item)
        _enough(len(members), "groups, which a natural split keeps whole,", clients)
        found: List[List[int]] = [[] for _ in range(clients)]
        for items in sorted(members.values(), key=lambda items: (-len(items), items[0])):
            min(found, key=len).extend(items)
        return tuple(tuple(sorted(part)) for part in found)


def _enough(count: int, what: str, clients: int) -> None:
    if count < clients:
        raise WorkloadError(
            f"{count} {what} cannot be dealt to {clients}: "
            f"use --clients (or --parts) {max(1, count)} or fewer"
        )


def _concentration(name: str, text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise WorkloadError(f"unknown split {name!r}: use {SPLITS}")
    return found
