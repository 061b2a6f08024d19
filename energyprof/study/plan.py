"""A study's plan: a command, factors with their values, and how they are combined and repeated."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Literal, get_args

from energyprof.errors import FileError, UsageError, unknown_key
from energyprof.storable.frozen import dataclass
from energyprof.study.screening import MOST_FACTORS, plackett_burman

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Value = str | int | float | bool
Design = Literal["one-at-a-time", "grid", "screening", "search"]
Objective = Literal["energy", "time", "score"]

TRAININGS = ("run", "exec")
# Commands that train nothing: a factor of theirs is a key of the file that they are given.
SIMULATIONS = ("simulate", "place", "fleet")
# The plan's keys, besides the factors.
KEYS = ("name", "command", "design", "repeats", "budget", "trials", "objectives", "scan", "factors")
OF_TRAININGS = ("budget", "trials", "objectives", "scan")
TRIALS = 30
MOST_CELLS = 10_000


@dataclass(frozen=True)
class Budget:
    """What a study may take; it ends with the block in which that is spent. ``None``: no bound."""

    hours: float | None = None
    joules: float | None = None


@dataclass(frozen=True)
class Plan:
    """A study as it was written down."""

    name: str
    command: tuple[str, ...]  # run …, exec …; or simulate …, place …, fleet …
    design: Design
    repeats: int  # blocks, each with every setting once
    factors: Mapping[str, tuple[Value, ...]]  # the first value of each is the base's
    budget: Budget = Budget()
    trials: int = 0  # settings that a search tries; 0: another design
    objectives: tuple[Objective, ...] = ()  # of a search
    scan: str = ""  # a lever scanned within each training, with its values: "cpu.max_freq=1GHz,2GHz"
    # What a search has tried, in this order; it is no part of what was planned.
    tried: tuple[Setting, ...] = field(default=(), compare=False)
    # What is simulated rests on these files: their contents' digests by name.
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def simulates(self) -> bool:
        """Whether its command trains nothing."""
        return self.command[0] in SIMULATIONS

    @property
    def things(self) -> str:
        """What its cells are."""
        return "simulations" if self.simulates else "trainings"


@dataclass(frozen=True)
class Setting:
    """One value of each factor."""

    values: tuple[tuple[str, Value], ...]

    def label(self, base: Setting) -> str:
        """In what it differs from the base: "precision=bf16"; the base is "base"."""
        differing = [(name, value) for name, value in self.values if (name, value) not in base.values]
        return ", ".join(f"{name}={shown(value)}" for name, value in differing) or "base"


def shown(value: Value) -> str:
    """A value as the plan has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_plan(path: Path) -> Plan:
    """The plan in a TOML file.

    Raises:
        FileError: it cannot be read, or is not TOML.
        UsageError: it is not a plan; the message names the key.
    """
    try:
        data = tomllib.loads(path.read_bytes().decode())
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'not text'}") from None
    except (ValueError, RecursionError) as error:  # not only TOML's own: a number of 5,000 digits
        raise FileError(f"{path}: not TOML: {' '.join(str(error).split())}") from None
    return plan_of(data, str(path), path.stem)


def plan_of(data: Mapping[str, Any], where: str, name: str) -> Plan:
    """The plan that ``data`` is; without a name of its own it is called ``name``.

    Raises:
        UsageError: it is not one.
    """
    if unknown := [key for key in data if key not in KEYS]:
        raise unknown_key(unknown[0], KEYS, where)
    command = data.get("command")
    words = command.split() if isinstance(command, str) else command
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise UsageError(f'{where}: command: give what is trained, such as command = "run unet --size tiny"')
    if words[0] not in (*TRAININGS, *SIMULATIONS):
        known = ", ".join((*TRAININGS, *SIMULATIONS))
        raise UsageError(f"{where}: command {words[0]!r}: begin it with one of {known}")
    design = data.get("design", "one-at-a-time")
    if design not in get_args(Design):
        raise UsageError(f"{where}: design {design!r}: choose from {', '.join(get_args(Design))}")
    if words[0] in SIMULATIONS and (own := [key for key in OF_TRAININGS if key in data]):
        raise UsageError(f"{where}: {own[0]}: is of trainings, and {words[0]} trains nothing: leave it out")
    if words[0] in SIMULATIONS and design == "search":
        raise UsageError(f'{where}: design "search" is for trainings: of simulations try all, as a "grid"')
    # The seed moves no total of `simulate`: its draws' interval is in every result.
    repeats = data.get("repeats", 1 if words[0] == "simulate" else 3)
    if type(repeats) is not int or not 1 <= repeats <= 1000:
        raise UsageError(f"{where}: repeats {repeats!r}: give a whole number of at least 1")
    title = data.get("name", name)
    if not isinstance(title, str) or not title:
        raise UsageError(f"{where}: name: give a text")
    search = _search(data, where, design)
    plan = Plan(
        title,
        tuple(words),
        design,
        repeats,
        _factors(data, where),
        _budget(data, where),
        *search,
        _scan(data, where),
    )
    if len(settings(plan)) * repeats > MOST_CELLS:
        cells = len(settings(plan)) * repeats
        raise UsageError(f"{where}: {cells:,} {plan.things}: a study takes at most {MOST_CELLS:,}")
    return plan


