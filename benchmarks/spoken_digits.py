"""Claim: this makes the corpus of `speech`, `energyprof/workloads/data/spoken/`, the same bytes each time.

    pip install espeakng-loader==0.2.4 soundfile==0.14.0 numpy==2.4.6   # an environment of its own: see below
    python benchmarks/spoken_digits.py [FOLDER]                         # prints the checksums of both files

Strings of three to five digits, spoken by espeak-ng: 48 voices are trained on, 16 others held out. A voice
is a variant of espeak-ng's with an accent, a pitch and a range of pitches of its own; each clip has its own
rate. Rooms and noise are drawn when it is trained (`energyprof/workloads/data/rooms.py`).

espeak-ng is GPL-3 and only makes the sound, which is a work of its own: energyprof needs neither it nor its
loader. Its random numbers go on from clip to clip, so all clips are made in one fixed order.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import json
import random
from pathlib import Path
from typing import Any

SEED = 152
RATE_HZ = 8000
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ACCENTS = (
    "en",  # Great Britain
    "en-us",
    "en-gb-scotland",
    "en-gb-x-rp",
    "en-gb-x-gbclan",
    "en-gb-x-gbcwmd",
    "en-029",
    "en-us-nyc",
)
# Robots, whispers, effects, and what has a space in its name: left out by name, not by ear.
LEFT_OUT = ("robo", "whisper", "croak", "klatt", "demonic", "fast", "storm", "tweaky", "kaukovalta", " ")
TRAINED, HELD_OUT = (48, 20), (16, 16)  # voices, clips of each
WORDS_A_MINUTE = (140, 240)
PITCH, RANGE = (30, 70), (30, 70)  # of espeak-ng's 0 to 100
EDGE_S = 0.05  # kept on both sides of what is louder than QUIET of the peak
QUIET = 0.01
PEAK = 0.9  # of 8 bits: the loudest sample of each clip
FOLDER = Path(__file__).parents[1] / "energyprof" / "workloads" / "data" / "spoken"


def main() -> None:
    """Write both files and print their checksums."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    folder = parser.parse_args().folder
    import numpy
    import soundfile

    voice = Voice()
    rng = random.Random(SEED)
    speakers = drawn_speakers(voice.variants(), rng)
    clips, sounds = [], []
    for number, (_, _, pitch, spread) in enumerate(speakers):
        for _ in range((TRAINED if number < TRAINED[0] else HELD_OUT)[1]):
            text = " ".join(rng.choices(DIGITS, k=rng.randint(3, 5)))
            sound = voice.say(text, speakers[number][0], rng.randint(*WORDS_A_MINUTE), pitch, spread)
            clips.append([number, len(sound), text])
            sounds.append(sound)
    folder.mkdir(parents=True, exist_ok=True)
    samples = numpy.concatenate(sounds)
    soundfile.write(folder / "digits.flac", samples << 8, RATE_HZ, subtype="PCM_S8")
    (folder / "digits.json").write_text(index(speakers, clips), encoding="utf-8")
    for file in (folder / "digits.flac", folder / "digits.json"):
        print(hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_size, file)
    print(hashlib.sha256(samples.astype("int8").tobytes()).hexdigest(), len(samples), "samples, 8 bits each")


def drawn_speakers(variants: list[str], rng: random.Random) -> list[tuple[str, str, int, int]]:
    """Name, part, pitch and range of each speaker; no kin of one held out is trained on."""
    kins: dict[str, list[str]] = {}
    for variant in variants:
        stem = variant.lower().rstrip("0123456789")
        # gene and gene2 are nearly one voice; f1 and f2 are two.
        kins.setdefault(stem if len(stem) > 1 else variant, []).append(variant)
    order = list(kins.values())
    rng.shuffle(order)
    trained, held_out = [], []
    for kin in order:
        (held_out if len(held_out) + len(kin) <= HELD_OUT[0] else trained).extend(kin)
    assert len(trained) >= TRAINED[0], f"{len(trained)} variants to train on, {TRAINED[0]} needed"
    chosen = [(variant, "train") for variant in trained[: TRAINED[0]]]
    chosen += [(variant, "validation") for variant in held_out]
    return [
        (f"{ACCENTS[number % len(ACCENTS)]}+{variant}", part, rng.randint(*PITCH), rng.randint(*RANGE))
        for number, (variant, part) in enumerate(chosen)
    ]


def index(speakers: list[tuple[str, str, int, int]], clips: list[list[Any]]) -> str:
    """Who speaks, and of each clip who, how many samples, and what; a line a clip."""
    head = {"rate_hz": RATE_HZ, "speakers": [[name, part] for name, part, _, _ in speakers], "clips": []}
    lines = ",\n".join(json.dumps(clip) for clip in clips)
    return json.dumps(head)[: -len("[]}")] + f"[\n{lines}\n]}}\n"


class Voice:
    """espeak-ng 1.52, as espeakng-loader brings it."""

    def __init__(self) -> None:
        import espeakng_loader

        self._data = Path(espeakng_loader.get_data_path())
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self.rate_hz = self._library.espeak_Initialize(2, 0, str(self._data).encode(), 0)  # 2: synchronous
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._heard: list[int] = []
        self._callback = kind(self._hear)
        self._library.espeak_SetSynthCallback(self._callback)
        self._said = 0

    def variants(self) -> list[str]:
        """The names of its variants, less those left out."""
        names = sorted(file.name for file in (self._data / "voices" / "!v").iterdir())
        return [name for name in names if not any(word in name.lower() for word in LEFT_OUT)]

    def say(self, text: str, speaker: str, words_a_minute: int, pitch: int, spread: int) -> Any:
        """The clip at RATE_HZ, 8-bit whole numbers (n,) int16."""
        self._heard.clear()
        assert self._library.espeak_SetVoiceByName(speaker.encode()) == 0, speaker
        for parameter, value in ((1, words_a_minute), (3, pitch), (4, spread)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._said += 1
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(self._said))
        content = text.encode()
        self._library.espeak_Synth(content, len(content) + 1, 0, 1, 0, 1, None, None)
        return lowered(self._heard, self.rate_hz)

    def _hear(self, samples: Any, count: int, _: Any) -> int:
        if samples and count > 0:
            self._heard.extend(samples[:count])
        return 0


def lowered(heard: list[int], rate_hz: int) -> Any:
    """At RATE_HZ, without the silence around it, its peak at PEAK of 8 bits: (n,) int16."""
    import numpy

    sound = numpy.array(heard, dtype=numpy.float64)
    loud = numpy.flatnonzero(abs(sound) > QUIET * abs(sound).max())
    edge = round(EDGE_S * rate_hz)
    sound = sound[max(0, loud[0] - edge) : loud[-1] + edge]
    length = len(sound) * RATE_HZ // rate_hz
    # Frequencies above half of RATE_HZ go; the spectrum is that of a sound of `length` samples.
    spectrum = numpy.fft.rfft(sound)[: length // 2 + 1]
    lower = numpy.fft.irfft(spectrum, length)
    return numpy.round(lower / abs(lower).max() * PEAK * 127).astype(numpy.int16)


if __name__ == "__main__":
    main()
