"""Energy to target as a product: energy per sample × samples to target × what comes on top of training."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from energyprof.compare.change import Change, Values, collect_over, exp
from energyprof.compare.column import Column, column
from energyprof.compare.figures import BY_NAME, Figure, value
from energyprof.compare.reasons import Reason, reason
from energyprof.compare.sessions import UNKNOWN, Apart, Known
from energyprof.compare.statistics.intervals import holm
from energyprof.report.record import Run
from energyprof.storable.frozen import dataclass


@dataclass(frozen=True)
class Factor:
    """One factor, mean over the runs of one report."""

    name: str  # energy_per_sample, samples_to_target or on_top
    mean: float  # geometric
    change: Change | None  # against the first report; None: it is the first, or one of the two has none
    spread: float | None = None  # from run to run: standard deviation of the logarithms; None: a single run


@dataclass(frozen=True)
class Product:
    """The energy to target of one report, over the runs in which all its factors are known.

    Means are geometric, so that the factors multiply to the energy's mean, and their changes to its change.
    """

    n: int
    energy_j: float
    ratio: float | None  # of energy to the first report's; None: it is the first, or one has none
    factors: tuple[Factor, ...]
    spread: float | None = None  # of the energy, as of a factor


def _in_factors(run: Run) -> Reason | None:
    known = value(BY_NAME["energy_per_sample"], run) and run.samples
    return None if known else reason("factors_unknown", "not all factors of its energy are known")


def _on_top(run: Run) -> float | None:
    """The run's energy over that of as many samples: 1.05 where evaluation and warm-up add a twentieth."""
    sample_j = value(BY_NAME["energy_per_sample"], run)
    return run.energy_j / (sample_j * run.samples) if run.energy_j and sample_j and run.samples else None


# All with the same exclusions: a product holds over one set of runs.
_ENERGY = BY_NAME["energy_to_target"]
_BARS = (*_ENERGY.exclusions, _in_factors)
WHOLE = replace(_ENERGY, exclusions=_BARS)
FACTORS = (
    replace(BY_NAME["energy_per_sample"], exclusions=_BARS),
    replace(BY_NAME["samples_to_target"], exclusions=_BARS),
    # A ratio of two readings of the same meters: their error cancels.
    Figure("on_top", "", _on_top, "lower", _BARS, lambda run, amount: {}),
)


def products(
    columns: Sequence[Column],
    allow: Collection[str] = (),
    barred: Collection[int] = (),
    far: Sequence[Apart] | None = None,
    known: Known = UNKNOWN,
    *,
    judged: bool,
) -> list[Product | None]:
    """The product of each report, and its changes from the first; None if it is not known.

    ``columns`` are those of a comparison, of the same reports.

    ``judged`` changes have verdicts, held to 5 % over all factors of all reports (Holm), except of reports
    whose place is ``barred``. For ``allow`` see `compare`, for ``far`` and ``known`` `column`.
    """
    reports = columns[0].reports
    there = {column.figure.name: column for column in columns if column.figure.name in _SHOWN}
    if _of_the_same_runs(list(there.values())):
        whole, samples = there["energy_to_target"], there["samples_to_target"]
        of_sample, _, on_top = FACTORS
        on_top_cells = [
            None if cell is None else collect_over(on_top, report, cell.places)
            for cell, report in zip(whole.cells, reports, strict=True)
        ]
        factors = [
            column(of_sample, reports, allow, far, known, there["energy_per_sample"].cells),
            samples,  # of the same runs, and compared as a factor is
            column(on_top, reports, allow, far, known, on_top_cells),
        ]
    else:
        whole = column(WHOLE, reports, allow, far, known)
        factors = [column(figure, reports, allow, far, known) for figure in FACTORS]
    n = len(FACTORS)
    levels = holm([factor.p_value(i) for i in range(1, len(reports)) for factor in factors])
    made = []
    for i, energy in enumerate(whole.cells):
        total = whole.contrasts[i]
        tested = judged and i > 0 and not (0 in barred or i in barred)
        changes = [factors[k].change(i, levels[n * (i - 1) + k] if tested else None) for k in range(n)]
        mine = [factor.cells[i] for factor in factors]
        made.append(_product(energy, mine, None if total is None else exp(total.whole.log_ratio), changes))
    return made


_SHOWN = ("energy_to_target", "energy_per_sample", "samples_to_target")


def _of_the_same_runs(columns: Sequence[Column]) -> bool:
    """Whether the energy to target and its factors are of the same runs everywhere, and none is 0.

    Then the runs that enter the energy are those whose factors are known.
    """
    return len(columns) == len(_SHOWN) and all(
        len({None if cell is None else cell.places for cell in cells}) == 1
        and all(cell is None or cell.logs is not None for cell in cells)
        for cells in zip(*(column.cells for column in columns), strict=True)
    )


def _product(
    energy: Values | None,
    cells: Sequence[Values | None],
    ratio: float | None,
    changes: Sequence[Change | None],
) -> Product | None:
    if energy is None:
        return None
    named = zip(FACTORS, cells, changes, strict=True)
    factors = [
        Factor(figure.name, cell.mean.value, change, _spread(cell)) for figure, cell, change in named if cell
    ]
    return Product(energy.mean.n, energy.mean.value, ratio, tuple(factors), _spread(energy))


def _spread(cell: Values) -> float | None:
    return cell.logs.sd if cell.logs is not None else None
