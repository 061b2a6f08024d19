"""The user's labelled text: columns ``text`` and ``label`` in CSV, JSONL, Parquet or a data set on the hub.

A folder holds a file ``train`` and a file ``validation``; of a single file, a tenth is held out.
"""

import csv
import json
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from energyprof.workload import WorkloadError
from energyprof.workloads.data import corpus, hub
from energyprof.workloads.data.corpus import Corpus, Item
from energyprof.workloads.data.fingerprint import fingerprint
from energyprof.workloads.training.device import library

COLUMNS = ("text", "label")
LONGEST = 1 << 30  # characters in a field: csv's own limit is less than a long document
HELD_OUT = ("validation", "test")  # splits of a data set on the hub that are held out; the first there is


def described(data: str) -> str:
    """What stands in a plan for ``data``: a fingerprint of the files, or the name on the hub.

    Raises:
        WorkloadError: there is no such file, and it is not a name on the hub either.
    """
    name = hub.name(data, "a .csv, .jsonl or .parquet file, a folder of them, or a data set's name")
    return fingerprint(Path(data)) if name is None else "hub:" + name


def own_corpus(data: str, most: int) -> Corpus:
    """The corpus in ``data``, with at most ``most`` texts held out.

    Raises:
        WorkloadError: it cannot be read, lacks the columns, or holds too little; names the place.
    """
    if hub.named(data):
        return corpus.of(data, *_named(data), most)
    path = Path(data)
    if not path.is_dir():
        return corpus.of(data, list(items(path)), None, most)
    files = {name: _only(path, name) for name in ("train", "validation")}
    return corpus.of(data, list(items(files["train"])), list(items(files["validation"])), most)


def items(path: Path) -> Iterator[Item]:
    """Text and label of each row of a file.

    Raises:
        WorkloadError: it cannot be read, or a row lacks one of the two; names the row.
    """
    if path.suffix not in READERS:
        raise WorkloadError(f"{path} is not of a known kind: use a .csv, .jsonl or .parquet file")
    try:
        yield from _checked(str(path), READERS[path.suffix](path))
    except (OSError, ValueError, csv.Error) as error:  # ValueError: not UTF-8, not JSON, not Parquet
        reason = (str(error).splitlines() or ["?"])[0][:80]
        raise WorkloadError(f"{path} cannot be read ({reason}): check it") from error


def _checked(where: str, rows: Iterable[Tuple[int, Mapping[str, Any]]]) -> Iterator[Item]:
    for number, row in rows:
        for column in COLUMNS:
            if column not in row:
                has = ", ".join(str(name) for name in list(row)[:6])
                raise WorkloadError(f"{where} row {number} has no column {column!r}, but {has}: rename one")
        text, label = (row[column] for column in COLUMNS)
        if not isinstance(text, str) or not text.strip():
            raise WorkloadError(f"{where} has no text in row {number}: fill it in, or leave the row out")
        if not isinstance(label, (str, int)) or not str(label).strip():
            raise WorkloadError(
                f"{where}: the label in row {number} is not a word or whole number: correct it"
            )
        yield text, str(label).strip()


def _csv(path: Path) -> Iterator[Tuple[int, Mapping[str, Any]]]:
    before = csv.field_size_limit(LONGEST)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from enumerate(csv.DictReader(file), 1)
    finally:
        csv.field_size_limit(before)


def _jsonl(path: Path) -> Iterator[Tuple[int, Mapping[str, Any]]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ValueError(f"row {number} is not JSON") from error
            yield number, row if isinstance(row, dict) else {}


def _parquet(path: Path) -> Iterator[Tuple[int, Mapping[str, Any]]]:
    parquet = library("pyarrow.parquet")
    with path.open("rb") as file:
        opened = parquet.ParquetFile(file)
        wanted = [column for column in COLUMNS if column in opened.schema_arrow.names]
        if len(wanted) < len(COLUMNS):
            yield 1, dict.fromkeys(opened.schema_arrow.names)
            return
        number = 0
        for batch in opened.iter_batches(columns=wanted):
            for row in batch.to_pylist():
                number += 1
                yield number, row


READERS = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}


def _only(folder: Path, name: str) -> Path:
    found = sorted(folder / (name + kind) for kind in READERS if (folder / (name + kind)).is_file())
    if len(found) != 1:
        kinds = ", ".join(name + kind for kind in READERS)
        raise WorkloadError(f"{folder} holds {len(found)} of {kinds}: there must be one")
    return found[0]


def _named(name: str) -> Tuple[List[Item], Optional[List[Item]]]:
    """Training and validation part of a data set on the hub; it may be downloaded."""
    datasets = library("datasets")
    datasets.disable_progress_bars()
    with hub.one_line(name):
        parts: Dict[str, Any] = datasets.load_dataset(name)
    if "train" not in parts:
        raise WorkloadError(f"{name} has no split train, but {', '.join(parts)}: use another data set")
    held_out = next((parts[split] for split in HELD_OUT if split in parts), None)
    return (
        list(_checked(name, enumerate(parts["train"], 1))),
        None if held_out is None else list(_checked(name, enumerate(held_out, 1))),
    )
