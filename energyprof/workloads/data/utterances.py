"""What is said in a clip, where its sound lies and who says it; and texts as they are scored."""

import hashlib
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List, Optional, Sequence, Tuple

from energyprof.workload import WorkloadError

HELD_OUT = 10  # one speaker in so many
INNER = "'"  # what stands within words


@dataclass(frozen=True)
class Utterance:
    """A clip: a sound file and what is said in it, by whom."""

    file: Path
    text: str  # as ``normalised`` leaves it, never empty
    speaker: str


Parts = Tuple[List[Utterance], List[Utterance]]


def normalised(text: str) -> str:
    """Lower case, no punctuation but apostrophes within words, one space between words; may be empty.

    Word error rates are of words alone: a comma or a capital is not an error.
    """
    text = unicodedata.normalize("NFKC", text).replace("\u2019", INNER).lower()
    kept = "".join(c if c == INNER or unicodedata.category(c)[0] in "LMN" else " " for c in text)
    return " ".join(word.strip(INNER) for word in kept.split() if word.strip(INNER))


def split(where: object, utterances: Sequence[Utterance]) -> Parts:
    """Those to train on and those held out: a tenth of the speakers, whose names hash lowest.

    Raises:
        WorkloadError: there is one speaker only; names ``where``.
    """
    speakers = sorted({one.speaker for one in utterances}, key=digest)
    if len(speakers) < 2:
        raise WorkloadError(
            f"{where} has {len(speakers)} speaker(s): one must be held out for validation, so give 2 or more"
        )
    held_out = set(speakers[: max(1, len(speakers) // HELD_OUT)])
    return (
        [one for one in utterances if one.speaker not in held_out],
        [one for one in utterances if one.speaker in held_out],
    )


def some(utterances: Sequence[Utterance], most: int, name: Callable[[Utterance], str]) -> List[Utterance]:
    """At most ``most`` of them, in their order: those whose ``name`` hashes lowest."""
    chosen = set(sorted((name(one) for one in utterances), key=digest)[:most])
    return [one for one in utterances if name(one) in chosen]


def digest(name: str) -> str:
    """A name's place in a fixed order that has nothing to do with what it names."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def worded(where: str, text: Optional[str]) -> str:
    """``text`` normalised.

    Raises:
        WorkloadError: no word is left of it; names ``where``.
    """
    found = normalised(text or "")
    if not found:
        raise WorkloadError(f"{where} says nothing: write what is spoken, or leave it out")
    return found
