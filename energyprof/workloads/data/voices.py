"""The user's recordings, in one of three layouts, and which of their speakers are held out.

* ``metadata.jsonl`` beside the sounds, a line ``{"file_name": …, "text": …, "speaker": …}`` for each; without
  a speaker each file counts as one. A tenth of the speakers is held out.
* Common Voice: ``clips/`` and ``train.tsv`` with ``dev.tsv`` or ``test.tsv``, which is held out; or
  ``validated.tsv`` alone, of whose speakers a tenth is. Columns are found by name.
* LibriSpeech: ``SUBSET/READER/CHAPTER/*.trans.txt`` with the sounds beside. Subsets ``dev-…``, or else
  ``test-…``, are held out from ``train-…``; where there are none, a tenth of the readers is.
"""

import csv
import hashlib
import json
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

from energyprof.workload import WorkloadError
from energyprof.workloads.data.utterances import Parts, Utterance, some, split, worded

METADATA = "metadata.jsonl"
EXAMPLE = '{"file_name": "1.flac", "text": "what is said", "speaker": "who"}'
TABLES = ("train.tsv", "validated.tsv")  # the first there is trained on
HELD_OUT = ("dev", "test")  # the first there is held out
COLUMNS = ("client_id", "path", "sentence")
SOUND = ".flac"
WORDS = (".jsonl", ".tsv", ".txt", ".TXT")
END_BYTES = 4096


def layout(folder: Path) -> Callable[[Path], Parts]:
    """What reads the layout that ``folder`` has.

    Raises:
        WorkloadError: there is no such folder, or nothing of the three in it.
    """
    if not folder.is_dir():
        raise WorkloadError(f"{folder} is no folder: give one with {METADATA}, Common Voice or LibriSpeech")
    if (folder / METADATA).is_file():
        return _listed
    if any((folder / name).is_file() for name in TABLES):
        return _common_voice
    if next(folder.rglob("*.trans.txt"), None) is not None:
        return _librispeech
    raise WorkloadError(
        f"{folder} holds no recordings that are known: give {METADATA}, train.tsv and clips/ "
        "(Common Voice), or SUBSET/READER/CHAPTER/*.trans.txt (LibriSpeech)"
    )


def described(folder: Path) -> str:
    """``sha256:…`` over the files of ``folder`` and their names within it, but not where it lies.

    Tables and transcripts count whole, sounds with their size and both ends: hours of them would take as long
    as training's first steps, and the first bytes of a FLAC file hold a checksum of all its samples.

    Raises:
        WorkloadError: the layout is not known, or a file cannot be read.
    """
    layout(folder)
    digest = hashlib.sha256()
    try:
        for name in sorted(
            file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()
        ):
            if any(part.startswith(".") for part in name.split("/")):
                continue  # these come and go without the data having changed
            file = folder / name
            digest.update(f"{name}\0{file.stat().st_size}\0".encode())
            digest.update(file.read_bytes() if file.suffix in WORDS else _ends(file))
    except OSError as error:
        raise WorkloadError(
            f"{error.filename or folder}: cannot be read ({error.strerror}): check it"
        ) from error
    return "sha256:" + digest.hexdigest()


def _ends(file: Path) -> bytes:
    with file.open("rb") as opened:
        first = opened.read(END_BYTES)
        opened.seek(max(0, file.stat().st_size - END_BYTES))
        return first + opened.read()


def read(folder: Path, most: int) -> Parts:
    """What to train on and what is held out, at most ``most`` of these; no sound is opened.

    Raises:
        WorkloadError: the layout is not known, a line broken, its sound not there, or there is too little.
    """
    trained, held_out = layout(folder)(folder)
    if not trained or not held_out:
        what = "held out" if trained else "to train on"
        raise WorkloadError(f"{folder} has no clip {what}: give more")
    return trained, some(held_out, most, lambda one: one.file.relative_to(folder).as_posix())


