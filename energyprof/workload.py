"""The contract of a workload: one training program, what it is trained to, and what makes it the same work.

Valid on Python 3.8 and light to import: the profiler reads the plan without torch, the training
interpreter runs it.
"""

import hashlib
import io
import json
import math
import tokenize
from dataclasses import asdict, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Literal, Mapping, Optional, Protocol, Tuple, Union

# Under this name, too: `ab --before` asks revisions without the table for their settings.
from energyprof.settings import Settings as Settings
from energyprof.storable.frozen import dataclass

# With this phase an actor's turn is over: until its next one it does nothing on this machine.
AWAY = "away"


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
class Plan:
    """One training, decided down to the last number; the same plan is the same work on any machine."""

    name: str
    size: str
    config: Mapping[str, Any]  # model, data with checksum, batch size, precision, evaluation schedule
    target: Target
    max_samples: int
    settings: Settings = field(
        default_factory=Settings
    )  # where and how: device, processes, the paths of model and data
    sources: Tuple[str, ...] = ()  # the files whose code is the work
    # The keys of ``config`` (``a.b`` of one within another) that say what is to be achieved: data, split and
    # evaluation. All others say how.
    task_keys: Tuple[str, ...] = ()
    # Those that say what one sample is: where they differ, a joule per sample is not the same unit.
    sample_keys: Tuple[str, ...] = ()

    def task(self) -> str:
        """``sha256:…`` over what is to be achieved: equal where it is, however it is trained."""
        return task_id(self.name, self.config, self.task_keys, self.target)

    def work(self) -> str:
        """``sha256:…`` over the task and all of how it is trained: equal where two runs are the same work.

        ``settings`` and ``max_samples`` stay out: where it is trained is what a study compares, the other
        says when to give up. What of the settings makes other work stands in ``config``, data as their
        fingerprint.
        """
        return content_id(
            {
                "task": self.task(),
                "size": self.size,
                "config": dict(self.config),
                "code": sorted({code_digest(Path(source)) for source in self.sources}),
            }
        )


@dataclass(frozen=True)
class Mark:
    """From now on the program is in this phase; ``samples`` are trained so far. Yield it synchronised."""

    name: str  # startup, warmup, train, eval, checkpoint, …
    samples: int  # trained by this actor
    actor: str = ""  # a client's or a server's phase; "": the program's as a whole


@dataclass(frozen=True)
class Progress:
    """``samples`` have been trained; with a ``score`` it is an evaluation's end (yield it synchronised)."""

    samples: int
    score: Optional[float] = None


@dataclass(frozen=True)
class Facts:
    """What became known while it trained: operations in a sample, bytes in use."""

    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Exchange:
    """What a client had to do with the round that goes on: samples trained, bytes of encoded messages.

    ``used``: its work went into the model · ``late``: others were quicker · ``dropped``: it never came back.
    """

    actor: str
    samples: int
    bytes_up: int  # sent by it
    bytes_down: int  # received
    outcome: Literal["used", "late", "dropped"] = "used"


@dataclass(frozen=True)
class Round:
    """A round, from 1, is over but for its score: the next ``Progress`` with a score ends it.

    ``scores`` are others of the same metric, on old and on new data say. With a ``score`` of its own the
    round ends here: it is one that does not count towards the target.
    """

    number: int
    scores: Mapping[str, float] = field(default_factory=dict)
    score: Optional[float] = None


Event = Union[Mark, Progress, Facts, Exchange, Round]


@dataclass(frozen=True)
class Trained:
    """What a training leaves for measurements that follow it."""

    model: Any  # the torch.nn.Module that was scored
    loss: Callable[[Any], Any]  # model → its loss on one more batch, called as in training
    score: Callable[[Any], float]  # model → its score, as the training is evaluated
    device: Any
    precision: str
    compile: bool
    samples: int  # trained


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

    def trained(self) -> Optional[Trained]:
        """What the training left; ``None``: nothing that could compute by itself."""
        ...


def task_id(name: str, config: Mapping[str, Any], keys: Tuple[str, ...], target: Target) -> str:
    """``sha256:…`` over what is to be achieved: the entries of ``config`` under ``keys``, and the target."""
    aim = {key: _within(config, key) for key in keys}
    return content_id({"name": name, "config": aim, "target": asdict(target)})


def content_id(content: Any) -> str:
    """``sha256:…`` over what JSON makes of ``content``."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def code_digest(path: Path) -> str:
    """SHA-256 of what a source file does: its tokens less imports, comments, docstrings and layout.

    Where a name is imported from is no part of it, so that a module can move. The same on every Python.

    Raises:
        SyntaxError, tokenize.TokenError: it is not Python.
    """
    return _text_digest(path.read_text(encoding="utf-8-sig"))


@lru_cache(maxsize=None)  # workloads and sizes share most of their files
def _text_digest(text: str) -> str:
    code: List[str] = []
    statement: List[Tuple[int, str]] = []
    depth, own_line = 0, True
    for kind, word in _tokens(text):
        if kind in (tokenize.INDENT, tokenize.DEDENT):
            code.append(tokenize.tok_name[kind])
            continue
        statement.append((kind, word))
        if kind == tokenize.OP:
            depth += (word in _OPENING) - (word in _CLOSING)
        ends = kind == tokenize.NEWLINE or (kind == tokenize.OP and word == ";")
        if ends or (kind == tokenize.OP and word == ":" and depth == 0):
            if not _is_import(statement) and not (own_line and _is_docstring(statement)):
                code += [text for _, text in statement[:-1]]
                code.append("NEWLINE" if ends else word)
            statement, own_line = [], ends
    return hashlib.sha256("\0".join(code).encode()).hexdigest()


_OPENING, _CLOSING = ("(", "[", "{"), (")", "]", "}")
_LAYOUT = (tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER)


def _tokens(text: str) -> Iterator[Tuple[int, str]]:
    """Kind and text of each token; an f-string is one, as it was before Python 3.12."""
    lines = io.StringIO(text).readlines()
    begins: List[Tuple[int, int]] = []  # of f-strings within each other
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        name = tokenize.tok_name[token.type]
        if name in ("FSTRING_START", "TSTRING_START"):
            begins.append(token.start)
        elif name in ("FSTRING_END", "TSTRING_END"):
            begin = begins.pop()
            if not begins:
                yield tokenize.STRING, _between(lines, begin, token.end)
        elif not begins and token.type not in _LAYOUT:
            yield token.type, token.string


def _between(lines: List[str], start: Tuple[int, int], end: Tuple[int, int]) -> str:
    """The text from ``start`` to ``end``, each a row from 1 and a column."""
    found = lines[start[0] - 1 : end[0]]
    found[-1] = found[-1][: end[1]]
    found[0] = found[0][start[1] :]
    return "".join(found)


def _is_import(statement: List[Tuple[int, str]]) -> bool:
    kind, word = statement[0]
    return kind == tokenize.NAME and word in ("import", "from")


def _is_docstring(statement: List[Tuple[int, str]]) -> bool:
    """Whether it is nothing but strings; an f-string is computed, so it is none."""
    return len(statement) > 1 and all(
        kind == tokenize.STRING and word.lower().lstrip("bru")[0] in "\"'" for kind, word in statement[:-1]
    )


def _within(config: Mapping[str, Any], key: str) -> Any:
    """What stands under ``a.b``; what is not taken apart stands for all that it holds."""
    found: Any = config
    for name in key.split("."):
        if not isinstance(found, Mapping):
            break
        found = found.get(name)
    return found
