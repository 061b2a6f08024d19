"""How a training went, moment by moment: evenly thinned, so that no number of rounds takes more memory."""

from __future__ import annotations

from energyprof.storable.frozen import dataclass

# Of moments that are kept; even, so that each second one of them falls on the coarser grid.
MOST_MOMENTS = 400


@dataclass(frozen=True)
class Moment:
    """At the end of a round or step."""

    rounds: int
    time_s: float
    progress: float  # 1: the target
    updates: int  # that have entered a model by then


class FleetCourse:
    """Every round's end, then every second, every fourth ..."""

    def __init__(self) -> None:
        self._kept: list[Moment] = []
        self._every = 1

    def see(self, moment: Moment) -> None:
        """Keep it if its round is one of those kept."""
        if moment.rounds % self._every:
            return
        self._kept.append(moment)
        if len(self._kept) > MOST_MOMENTS:
            self._kept = self._kept[1::2]
            self._every *= 2

    def until(self, last: Moment) -> tuple[Moment, ...]:
        """Those kept, and the last."""
        kept = [moment for moment in self._kept if moment.rounds < last.rounds]
        return (*kept, last) if last.rounds else ()
