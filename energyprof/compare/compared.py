"""What a comparison holds: reports side by side, each with its figures, and what may be said of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from energyprof.compare import emissions
from energyprof.compare.change import Change
from energyprof.compare.life import Life
from energyprof.compare.mismatches import Mismatch
from energyprof.compare.product import Product
from energyprof.compare.reasons import Invalidity
from energyprof.compare.success import Success
from energyprof.meter import Origin
from energyprof.storable.frozen import dataclass
from energyprof.storable.once import kept


@dataclass(frozen=True)
class Summary:
    """One figure of one report over the runs that count for it."""

    figure: str
    n: int
    mean: float  # geometric; arithmetic if a value is not positive, and then without interval
    low: float | None  # 95 %, without the meters' gain; None: a single run, whose scatter is not known
    high: float | None
    # Relative, expanded (95 %), the meters' gain included: the ± that `show` gives the report. None for what
    # is not joules, and where the meters do not say how far they may be off.
    u_rel: float | None
    agree: bool  # several runs with exactly the same value: any interval is the readings'
    change: Change | None  # None for the first report and if either side has no logarithm
    # The halves of that interval, of which ``u_rel`` is the wider: a gain may be further off one way.
    u_rel_below: float | None = None
    u_rel_above: float | None = None
    missed: int = 0  # runs that missed the target and so are not in it: it is of those that were lucky


@dataclass(frozen=True)
class Entry:
    """One report of a comparison."""

    label: str
    workload: str
    machine: str  # its name for people
    boundary: str | None
    origin: Origin
    runs: int
    reached: int | None  # None: there is no target
    left_out: tuple[str, ...]  # runs left out of the figures of energy, or of all, and why
    estimates: tuple[Summary, ...]
    product: Product | None  # its energy to target taken apart; None: not all factors are known
    success: Success | None = None  # what one is expected to cost; None: no target, or all runs reached it

    def estimate(self, *figures: str) -> Summary | None:
        """The first of these figures that the report has; None if it has none."""
        for figure in figures:
            for estimate in self.estimates:  # few, and asked so often that a dictionary of them would show
                if estimate.figure == figure:
                    return estimate
        return None


@dataclass(frozen=True)
class Withheld:
    """A verdict that is not given, and why."""

    label: str  # of the report
    figures: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Reports side by side; changes are against the first."""

    entries: tuple[Entry, ...]
    allowed: tuple[Mismatch, ...]  # differences that the user allowed
    one_machine: bool  # across machines there are figures, never a verdict
    grid: emissions.Grid | None = None  # what the emissions are based on; None: not asked for
    notes: tuple[str, ...] = ()  # in what the works of one task differ
    best: Mapping[str, str] = field(default_factory=dict)  # the label of the best report, by figure
    withheld: tuple[Withheld, ...] = ()
    reasons: tuple[Invalidity, ...] = ()  # all why a run could not be judged, for programs
    lives: tuple[Life, ...] = ()  # training and inferences together, each against the first report's

    def having(self, figure: str) -> list[tuple[Entry, Summary]]:
        """The reports that have the figure, each with its estimate."""
        return self._by_figure.get(figure, [])

    @kept
    def _by_figure(self) -> Mapping[str, list[tuple[Entry, Summary]]]:
        found: dict[str, list[tuple[Entry, Summary]]] = {}
        for entry in self.entries:
            for summary in entry.estimates:
                found.setdefault(summary.figure, []).append((entry, summary))
        return found
