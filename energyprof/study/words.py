"""A cell's command: the plan's, with the setting's values in it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from energyprof.errors import UsageError
from energyprof.study.plan import Plan, Setting, Value, shown

# Options of `place` that are no key of its files.
_OPTIONS = ("sites", "reach", "error", "seed")
# Where each command takes its seed.
_SEEDS = {"simulate": "seed", "fleet": "fleet.seed", "place": "seed"}


def words_of(command: Sequence[str], setting: Setting) -> list[str]:
    """The command with the setting's values in it: options, levers, the workload, a script's arguments.

    Raises:
        UsageError: a factor cannot be put into this command.
    """
    head, dashes, tail = _split(command)
    for name, value in setting.values:
        if name == "workload":
            if head[:1] != ["run"] or len(head) < 2:
                raise UsageError(f"{' '.join(command)}: only run has a workload")
            head[1] = shown(value)
        elif name.startswith("lever."):
            head += ["--lever", f"{name.removeprefix('lever.')}={shown(value)}"]
        elif name.startswith("argument."):
            tail, dashes = [*tail, *_option(name.removeprefix("argument."), value)], ["--"]
        elif head[:1] == ["exec"]:
            raise UsageError(f'factors.{name}: exec has no settings: of its program it is "argument.{name}"')
        else:
            head += _option(name, value)
    # What is trained under exec comes last, and so does a script's own.
    return [*head, *dashes, *tail]


def _split(command: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    words = list(command)
    if "--" not in words:
        return words, [], []
    place = words.index("--")
    return words[:place], ["--"], words[place + 1 :]


def _option(name: str, value: Value) -> list[str]:
    option = "--" + name.replace("_", "-").lstrip("-")
    if isinstance(value, bool):
        return [option] if value else []
    return [option, shown(value)]


def simulated_words(plan: Plan, setting: Setting, block: int) -> list[str]:
    """The command of a simulation: each factor a key that is ``--set``, or ``scenario``, the file itself.

    Of several blocks each has its number as its seed, unless the plan has a seed of its own.

    Raises:
        UsageError: there is no file.
    """
    name = plan.command[0]
    words = list(plan.command)
    for factor, value in setting.values:
        if factor == "scenario":
            if len(words) < 2 or words[1].startswith("-"):
                raise UsageError(f"{' '.join(plan.command)}: name the file first, which scenario replaces")
            words[1] = shown(value)
        elif name == "place" and factor in _OPTIONS:
            words += [f"--{factor}", shown(value)]
        else:
            words += ["--set", f"{factor}={_toml(value)}"]
    if plan.repeats > 1 and not _has_seed(name, words):
        words += ["--seed", str(block)] if name == "place" else ["--set", f"{_SEEDS[name]}={block}"]
    return words


def _has_seed(name: str, words: Sequence[str]) -> bool:
    key = _SEEDS[name]
    own = ("--seed",) if name == "place" else (f"{key}=", f"--set={key}=")
    return any(word.startswith(own) for word in words)


def _toml(value: Value) -> str:
    """A text stays one, whatever it looks like."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else shown(value)
