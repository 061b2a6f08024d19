"""A training script of the user's own: what makes two runs of it the same work, and what it is trained to."""

from __future__ import annotations

import math
import os
import re
import tokenize
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from energyprof.errors import UsageError
from energyprof.report.record import WorkloadRecord
from energyprof.storable.frozen import dataclass
from energyprof.wire import SEED_VARIABLE, TARGET_VARIABLE
from energyprof.workload import Target, code_digest, content_id

# What a plain number is a target of.
METRIC = "score"
_TARGET = re.compile(r"\s*(?:(?P<metric>[A-Za-z_][\w .@/-]*?)\s*(?P<sign>>=|<=))?\s*(?P<value>[-+\w.]+)\s*")


@dataclass(frozen=True)
class Script:
    """A program that trains, with its arguments; ``target`` is the score at which it counts as done."""

    path: Path
    arguments: tuple[str, ...]
    target: Target | None

    def work(self) -> WorkloadRecord:
        """What two runs must share to be the same work: code but for imports and comments, arguments, target.

        Of its task no more is known than whose it is and to which target: what it imports or reads is not
        looked into.

        Raises:
            UsageError: there is no such script, or it is not Python.
        """
        target = self.target and asdict(self.target)
        return WorkloadRecord(
            self.path.name,
            None,
            content_id({"script": self.path.name, "target": target}),
            content_id({"code": self._code(), "arguments": self.arguments, "target": target}),
            {"arguments": list(self.arguments)},
            self.target,
        )

    def environment(self, seed: int) -> Mapping[str, str]:
        """How ``energyprof.seed()`` and ``energyprof.reached()`` learn what to answer."""
        found = {SEED_VARIABLE: str(seed)}
        if self.target is not None:
            sign = ">=" if self.target.direction == "max" else "<="
            found[TARGET_VARIABLE] = f"{self.target.metric}{sign}{self.target.value!r}"
        return found

    def _code(self) -> str:
        try:
            return code_digest(self.path)
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be read: {error.strerror}") from None
        except (SyntaxError, UnicodeDecodeError, tokenize.TokenError):
            raise UsageError(
                f"{self.path}: is not a Python script; `energyprof exec -- {self.path}` meters any program"
            ) from None


def is_script(name: str) -> bool:
    """Whether the first word of ``run`` is a script's path rather than a workload's name."""
    return name.endswith(".py") or os.sep in name


def target_of(text: str | None) -> Target | None:
    """The target in ``accuracy>=0.97``, ``loss<=0.2``, or a number that the score must be at least.

    Raises:
        UsageError: it has none of these forms.
    """
    if text is None:
        return None
    found = _TARGET.fullmatch(text)
    value = number_in(found["value"]) if found else None
    if found is None or value is None:
        raise UsageError(f"--target {text}: give a number, 'accuracy>=0.97' or 'loss<=0.2' (in quotes)")
    return Target(found["metric"] or METRIC, value, "min" if found["sign"] == "<=" else "max")


def number_in(text: str) -> float | None:
    """The finite number that ``text`` is; ``None``: it is not one."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
