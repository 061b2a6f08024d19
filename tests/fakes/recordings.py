"""Recordings of one's own in the three layouts: tones, a pitch for each letter of what is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

RATE_HZ = 16000
TEXTS = ("No.", "ON, on", "Oh no!", "no on no", "hon'  No")
HEAD = (
    "client_id\tpath\tsentence_id\tsentence\tsentence_domain\tup_votes\tdown_votes"
    "\tage\tgender\taccents\tvariant\tlocale\tsegment"
)


def sound(path: Path, text: str, rate_hz: int = RATE_HZ, channels: int = 1, letter_s: float = 0.08) -> Path:
    """A tone for each letter; the kind of file is that of its name."""
    import numpy
    import soundfile

    time_s = numpy.arange(round(letter_s * rate_hz)) / rate_hz
    tones = [
        0.4 * numpy.sin(2 * numpy.pi * (300 + 40 * (ord(letter.lower()) % 32)) * time_s) for letter in text
    ]
    wave = numpy.concatenate(tones).astype("float32")
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, numpy.stack([wave] * channels, axis=1), rate_hz)
    return path


def said(speakers: int, each: int = 3) -> Iterator[tuple[str, str, str]]:
    """Speaker, name of a clip and what is said in it."""
    for speaker in range(speakers):
        for clip in range(each):
            yield f"{100 + speaker}", f"{100 + speaker}-7-{clip:04}", TEXTS[(speaker + clip) % len(TEXTS)]


def metadata(folder: Path, speakers: int = 12) -> Path:
    """A folder with metadata.jsonl, some of it at another rate and in stereo."""
    lines = []
    for number, (speaker, name, text) in enumerate(said(speakers)):
        sound(folder / "clips" / f"{name}.wav", text, (8000, 16000, 44100)[number % 3], 1 + number % 2)
        lines.append(json.dumps({"file_name": f"clips/{name}.wav", "text": text, "speaker": speaker}))
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def librispeech(folder: Path, **subsets: int) -> Path:
    """Subsets with so many readers each; of a name, ``_`` stands for ``-``."""
    for number, (subset, readers) in enumerate(subsets.items()):
        lines: dict[Path, list[str]] = {}
        for speaker, name, text in said(readers):
            reader = f"{number + 1}{speaker}"
            chapter = folder / subset.replace("_", "-") / reader / "7"
            sound(chapter / f"{number + 1}{name}.flac", text)
            file = chapter / f"{reader}-7.trans.txt"
            lines.setdefault(file, []).append(f"{number + 1}{name} {text.upper()}")
        for file, words in lines.items():
            file.write_text("\n".join(words) + "\n")
    (folder / "SPEAKERS.TXT").write_text("; ID | SEX\n")
    return folder


def common_voice(folder: Path, **tables: int) -> Path:
    """Tables with so many speakers each, as version 17 has them; the clips are MP3."""
    for table, speakers in tables.items():
        rows = [HEAD]
        for speaker, name, text in said(speakers):
            sound(folder / "clips" / f"{table}{name}.mp3", text)
            rows.append(f"{table}{speaker}\t{table}{name}.mp3\tx\t{text}\t\t2\t0\t\t\t\t\ten\t")
        (folder / f"{table}.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder
