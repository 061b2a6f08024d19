"""What other nodes can measure: ``energyprof doctor`` of each, asked through ssh or a batch system."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import PurePath
from typing import Any, Literal

from energyprof.decode import Misfit, Name, Signed, Utc, decode
from energyprof.errors import UsageError
from energyprof.files import temporary_folder
from energyprof.meter import Boundary, Origin
from energyprof.storable.frozen import dataclass
from energyprof.units import moment

PLACE = "{node}"
# What connecting, starting and finding meters may take beside the seconds of reading them.
PATIENCE_S = 60.0
# A diagnosis is some 20 kB; a node that says more is not answering this question.
MOST_BYTES = 4 << 20
# Asked side by side: more would be many processes of ssh on one login node.
AT_ONCE = 32
MOST_NODES = 4096
# These hand one line to a shell over there; launchers hand their words on as they are.
SHELLS = ("ssh", "oarsh", "rsh", "gcloud")


@dataclass(frozen=True)
class MeterThere:
    """A meter, and its power as it was read."""

    name: Name
    power_w: Signed | None


@dataclass(frozen=True)
class KindThere:
    """A kind of meter, and whether it can be read."""

    kind: Name
    asked: Name | None
    role: str
    state: Literal["found", "blocked", "absent"]
    reason: str
    remedy: str
    meters: tuple[MeterThere, ...]


@dataclass(frozen=True)
class AutoThere:
    """What a training there would be measured by."""

    meters: tuple[Name, ...]
    boundary: Boundary | None
    origin: Origin


@dataclass(frozen=True)
class Diagnosis:
    """What ``doctor --json`` says, as far as it is shown."""

    machine: Mapping[str, Any]
    meters: tuple[KindThere, ...]
    auto: AutoThere
    warnings: tuple[str, ...]
    time: Utc | None = None  # when it was written, by the node's clock

    @property
    def power_w(self) -> float | None:
        """What the counted meters read in sum; ``None``: one of them cannot tell."""
        read = {meter.name: meter.power_w for kind in self.meters for meter in kind.meters}
        powers = [read.get(name) for name in self.auto.meters]
        known = [power_w for power_w in powers if power_w is not None]
        return sum(known) if known and len(known) == len(powers) else None


@dataclass(frozen=True)
class NodeAnswer:
    """What came back from a node."""

    node: str
    found: Diagnosis | None
    problem: str = ""  # why there is no diagnosis, in a line
    data: Mapping[str, Any] | None = None  # the whole diagnosis as it came
    ahead_s: float = 0.0  # by so much at least its clock is ahead of ours (negative: behind)


def nodes_named(text: str) -> list[str]:
    """The nodes of a list such as ``a,b`` or ``node[01-04,7],x``, as Slurm writes them.

    Raises:
        UsageError: it names none, one twice, what is no name, or more than ``MOST_NODES``.
    """
    found: list[str] = []
    for word in re.split(r",(?![^\[]*\])", text):  # not within brackets
        found += _expanded(word.strip())
        if len(found) > MOST_NODES:
            raise UsageError(f"--nodes {text[:60]}: more than {MOST_NODES:,} nodes")
    # A name that begins with a dash would be an option of ssh.
    if not found or any(not re.fullmatch(r"[\w@:.][\w@:.%-]*", name) for name in found):
        raise UsageError(f"--nodes {text[:60]}: give names of nodes, such as a,b or node[01-04]")
    for name, count in Counter(found).items():
        if count > 1:
            raise UsageError(f"--nodes {text[:60]}: {name} is named twice")
    return found


def _expanded(word: str) -> list[str]:
    bracket = re.fullmatch(r"([^\[\]]*)\[([\d,-]+)\](.*)", word)
    if bracket is None:
        return [word]
    names: list[str] = []
    for part in bracket[2].split(","):
        first, dash, last = part.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()) or len(first + last) > 16:
            return [word]  # no name
        numbers = range(int(first), int(last or first) + 1)
        if len(numbers) > MOST_NODES:
            raise UsageError(f"--nodes {word[:60]}: more than {MOST_NODES:,} nodes")
        names += [f"{bracket[1]}{number:0{len(first)}}" for number in numbers]
    return [whole for name in names for whole in _expanded(name + bracket[3])]


def command_to(node: str, via: str, words: Sequence[str]) -> list[str]:
    """What is run here to run energyprof there with these ``words``; ``via`` may end with how it is called.

    ``{node}`` in either is the node's name.

    Raises:
        UsageError: ``via`` has no place for the node, or is no command.
    """
    try:
        template = shlex.split(via)
    except ValueError as error:
        raise UsageError(f"--via {via}: {error}") from None
    if not any(PLACE in word for word in template):
        raise UsageError(f'--via {via}: say where the node stands, such as "ssh {PLACE}"')
    if PurePath(template[-1]).name != "energyprof":
        template.append("energyprof")
    if PurePath(template[0]).name in SHELLS:
        words = [shlex.quote(word.replace(PLACE, node)) for word in words]
    return [word.replace(PLACE, node) for word in (*template, *words)]


def ask_all(
    nodes: Sequence[str],
    via: str,
    words: Sequence[str],
    seconds: float,
    on_answer: Callable[[int], None] = lambda count: None,
) -> list[NodeAnswer]:
    """Each node's answer to ``energyprof`` with ``words``, in the order of ``nodes``.

    ``on_answer`` is told how many have answered. A node that cannot be reached, hangs or says something else
    is an answer with a problem.

    Raises:
        UsageError: ``via`` is no template of a command.
    """
    commands = {node: command_to(node, via, words) for node in nodes}
    answers: dict[str, NodeAnswer] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = [pool.submit(_ask, node, command, seconds) for node, command in commands.items()]
        for future in as_completed(asked):
            answer = future.result()
            answers[answer.node] = answer
            on_answer(len(answers))
    return [answers[node] for node in nodes]


def _ask(node: str, command: Sequence[str], seconds: float) -> NodeAnswer:
    # Files, not pipes: what a node leaves behind would hold a pipe open.
    folder = temporary_folder()
    with tempfile.TemporaryFile(dir=folder) as out, tempfile.TemporaryFile(dir=folder) as err:
        sent_s = time.time()
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                timeout=seconds + PATIENCE_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return NodeAnswer(node, None, f"no answer in {seconds + PATIENCE_S:.0f} s")
        except OSError as error:
            return NodeAnswer(node, None, f"{command[0]}: {os.strerror(error.errno or 0)}")
        came_s = time.time()
        out.seek(0)
        err.seek(0)
        text = out.read(MOST_BYTES).decode("utf-8", "replace")
        said = err.read(MOST_BYTES).decode("utf-8", "replace")
    # A login shell may greet first.
    start = re.search(r"^\{", text, re.MULTILINE)
    try:
        data = json.loads(text[start.start() :]) if start else None
        found = decode(Diagnosis, data, "its answer") if isinstance(data, dict) else None
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, Misfit) else "cut off, or not JSON"
        return NodeAnswer(node, None, f"not an answer of energyprof doctor: {why}"[:300])
    if done.returncode != 0 or found is None:
        return NodeAnswer(node, None, _last_word(said, text, done.returncode))
    return NodeAnswer(node, found, "", data, _ahead_s(found, sent_s, came_s))


def _last_word(said: str, text: str, code: int) -> str:
    """Why it failed: its last line, on stderr if there is one."""
    for words in (said, text):
        lines = [line.strip() for line in words.splitlines() if line.strip()]
        if lines:
            return lines[-1].removeprefix("error: ")[:300]
    return f"ended with exit code {code} and said nothing"


def _ahead_s(found: Diagnosis, sent_s: float, came_s: float) -> float:
    """By how much the node's clock was ahead at least: its answer was written between the two."""
    written_s = moment(found.time or "")
    if not math.isfinite(written_s):  # an earlier version does not say
        return 0.0
    return max(0.0, written_s - came_s) or min(0.0, written_s - sent_s)
