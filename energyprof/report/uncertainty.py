"""The terms that make up an uncertainty: what each is, where it adds up and where it cancels.

Terms are standard uncertainties, independent of each other, so they add in quadrature (JCGM 100:2008, the
GUM, 5.1.2). A term of several energies adds linearly as far as it is one error that they all share
(GUM 5.2.2, note 1), and in quadrature otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from energyprof.meter import MeterInfo
from energyprof.storable.frozen import dataclass

# Between the runs on the same meters:
#   scale       one factor on all they read: the same in every run, cancels in the ratio of two
#   zero        one power added to all they read: the same in every run, cancels in a difference of powers
#   systematic  the same in every run, cancels nowhere
#   random      different in every run: repeating averages it out
Error = Literal["scale", "zero", "systematic", "random"]


# Which meters share one such error: all of a kind have the same make of sensors, all of a lane are read at
# the same moment.
Sharing = Literal["kind", "lane", "none"]


@dataclass(frozen=True)
class Term:
    """One term of an uncertainty."""

    name: str
    meaning: str
    error: Error = "random"
    shared_by: Sharing = "none"
    distribution: str = "rectangular"
    source: str = (
        ""  # of the method; empty if it comes from the meters' makers or calibrations, or there is none
    )


def _table(*terms: Term) -> dict[str, Term]:
    return {term.name: term for term in terms}


SCATTER = "scatter"
# A gain that need not be as far off towards less as towards more: "gain" is then what it may be off upwards,
# and this the same downwards. Both are one error, of which an interval's lower end takes the one.
GAIN, BELOW = "gain", "gain_below"
_RECTANGLE = "GUM 4.3.7"
_COCHRAN = "Cochran, Sampling Techniques, 5A.12"

# Of one meter's energy in one window, by name.
METER_TERMS = _table(
    Term(GAIN, "the meters' scale: all readings off by the same factor", "scale", "kind"),
    Term(BELOW, "the same towards less, in the gain's place at the lower end", "scale", "kind"),
    Term(
        "transfer",
        "calibrations used at another time or load than they were made",
        "scale",
        "kind",
        "normal",
    ),
    Term("offset", "the meters' zero: what they show when there is nothing", "zero"),
    Term("resolution", "the step that readings are truncated to", source="GUM F.2.2.1"),
    Term("edge", "start and end lie between two updates of a counter", "random", "lane", source=_RECTANGLE),
    Term("stamp", "when the readings at start and end were taken", "random", "lane", source=_RECTANGLE),
    Term(
        "shape", "what the power did between evenly spaced readings", "systematic", "lane", source=_RECTANGLE
    ),
    Term(
        "sampling",
        "what the power did between readings at random times",
        "random",
        "lane",
        "normal",
        _COCHRAN,
    ),
    Term(
        "unseen",
        "time that no reading tells of: anywhere from no power to the most that was read",
        source=_RECTANGLE,
    ),
    Term("bridge", "gaps and resets, filled in from the readings around them", source=_RECTANGLE),
)
# Those, and what else a run's figure or a mean over runs may have.
_OF_METERS = "everything the meters may be off by, which this report does not split up"
TERMS = METER_TERMS | _table(
    Term(SCATTER, "how much the runs differ, s/√n", distribution="Student", source="GUM 4.2.3"),
    Term("idle", "the idle power that is subtracted", distribution="normal"),
    Term(
        "drift",
        "the idle power in between, anywhere from that before to that after",
        "systematic",
        source=_RECTANGLE,
    ),
    Term("reading", "everything but the gain, which this report does not split up", distribution="normal"),
    Term("meters", _OF_METERS, "systematic", distribution="normal"),
    Term(
        "map",
        "the node as a sum of its parts: what the calibration leaves open",
        "systematic",
        distribution="normal",
    ),
    Term("clock", "how a node's clock stood to that of the node whose phase it is", distribution="normal"),
    Term("evaluation", "the target was met somewhere between two evaluations", source=_RECTANGLE),
)


def _names(*errors: Error) -> tuple[str, ...]:
    return tuple(term.name for term in TERMS.values() if term.error in errors)


SCALE, ZERO = _names("scale"), _names("zero")
# The same in every run on the same meters: repeating does not average them out.
COMMON = _names("scale", "zero", "systematic")


def below(terms: Mapping[str, float]) -> dict[str, float]:
    """The terms of an interval's lower end: each once."""
    found = {name: u for name, u in terms.items() if name != BELOW}
    return found if BELOW not in terms else {**found, GAIN: terms[BELOW]}


def above(terms: Mapping[str, float]) -> dict[str, float]:
    """The terms of an interval's upper end: each once."""
    return {name: u for name, u in terms.items() if name != BELOW}


def wider(terms: Mapping[str, float]) -> dict[str, float]:
    """The terms of the end that lies further away."""
    return below(terms) if terms.get(BELOW, 0.0) > terms.get(GAIN, 0.0) else above(terms)


def combined(terms: Mapping[str, float]) -> float:
    """The standard uncertainty of terms that stand each once."""
    return math.hypot(*terms.values())


def stored(terms: Mapping[str, float]) -> dict[str, float]:
    """The terms without those of 0, and without ``BELOW`` where the gain is the same both ways."""
    same = terms.get(BELOW) == terms.get(GAIN, 0.0)
    return {name: u for name, u in terms.items() if (not same if name == BELOW else u > 0)}


def term_of(name: str) -> Term:
    """The term ``name``; one known only to another version is taken to be random."""
    return TERMS.get(name) or Term(name, "", distribution="normal")


def group(term: Term, meter: MeterInfo) -> str:
    """The same word for all meters that share an error of this term with ``meter``."""
    shared = {"kind": meter.kind, "lane": meter.lane, "none": ""}[term.shared_by]
    return shared or meter.name
