"""The contract of a workload: one training program, what it is trained to, and what makes it the same work.

Valid on Python 3.8 and light to import: the profiler reads the plan without torch, the training
interpreter runs it.
"""

import hashlib
import io
import json
import math
import tokenize
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, Literal, Mapping, Optional, Protocol, Tuple, Union


class WorkloadError(Exception):
    """The work cannot be planned or trained as asked; one line with what to do."""


class Diverged(Exception):
    """Training produced a loss or a score that is not a number, or collapsed."""


@dataclass(frozen=True)
class Target:
    """The score at which the training counts as done."""

    metric: str
    value: float
    direction: Literal["max", "min"]  # max: reached at or above the value; min: at or below

    def reached(self, score: Optional[float]) -> bool:
        """Whether ``score`` is at or past the target; a missing score, NaN or infinity never is."""
        if score is None or not math.isfinite(score):
            return False
        return score >= self.value if self.direction == "max" else score <= self.value


@dataclass(frozen=True)
class Settings:
    """What a study turns. ``None``: the size's own value."""

    size: str = "tiny"
    precision: str = "fp32"
    batch_size: Optional[int] = None  # samples in each step of the optimiser, over all processes
    grad_accum: int = 1  # parts that a process computes a step's samples in
    data_fraction: float = 1.0
    compile: bool = False
    channels_last: bool = False
    checkpoint: bool = False  # one after every evaluation
    model: Optional[str] = None  # weights: a folder, or a name on the hub
    data: Optional[str] = None  # a file, a folder, or a name on the hub
    lora: Optional[int] = None  # rank
    ema: bool = False
    prediction: Optional[str] = None  # what a diffusion model predicts
    target: Optional[float] = None
    max_samples: Optional[int] = None
    # How, not what: no part of the work.
    device: str = "auto"
    nproc: int = 1  # processes, each with a device of its own
    workers: Optional[int] = None  # processes beside each of them that load data
    breakdown_s: float = 0.0  # afterwards each part of a step alone, for so long


@dataclass(frozen=True)
class Plan:
    """One training, decided down to the last number; the same plan is the same work on any machine."""

    name: str
    size: str
    config: Mapping[str, Any]  # model, data with checksum, batch size, precision, evaluation schedule
    target: Target
    max_samples: int
    settings: Settings = Settings()  # where and how: device, processes, the paths of model and data
    sources: Tuple[str, ...] = ()  # the files whose code is the work

    def id(self) -> str:
        """``sha256:…`` over all that makes two runs the same work.

        ``settings`` and ``max_samples`` stay out: where and how is what a study compares, the other says when
        to give up. What of the settings makes other work stands in ``config``, data as their fingerprint.
        """
        work = {
            "name": self.name,
            "size": self.size,
            "config": dict(self.config),
            "target": asdict(self.target),
            "code": [code_digest(Path(source)) for source in self.sources],
        }
        text = json.dumps(work, sort_keys=True, separators=(",", ":"))
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Phase:
    """From now on the program is in this phase; ``samples`` are trained so far. Yield it synchronised."""

    name: str  # startup, warmup, train, eval, checkpoint, …
    samples: int


@dataclass(frozen=True)
class Progress:
    """``samples`` have been trained; with a ``score`` it is an evaluation's end (yield it synchronised)."""

    samples: int
    score: Optional[float] = None


@dataclass(frozen=True)
class Facts:
    """What became known while it trained: operations in a sample, bytes in use."""

    facts: Mapping[str, Any]


Event = Union[Phase, Progress, Facts]


class Workload(Protocol):
    """One training program, ready to be trained from a seed."""

    def facts(self) -> Dict[str, Any]:
        """Versions, device, parameter count: recorded, not part of the work."""
        ...

    def prepare(self) -> None:
        """Load and check the data and build what does not depend on the seed; neither timed nor metered.

        Raises:
            WorkloadError: data, package or device is not there; the message says what to do.
        """
        ...

    def train(self, seed: int) -> Iterator[Event]:
        """The phases and evaluations as they happen, until the caller stops asking."""
        ...

    def breakdown(self, seconds: float) -> Iterator[Event]:
        """Each part of a step by itself, for so long that a meter can tell it: phases called ``part:NAME``.

        Follows a training, whose model, data and optimiser it uses; what it trains counts for nothing.
        """
        ...


def code_digest(path: Path) -> str:
    """SHA-256 of a source file less comments, docstrings, blank lines: better words are the same work."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    before = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        (first, column), (last, _) = token.start, token.end
        if token.type == tokenize.COMMENT:
            lines[first - 1] = lines[first - 1][:column]
        elif token.type == tokenize.STRING and before in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT):
            lines[first - 1 : last] = [""] * (last - first + 1)
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            before = token.type
    code = "\n".join(line.rstrip() for line in lines if line.strip())
    return hashlib.sha256(code.encode()).hexdigest()
