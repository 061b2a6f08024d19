"""A reader of the ``.wandb`` files that W&B leaves offline: LevelDB's log format, after seven bytes more."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_HEADER, _BLOCK, _RECORD = 7, 32768, struct.Struct("<IHB")  # checksum, length, kind
_LAST = (1, 4)  # a whole record, or the last piece of one


def values(folder: Path) -> list[tuple[str, Any]]:
    """Every value of every history and summary in the folder's files, in their order."""
    from wandb.proto import wandb_internal_pb2

    found: list[tuple[str, Any]] = []
    for path in sorted(folder.rglob("*.wandb")):
        for line in _records(path.read_bytes()):
            record = wandb_internal_pb2.Record.FromString(line)
            items = [*record.history.item, *record.summary.update]
            found += [(item.key or ".".join(item.nested_key), json.loads(item.value_json)) for item in items]
    return found


def _records(content: bytes) -> Iterator[bytes]:
    assert content[:4] == b":W&B"
    at, whole = _HEADER, b""
    while at + _RECORD.size <= len(content):
        if _BLOCK - at % _BLOCK < _RECORD.size:  # the rest of a block is padding
            at += _BLOCK - at % _BLOCK
            continue
        _, length, kind = _RECORD.unpack_from(content, at)
        at += _RECORD.size
        whole += content[at : at + length]
        at += length
        if kind in _LAST:
            yield whole
            whole = b""
