"""Who else has part in a training: other processes on this node, other nodes."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from energyprof.errors import EnergyprofError
from energyprof.profile.inbox import Inbox
from energyprof.profile.training import Training
from energyprof.storable.frozen import dataclass
from energyprof.wire.launchers import FIRST_VARIABLE

# Most trainings are alone: what finds others is loaded where there are any.
if TYPE_CHECKING:
    from energyprof.profile.nodes.joining import Asked
    from energyprof.profile.nodes.local import Local
    from energyprof.profile.nodes.party import Party


@dataclass(frozen=True)
class Company:
    """The other processes here, and the other nodes; ``None``: there are none."""

    local: Local | None = None
    party: Party | None = None

    @property
    def stopped_by(self) -> int | None:
        """The signal that came while others were waited for."""
        return None if self.party is None else self.party.stopped_by

    def notes(self) -> list[str]:
        """What a reader of this node's own report is to know."""
        notes = []
        party = self.party
        if party is not None and party.several:
            which = f"node {party.first}" if self.local is None else f"the node of process {party.first}"
            notes.append(
                f"{which} of a training of {party.size} {'nodes' if self.local is None else 'processes'}:"
                " the joules are this node's, the samples are all nodes'"
            )
        elif self.local is not None and self.local.count() > 1:
            notes.append(
                f"one of {self.local.count()} processes of this node is metered; the joules are the node's"
            )
        return notes

    def seeds(self, own: Sequence[int]) -> list[int] | None:
        """What is trained from, as node 0 says; ``None``: nothing is to be."""
        return list(own) if self.party is None or self.party.part is None else self.party.seeds(own)

    def placed(self, training: Training, number: int, inbox: Inbox) -> Training | None:
        """The training as it begins here, once all are ready; ``None``: it is not to be.

        Raises:
            TrainingError: they did not come in time.
        """
        if self.local is not None:
            environment = {
                FIRST_VARIABLE: str(self.local.task.rank),
                **self.local.own,
                **training.environment,
            }
            training = dataclasses.replace(training, environment=environment, beside=self.local.beside)
        if self.party is None or training.at is None:
            return training
        meeting = self.party.meet(number, inbox)
        if meeting is None:
            return None
        return dataclasses.replace(training.at(meeting), beside=training.beside)

    def over(self, why: str) -> None:
        """Say to the others that this node trains no more."""
        if self.party is not None and self.party.part is not None:
            self.party.over(f"{self.party.name}: {why}")

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """What goes wrong here before a training begins is said to the others, who would wait for it."""
        try:
            yield
        except BaseException as error:
            try:
                if isinstance(error, EnergyprofError):
                    self._could_not(str(error))
                else:
                    self.over(f"ended by {type(error).__name__}")
            finally:
                self.close()
            raise

    def _could_not(self, why: str) -> None:
        if self.party is not None and self.party.part is not None:
            from energyprof.profile.nodes.joining import warn

            self.party.could_not(why, warn)

    def close(self) -> None:
        """Nothing more is said, and nothing stays of what processes here told each other."""
        if self.party is not None:
            self.party.close()
        if self.local is not None:
            self.local.close()


ALONE = Company()


def company(local: Local | None, asked: Asked | None, folder: Path, meets: int) -> Company:
    """Who has part in what is about to be trained; the report is to lie in ``folder``.

    ``asked``: ``None``, of nobody. ``meets``: as in `joining.party_of`.

    Raises:
        UsageError: the options do not go together, a token is missing, or nothing can listen there.
        StoreError: the folder cannot be made.
    """
    if asked is None:
        return ALONE
    from energyprof.profile.nodes.joining import party_of, warn

    if local is not None:
        local.gather_visible(os.environ)
    party = party_of(local, asked, folder, warn, meets)
    if party is not None:
        party.announce()
    return Company(local, party)
