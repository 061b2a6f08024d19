"""Labelled texts, split into those trained on and those held out."""

import hashlib
from dataclasses import dataclass
from typing import Iterable, List, Optional, Sequence, Tuple

from energyprof.workload import WorkloadError

Item = Tuple[str, str]  # text and label
HELD_OUT = 0.1  # share of the texts


@dataclass(frozen=True)
class Corpus:
    """Texts, each with its label's place among ``classes``."""

    classes: Tuple[str, ...]
    training: List[Tuple[str, int]]
    validation: List[Tuple[str, int]]


def digest(text: str) -> str:
    """A text's place in a fixed order that has nothing to do with its meaning: 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def split(items: Iterable[Item]) -> Tuple[List[Item], List[Item]]:
    """The items to train on and those held out, by a hash of the text alone: equal texts stay together."""
    parts: Tuple[List[Item], List[Item]] = ([], [])
    for item in items:
        parts[int(digest(item[0])[:8], 16) < HELD_OUT * 2**32].append(item)
    return parts


def of(where: str, items: Sequence[Item], held_out: Optional[Sequence[Item]], most: int) -> Corpus:
    """The corpus of ``items`` and ``held_out``, by default a tenth of them, cut to ``most``.

    Raises:
        WorkloadError: there is nothing to train on, nothing held out, or only one class; names ``where``.
    """
    if held_out is None:
        items, held_out = split(items)
    if not items or not held_out:
        what = "held out" if items else "to train on"
        raise WorkloadError(f"{where} has no text {what}: give more rows, or files train and validation")
    classes = sorted({label for _, label in items}, key=_rank)
    if len(classes) < 2:
        raise WorkloadError(f"{where} has only the label {classes[0]!r}: give two classes or more")
    places = {label: place for place, label in enumerate(classes)}
    strange = sorted({label for _, label in held_out} - places.keys(), key=_rank)
    if strange:
        raise WorkloadError(f"{where}: no text to train on has the label {strange[0]!r}, one held out has")
    chosen = sorted(held_out, key=lambda item: digest(item[0]))[:most]
    return Corpus(
        tuple(classes),
        [(text, places[label]) for text, label in items],
        [(text, places[label]) for text, label in chosen],
    )


def _rank(label: str) -> Tuple[bool, int, str]:
    """Whole numbers in their order, before words in theirs."""
    try:
        return (False, int(label), label)
    except ValueError:
        return (True, 0, label)