def _listed(folder: Path) -> Parts:
    found = []
    for number, line in enumerate(_lines(folder / METADATA), 1):
        if not line.strip():
            continue
        where = f"{folder / METADATA}, line {number}"
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise WorkloadError(f"{where} is not JSON: write {EXAMPLE}") from error
        name, text = (_entry(where, entry, key) for key in ("file_name", "text"))
        speaker = entry.get("speaker", name)
        if not isinstance(speaker, (str, int)) or isinstance(speaker, bool) or speaker == "":
            raise WorkloadError(f"{where}: the speaker is not a name: write {EXAMPLE}")
        found.append(Utterance(_sound(where, folder, name), worded(where, text), str(speaker)))
    return split(folder, found)


def _entry(where: str, entry: Any, key: str) -> str:
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, str) or not value:
        raise WorkloadError(f"{where} has no {key}: write {EXAMPLE}")
    return value


def _common_voice(folder: Path) -> Parts:
    table = next(folder / name for name in TABLES if (folder / name).is_file())
    found = list(_rows(table))
    others = [folder / f"{name}.tsv" for name in HELD_OUT if (folder / f"{name}.tsv").is_file()]
    if table.name != TABLES[0] or not others:
        return split(table, found)
    return found, list(_rows(others[0]))


def _rows(table: Path) -> Iterator[Utterance]:
    rows = csv.reader(_lines(table), delimiter="\t", quoting=csv.QUOTE_NONE)
    head = next(rows, [])
    missing = [column for column in COLUMNS if column not in head]
    if missing:
        raise WorkloadError(
            f"{table} has no column {missing[0]!r}: its first line must name {', '.join(COLUMNS)}"
        )
    places = [head.index(column) for column in COLUMNS]
    for number, row in enumerate(rows, 2):
        where = f"{table}, line {number}"
        if not row:
            continue
        if len(row) <= max(places):
            raise WorkloadError(f"{where} has {len(row)} columns of {len(head)}: correct it, or leave it out")
        speaker, name, text = (row[place] for place in places)
        if not speaker or not name:
            raise WorkloadError(f"{where} has no {COLUMNS[0] if not speaker else COLUMNS[1]}: fill it in")
        name = name if Path(name).suffix else name + ".mp3"  # the first releases left it out
        yield Utterance(_sound(where, table.parent, "clips/" + name), worded(where, text), speaker)


def _librispeech(folder: Path) -> Parts:
    subsets: Dict[str, List[Utterance]] = {}
    for file in sorted(folder.rglob("*.trans.txt")):
        chapter = file.parent
        # Of a subset that was given itself the name counts, too.
        name = chapter.parent.parent.name
        subsets.setdefault(name, []).extend(_transcript(file, chapter.parent.name))
    held_out: Optional[str] = next(
        (kind for kind in HELD_OUT if any(name.startswith(kind) for name in subsets)), None
    )
    trained = [one for name in subsets if name.startswith("train") for one in subsets[name]]
    if not trained or held_out is None:
        return split(folder, trained or [one for found in subsets.values() for one in found])
    return trained, [one for name in subsets if name.startswith(held_out) for one in subsets[name]]


def _transcript(file: Path, reader: str) -> Iterator[Utterance]:
    for number, line in enumerate(_lines(file), 1):
        if line.strip():
            where = f"{file}, line {number}"
            name, _, text = line.strip().partition(" ")
            yield Utterance(_sound(where, file.parent, name + SOUND), worded(where, text), reader)


def _sound(where: str, folder: Path, name: str) -> Path:
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise WorkloadError(f"{where}: {name} lies outside the folder: move it there")
    if not (folder / name).is_file():
        raise WorkloadError(f"{where}: there is no {folder / name}: correct it")
    return folder / name


def _lines(file: Path) -> List[str]:
    try:
        return file.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise WorkloadError(f"{file} cannot be read ({error.strerror}): check it") from error
    except UnicodeDecodeError as error:
        raise WorkloadError(f"{file} is not UTF-8 text: rewrite it") from error
