"""What an event must say to be stored: those of a training process, and those of the profiler itself.

``wire/`` says what the first mean, ``report/event_log.py`` the others. Whoever takes an event from here can
rely on it: it is written down, read again and made a report of, which can be read, too.
"""

import json
import math
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Set

from energyprof.storable.values import (
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_NAME,
    MAX_NAMES,
    MAX_TIME_S,
    is_count,
    is_int,
    is_json,
    is_name,
    is_number,
    is_text,
    is_utc,
)

# Characters of what a program says at once. Escaped, one letter may be six.
MAX_EVENT = 65536
# Characters of a last word: it becomes part of a flag, which has a text's length.
MAX_MESSAGE = 2000

Fits = Callable[[Any], bool]

_UNSAID = object()
# Texts that are empty where they are left out.
_EMPTY = ("message", "actor")


def is_score(value: Any) -> bool:
    """Whether it is a number; NaN or infinity is news (the training diverged), not garbage."""
    return isinstance(value, float) or is_int(value)


def said_by_program(event: Any, said: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    """The fields of a training process's event; ``None``: it is none that may be stored.

    What else is ``said`` is left out. A score that is not finite becomes NaN, a fact that is not ``None``.
    """
    wanted = PROGRAM.get(event) if isinstance(event, str) else None
    if wanted is None:
        return None
    fields = {name: said.get(name, "" if name in _EMPTY else None) for name in wanted}
    for name, fits in wanted.items():
        if not fits(fields[name]):
            return None
    if fields.get("actor") == "":
        del fields["actor"]  # the program's own, as nearly every event is
    score = fields.get("score")
    if score is not None and not math.isfinite(score):
        fields["score"] = math.nan
    if "facts" in fields:
        fields["facts"] = _finite(fields["facts"])
        if not is_json(fields["facts"]) or len(json.dumps(fields)) > MAX_EVENT:
            return None
    return fields


def asked_by_program(event: Any, said: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    """The fields of a training process's question; ``None``: it is none."""
    wanted = QUESTIONS.get(event) if isinstance(event, str) else None
    if wanted is None:
        return None
    fields = {name: said.get(name) for name in wanted}
    return fields if all(fits(fields[name]) for name, fits in wanted.items()) else None


def in_trace(event: str, said: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    """The fields of an event in a trace; ``None``: they are not those of an event of this kind.

    What else is ``said`` is kept, and an event of an unknown kind passes: a later version has more to say.
    """
    checked = said_by_program(event, said) if event in PROGRAM and event != "end" else {}
    if checked is None:
        return None
    for name, fits in IN_TRACE.get(event, {}).items():
        if not fits(said.get(name, _UNSAID)):
            return None
    for name, value in said.items():
        if name not in checked and not (is_name(name) and is_json(value)):
            return None
    return {**said, **checked}


def _finite(value: Any, depth: int = MAX_DEPTH) -> Any:
    """``value`` with ``None`` for every number that is not finite: a loss among the facts may be NaN."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth > 0 and isinstance(value, dict):
        return {key: _finite(item, depth - 1) for key, item in value.items()}
    if depth > 0 and isinstance(value, list):
        return [_finite(item, depth - 1) for item in value]
    return value


def _or_none(fits: Fits) -> Fits:
    return lambda value: value is None or fits(value)


def _if_said(fits: Fits) -> Fits:
    return lambda value: value is _UNSAID or fits(value)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_text, value))


def _is_time(value: Any) -> bool:
    return is_number(value) and abs(value) <= MAX_TIME_S


def _is_actor(value: Any) -> bool:
    return is_text(value, MAX_NAME)


def _is_scores(value: Any) -> bool:
    named = isinstance(value, dict) and len(value) <= MAX_NAMES
    return named and all(is_name(name) and is_number(score) for name, score in value.items())


# What each event of the training process says. A field that is left out is None, a message or an actor "".
PROGRAM: Dict[str, Dict[str, Fits]] = {
    "phase": {"name": is_name, "samples": _or_none(is_count), "actor": _is_actor},
    "progress": {"samples": is_count, "score": _or_none(is_score), "actor": _is_actor},
    "window": {"number": is_count, "name": is_name},
    "close": {"number": is_count, "samples": _or_none(is_count)},
    "facts": {"facts": lambda value: isinstance(value, dict)},
    "exchange": {
        "actor": is_name,
        "samples": is_count,
        "bytes_up": is_count,
        "bytes_down": is_count,
        "outcome": lambda value: value in ("used", "late", "dropped"),
    },
    "round": {"round": is_count, "scores": _is_scores, "score": _or_none(is_score)},
    "end": {
        "status": lambda value: value in ("done", "diverged", "error"),
        "message": lambda value: is_text(value, MAX_MESSAGE),
    },
}
# What a program may ask; it is answered, and not stored.
QUESTIONS: Dict[str, Dict[str, Fits]] = {
    # Of one of its windows, until now or once it is over; or of all until now.
    "energy": {"window": _or_none(is_count), "over": lambda value: isinstance(value, bool)},
    "report": {},
}
# The machine's processors beside the training's: not every kernel tells.
LOAD: Dict[str, Fits] = {
    "busy_s": _if_said(is_number),
    "profiler_s": _if_said(is_number),
    "cpus": _if_said(is_count),
}
# And what a trace says: the profiler's own events, and what it adds to those of the program.
IN_TRACE: Dict[str, Dict[str, Fits]] = {
    "run": {
        "seed": _if_said(_or_none(is_int)),
        "monotonic_s": _if_said(is_number),
        "utc": _if_said(is_utc),
    },
    "phase": {"unmarked": _if_said(is_name), "process": _if_said(is_count)},
    "progress": {"process": _if_said(is_count)},
    "window": {"process": _if_said(is_count)},
    "close": {"process": _if_said(is_count)},
    "facts": {"process": _if_said(is_count)},
    "exchange": {"process": _if_said(is_count)},
    "round": {"process": _if_said(is_count)},
    "speaker": {"process": is_count, "role": is_name},
    "left": {"names": _texts},
    "clock": {"utc_s": _is_time, "asleep_s": _if_said(_is_time), "doubt_s": _if_said(_is_time)},
    # The last word of another tool's run has that tool's status.
    "end": {"status": is_name, "message": is_text, "process": _if_said(is_count)},
    "exit": {"code": _or_none(is_int)},
    "interrupt": {"signal": is_text},
    "warning": {"signal": is_text},
    "cpu": {"cpu_s": is_number, **LOAD},
    "load": {"cpu_s": is_number, **LOAD},
    "lever": {
        "name": is_name,
        **dict.fromkeys(("device", "before", "asked", "got", "meter"), is_text),
        "limit_w": _or_none(is_number),
    },
    "scan": {
        "lever": is_name,
        "base": is_text,
        "values": _texts,
        "settle_s": is_number,
        "window_s": is_number,
    },
    "turn": {"value": is_text, "block": is_count, "amount": _or_none(is_number)},
    "condition": {"device": is_name, "foreign": _if_said(_texts), "throttled": _if_said(_texts)},
    "profiler": {
        "cpu_s": is_number,
        "rss_bytes": is_count,
        "garbage": _if_said(is_count),
        "hanging": _if_said(_texts),
    },
}


class Room:
    """What the report of one run still has room for: so many phases, windows, evaluations, actors, facts.

    ``reserved`` of each are left for whoever has more to add: idle phases, a shutdown.
    """

    def __init__(self, reserved: int) -> None:
        self._most, self._most_names = MAX_ITEMS - reserved, MAX_NAMES - reserved
        self._phases = 0
        self._windows = 0
        self._evaluations = 0
        self._exchanges = 0
        self._actors: Set[str] = set()
        self._facts: Set[str] = set()

    def takes(self, event: str, fields: Mapping[str, Any]) -> bool:
        """Whether the event fits in, too; from then on its place is taken."""
        if event == "phase":
            self._phases += 1
            return self._phases <= self._most and self._added(self._actors, [fields.get("actor", "")])
        if event == "window":
            self._windows += 1
            return self._windows <= self._most
        if event == "progress" and fields["score"] is not None:
            self._evaluations += 1
            return self._evaluations <= self._most
        if event in ("exchange", "round"):
            self._exchanges += 1
            return self._exchanges <= self._most
        return event != "facts" or self._added(self._facts, fields["facts"])

    def _added(self, names: Set[str], more: Iterable[str]) -> bool:
        new = set(more) - names
        if len(names) + len(new) > self._most_names:
            return False
        names |= new
        return True