def _scan(data: Mapping[str, Any], where: str) -> str:
    word = data.get("scan", "")
    if not isinstance(word, str) or ("scan" in data and not word):
        raise UsageError(
            f'{where}: scan {word!r}: name a lever, such as "gpu.power_limit" or "cpu.cores=0,0-1"'
        )
    return word


def _search(data: Mapping[str, Any], where: str, design: str) -> tuple[int, tuple[Objective, ...]]:
    """How many settings a search tries, and for what; of another design nothing."""
    if design != "search":
        if own := [key for key in ("trials", "objectives") if key in data]:
            raise UsageError(f'{where}: {own[0]}: only with design = "search"')
        return 0, ()
    trials = data.get("trials", TRIALS)
    if type(trials) is not int or not 1 <= trials <= MOST_CELLS:
        raise UsageError(f"{where}: trials {trials!r}: give a whole number from 1 to {MOST_CELLS:,}")
    objectives = data.get("objectives", ["energy", "time"])
    known = get_args(Objective)
    if not isinstance(objectives, list) or not objectives or any(name not in known for name in objectives):
        raise UsageError(f"{where}: objectives {objectives!r}: list some of {', '.join(known)}")
    if len(set(objectives)) < len(objectives):
        raise UsageError(f"{where}: objectives: one is there twice")
    return trials, tuple(objectives)


def _factors(data: Mapping[str, Any], where: str) -> dict[str, tuple[Value, ...]]:
    factors = data.get("factors")
    if not isinstance(factors, dict) or not factors:
        raise UsageError(f'{where}: factors: give at least one, such as precision = ["fp32", "bf16"]')
    found: dict[str, tuple[Value, ...]] = {}
    for name, values in factors.items():
        if not re.fullmatch(r"\S+", name) or name.endswith("."):
            raise UsageError(
                f"{where}: factors: {name!r} is not the name of an option, a lever or an argument"
            )
        if isinstance(values, dict):  # an unquoted lever.cpu.max_freq
            raise UsageError(f'{where}: factors.{name}: put a name with dots in quotes: "{name}.…" = [ … ]')
        plain = isinstance(values, list) and all(type(value) in (str, int, float, bool) for value in values)
        if not plain or len(values) < 2:
            raise UsageError(f"{where}: factors.{name}: give a list of at least two values, the base's first")
        if len({shown(value) for value in values}) < len(values):
            raise UsageError(f"{where}: factors.{name}: a value is there twice")
        found[name] = tuple(values)
    if data.get("design") == "screening":
        if len(found) > MOST_FACTORS:
            raise UsageError(f"{where}: {len(found)} factors: screening takes at most {MOST_FACTORS}")
        if three := [name for name, values in found.items() if len(values) > 2]:
            raise UsageError(f"{where}: factors.{three[0]}: screening compares two values of each factor")
    return found


_BUDGET = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(min|h|d|J|kJ|MJ|kWh)")
_HOURS = {"min": 1 / 60, "h": 1.0, "d": 24.0}
_JOULES = {"J": 1.0, "kJ": 1e3, "MJ": 1e6, "kWh": 3.6e6}


def _budget(data: Mapping[str, Any], where: str) -> Budget:
    asked = data.get("budget")
    if asked is None:
        return Budget()
    found = _BUDGET.fullmatch(asked) if isinstance(asked, str) else None
    if found is None or float(found[1]) == 0:
        raise UsageError(f'{where}: budget {asked!r}: give a time or an energy, such as "8 h" or "500 kJ"')
    amount, unit = float(found[1]), found[2]
    if unit in _HOURS:
        return Budget(hours=amount * _HOURS[unit])
    return Budget(joules=amount * _JOULES[unit])


def settings(plan: Plan) -> tuple[Setting, ...]:
    """What is trained in each block, the base first."""
    return tuple(dict.fromkeys(_settings(plan)))


def _settings(plan: Plan) -> Iterator[Setting]:
    names = list(plan.factors)
    base = {name: values[0] for name, values in plan.factors.items()}
    yield _setting(base)
    if plan.design == "search":
        yield from plan.tried
    elif plan.design == "one-at-a-time":
        for name, values in plan.factors.items():
            yield from (_setting({**base, name: value}) for value in values[1:])
    elif plan.design == "grid":
        for values in itertools.product(*plan.factors.values()):
            yield _setting(dict(zip(names, values, strict=True)))
    else:
        for row in plackett_burman(len(names)):
            levels = zip(names, row, strict=False)
            yield _setting({name: plan.factors[name][level] for name, level in levels})


def _setting(values: Mapping[str, Value]) -> Setting:
    return Setting(tuple(values.items()))
