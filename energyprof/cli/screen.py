"""A training on the screen while it runs."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from energyprof.cli.node_lines import in_a_line, nodes_table
from energyprof.cli.streams import Uncoloured
from energyprof.compare.bank import Bank
from energyprof.profile.live import Snapshot
from energyprof.storable.frozen import dataclass
from energyprof.units import joules, seconds, si, watts
from energyprof.workload import Target

if TYPE_CHECKING:
    from energyprof.profile.nodes.standing import Standings

# In a pipe: a line at every change of phase, and at least once in this time.
LINE_S = 10.0
BAR = 24
# From this share of the samples on, their pace says how long the others take.
PACE = 0.02


@dataclass(frozen=True)
class Subject:
    """What the screen needs to know about what is trained."""

    name: str
    target: Target | None
    max_samples: int | None
    bank: Bank | None = None  # what runs of exactly this work needed; None: nobody knows


@dataclass(frozen=True)
class Left:
    """How many samples reference runs needed, and how much time that leaves at the pace until now."""

    expected: float
    least: float  # to ``most``: the 95 % prediction interval of one more run
    most: float
    seconds: float
    at_most_s: float


@contextlib.contextmanager
def live_display(
    console: Console, subject: Subject, nodes: Standings | None = None
) -> Iterator[Callable[[Snapshot], None]]:
    """Draw each snapshot over the last, and below it how the other nodes stand."""
    # What is printed meanwhile, rich draws above it.
    with (
        Live(console=console, auto_refresh=False, transient=True) as live,
        contextlib.redirect_stdout(Uncoloured(sys.stdout)),
        contextlib.redirect_stderr(Uncoloured(sys.stderr)),
    ):

        def watch(now: Snapshot) -> None:
            others = [] if nodes is None else nodes.look()
            drawn = _drawn(now, subject)
            live.update(Group(drawn, Text(), nodes_table(others)) if others else drawn, refresh=True)

        yield watch


def _drawn(now: Snapshot, subject: Subject) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", justify="right")
    table.add_column()
    which = f"run {now.run + 1} of {now.runs}, seed {now.seed}" if now.runs > 1 else f"seed {now.seed}"
    table.add_row("training", Text(f"{subject.name}, {which}: {_phase(now, subject)}", style="bold"))
    if subject.target is not None or now.score is not None:
        table.add_row("score", _score(now, subject.target))
    if now.round:
        table.add_row("round", _round(now))
    left = left_of(now, subject)
    if left is not None and now.samples is not None:
        table.add_row("samples", _samples(now.samples, left))
    elif subject.max_samples is not None:
        table.add_row("samples", f"{now.samples or 0:,} of at most {subject.max_samples:,}")
    elif now.samples is not None:
        table.add_row("samples", f"{now.samples:,}")
    power = "no reading" if now.watts is None else watts(now.watts)
    energy = "" if now.joules is None else f"   {joules(now.joules)} so far"
    estimate = "   estimated, not measured" if now.origin != "measured" else ""
    table.add_row("power", Text.assemble(power + energy, (estimate, "yellow")))
    table.add_row("time", _time(now))
    if left is not None:
        table.add_row("left", _left(left))
    return table


def left_of(now: Snapshot, subject: Subject) -> Left | None:
    """What is left by the reference bank; None: there is none for this work, or no pace can be told yet."""
    if subject.bank is None or not now.samples or not now.train_s:
        return None
    least, expected, most = (subject.bank.samples(p) for p in (0.025, 0.5, 0.975))
    if now.samples < PACE * expected:  # the first steps warm up
        return None
    sample_s = now.train_s / now.samples
    left_s, at_most_s = (sample_s * max(0.0, count - now.samples) for count in (expected, most))
    return Left(expected, least, most, left_s, at_most_s)


def _samples(samples: int, left: Left) -> Text:
    bar = _bar(samples / left.expected)
    return bar.append(
        f" {samples:,}; reference runs: {left.expected:,.0f} ({left.least:,.0f} … {left.most:,.0f})"
    )


def _left(left: Left) -> str:
    if not left.at_most_s:
        return "longer than reference runs took"
    if not left.seconds:
        return f"any moment, at most {seconds(left.at_most_s)} at this pace"
    return f"about {seconds(left.seconds)}, at most {seconds(left.at_most_s)} at this pace"


def _bar(share: float) -> Text:
    filled = round(max(0.0, min(1.0, share)) * BAR)
    return Text.assemble(("━" * filled, "green"), ("━" * (BAR - filled), "dim"))


def _score(now: Snapshot, target: Target | None) -> Text:
    if target is None:
        return Text(f"{now.score:.3f}")
    aim = f"target {target.value:g} {target.metric}"
    if now.score is None:
        return Text(f"none yet, {aim}")
    done = max(0.0, min(1.0, now.score / target.value)) if target.value else 0.0
    if target.direction == "min":
        done = max(0.0, min(1.0, target.value / now.score)) if now.score else 1.0
    return _bar(done).append(f" {now.score:.3f}, {aim}")


def _phase(now: Snapshot, subject: Subject) -> str:
    words = {"idle": "measuring the idle machine", "startup": "starting up", "eval": "evaluating"}
    if now.phase == "startup" and subject.max_samples is None:  # a script need never mark a phase
        return "running, no phase marked yet"
    phase = words.get(now.phase, now.phase)
    return f"{now.actor}, {phase}" if now.actor else phase


def _round(now: Snapshot) -> str:
    """The last round: who took part, and what has been moved so far; of one who learns alone its number."""
    if not now.moved_bytes:
        return str(now.round)
    clients = "1 client" if now.clients == 1 else f"{now.clients} clients"
    return f"{now.round}, {clients}, {si(now.moved_bytes, 'B')} moved"


def _time(now: Snapshot) -> str:
    if now.train_s is None:
        return seconds(now.time_s)
    return f"{seconds(now.train_s)} training, {seconds(now.time_s)} in all"


class PlainLines:
    """Progress for a pipe or a log: a line on stderr when something changed."""

    def __init__(self, subject: Subject, nodes: Standings | None = None) -> None:
        self._subject, self._nodes = subject, nodes
        self._last: tuple[int, str, float | None] | None = None
        self._last_s = 0.0

    def watch(self, now: Snapshot) -> None:
        """Print a line if the run or the score is new, training began, or ``LINE_S`` have passed."""
        # Phases alternate with every evaluation: only those on the way to training are worth a line each.
        phase = "training" if now.train_s is not None else now.phase
        news = (now.run, phase, now.score)
        if news == self._last and time.monotonic() - self._last_s < LINE_S:
            return
        self._last, self._last_s = news, time.monotonic()
        parts = [f"{self._subject.name} seed {now.seed}: {_phase(now, self._subject)}", _time(now)]
        if now.round:
            parts.append(f"round {_round(now)}")
        if now.samples:
            parts.append(f"{now.samples:,} samples")
        if (left := left_of(now, self._subject)) is not None and left.seconds:
            parts.append(f"about {seconds(left.seconds)} left")
        if now.score is not None:
            target = self._subject.target
            aim = "" if target is None else f" (target {target.value:g})"
            parts.append(f"score {now.score:.3f}{aim}")
        if now.watts is not None:
            parts.append(watts(now.watts) + (" (estimate)" if now.origin != "measured" else ""))
        if now.joules is not None:
            parts.append(joules(now.joules))
        print(", ".join(parts), file=sys.stderr, flush=True)
        if self._nodes is not None and (others := in_a_line(self._nodes.look())):
            print(f"  {others}", file=sys.stderr, flush=True)
