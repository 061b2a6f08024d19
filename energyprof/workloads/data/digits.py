"""Strings of three to five spoken digits, 64 voices, as energyprof ships them: 23 minutes at 8 kHz.

``benchmarks/spoken_digits.py`` made them. 48 voices are trained on, 20 clips each; 16 others, 16 clips each,
are held out. A voice is called ``ACCENT+VARIANT``: by accent they fall into 8 groups, alike in number.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, List, Tuple

from energyprof.workload import WorkloadError
from energyprof.workloads.data import packaged
from energyprof.workloads.training.device import library

NAME = "spoken digits"
FOLDER = Path(__file__).parent / "spoken"
SHA256 = {
    "digits.flac": "d14ad33d06cb718bfe49654f810434e94e5b04d498c008bf5cd5d409e0cd3a8e",
    "digits.json": "3d7c4522439235fe30273290680fe89c79bf11266ca9f641dcc6610743cb7a5f",
}
RATE_HZ = 8000
PEAK = 128.0  # 8 bits


@dataclass(frozen=True)
class Digits:
    """Clips of one part, whose sound is in memory."""

    texts: Tuple[str, ...]
    speakers: Tuple[str, ...]
    sounds: Tuple[Any, ...]  # each (samples,) int8


def check() -> None:
    """Do nothing if both files are what they should be.

    Raises:
        WorkloadError: one is missing or another one.
    """
    for name, sha256 in SHA256.items():
        packaged.checked(FOLDER / name, sha256, "energyprof")


def texts() -> List[str]:
    """What is said in the clips to train on."""
    index = _index()
    return [text for number, _, text in index["clips"] if index["speakers"][number][1] == "train"]


def part(name: str) -> Digits:
    """The clips of the voices to ``train`` on, or of those for ``validation``, voice by voice.

    Raises:
        WorkloadError: the files are missing or other ones, or soundfile is not installed.
    """
    soundfile, numpy = library("soundfile"), library("numpy")
    index = _index()
    try:
        samples, rate_hz = soundfile.read(str(FOLDER / "digits.flac"), dtype="int16")
    except (OSError, RuntimeError) as error:  # soundfile's errors are RuntimeErrors
        raise WorkloadError(
            f"{FOLDER / 'digits.flac'} cannot be decoded ({error}): reinstall soundfile"
        ) from error
    if rate_hz != RATE_HZ or index["rate_hz"] != RATE_HZ:
        raise WorkloadError(
            f"{FOLDER / 'digits.flac'} is at {rate_hz} Hz, not {RATE_HZ}: install energyprof anew"
        )
    torch = library("torch")
    whole = torch.from_numpy((samples >> 8).astype(numpy.int8))
    lengths = [length for _, length, _ in index["clips"]]
    chosen = [
        (text, index["speakers"][number][0], sound)
        for (number, _, text), sound in zip(index["clips"], whole.split(lengths))
        if index["speakers"][number][1] == name
    ]
    texts, speakers, sounds = zip(*chosen)
    return Digits(texts, speakers, sounds)


def _index() -> Any:
    check()
    return json.loads((FOLDER / "digits.json").read_text(encoding="utf-8"))
