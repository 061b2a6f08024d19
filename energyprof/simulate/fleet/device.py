"""A kind of client, what it has for power, and what a training asks of the fleet."""

from __future__ import annotations

from typing import Annotated, Literal

from energyprof.decode import Amount, Name, Positive, Range, Share
from energyprof.storable.frozen import dataclass

Aggregation = Literal["synchronous", "asynchronous"]
Split = Literal["equal", "proportional", "least energy"]
# Relative standard deviations: beyond this a log-normal's mean says nothing of any client.
Spread = Annotated[float, Range(0, 2)]
Latitude = Annotated[float, Range(-90, 90)]
Longitude = Annotated[float, Range(-180, 180)]


@dataclass(frozen=True)
class Device:
    """Clients of one kind; each client's speed and watts lie around these."""

    name: Name
    samples_per_s: Positive
    power_w: Positive  # while it trains
    share: Positive = 1.0  # of the fleet, relative to the other kinds'
    site: str | None = None  # whose grid it takes its power from
    source: str = "given"
    spread: Spread = 0.0  # from client to client, of the speed
    power_spread: Spread = 0.0  # from client to client, of the watts
    jitter: Spread = 0.0  # from turn to turn, of the time
    idle_w: Amount = 0.0  # while it waits for the others
    standby_w: Amount = 0.0  # all the time
    start_s: Amount = 0.0  # of each turn: waking up, loading
    start_j: Amount = 0.0
    turn_j: tuple[tuple[Positive, Amount], ...] = ()  # (samples, J) of measured turns, in place of power_w
    down_bit_per_s: Positive | None = None  # None: no time passes
    up_bit_per_s: Positive | None = None
    link_w: Amount = 0.0  # while it receives and sends
    awake: Annotated[float, Range(0.001, 1)] = 1.0  # share of each day
    budget_j: Positive | None = None  # of each client, for the whole training
    battery_wh: Positive | None = None  # None: on the mains
    reserve: Share = 0.2  # of the battery, not for training
    panel_w: Amount = 0.0  # at 1,000 W/m²
    latitude: Latitude | None = None
    longitude: Longitude = 0.0
    clear: Annotated[float, Range(0.01, 1)] = 1.0  # median share of the clear sky's light


@dataclass(frozen=True)
class Measured:
    """Rounds to the target with so many clients in each."""

    clients: Positive
    rounds: Positive
    source: str = "given"


@dataclass(frozen=True)
class Training:
    """What is asked of the fleet."""

    name: Name
    clients: Annotated[int, Range(1, 1_000_000)]
    active: Annotated[int, Range(1, 1_000_000)]  # that a round waits for
    samples: Annotated[int, Range(1, 10**9)]  # a client and round, in the mean
    model_bytes: Amount
    backup: Annotated[int, Range(0, 1_000_000)] = 0  # asked beside them
    waiting: Literal["static", "dynamic"] = "static"  # dynamic: how many are waited for follows the times
    dropout: Annotated[float, Range(0, 0.99)] = 0.0  # chance that a turn is broken off
    deadline_s: Positive | None = None  # of a round
    split: Split = "equal"
    most_samples: Annotated[int, Range(1, 10**9)] | None = None  # of a client in a round
    batch: Annotated[int, Range(1, 10**6)] = 32  # the grain in which the least-energy split is made
    aggregation: Aggregation = "synchronous"
    buffer: Annotated[int, Range(1, 1_000_000)] = 10  # asynchronous: updates a step
    most_stale: Annotated[int, Range(0, 10**6)] | None = None  # steps, beyond which an update is discarded
    upload_bytes: Amount | None = None  # None: as the model
    server_w: Amount = 0.0
    site: str | None = None  # the server's
    start: str | None = None
    seed: Annotated[int, Range(0, 2**63)] = 0
    most_rounds: Annotated[int, Range(1, 100_000)] = 10_000
    draws: Annotated[int, Range(0, 10_000)] | None = None  # of other fleets; None: as many as take seconds

    @property
    def update_bytes(self) -> float:
        """What a client sends."""
        return self.model_bytes if self.upload_bytes is None else self.upload_bytes
