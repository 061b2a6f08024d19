"""The file that a calibration of a node leaves: the map, and the windows that it was drawn from."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path

from energyprof.decode import Amount, Misfit, NonNegative, Signed, Utc, decode
from energyprof.errors import FileError
from energyprof.files import Schema, parse, read_text, write_text
from energyprof.report.node_map import NodeMap
from energyprof.storable.frozen import dataclass
from energyprof.storable.values import fitted

# The schema and its history; a reader takes every version up to its own.
#   energyprof.node/1   the first
SCHEMA_NAME = "energyprof.node"
SCHEMA_VERSION = 1
SCHEMA = f"{SCHEMA_NAME}/{SCHEMA_VERSION}"
_SCHEMA = Schema(SCHEMA_NAME, SCHEMA_VERSION, "calibration of a node")

# No supply loses more than half of what the parts draw twice over: a map beyond is of something else.
MOST_SLOPE = 4.0


@dataclass(frozen=True)
class MapWindow:
    """A stretch of the recording, and the mean powers in it."""

    start: Utc
    loads_w: tuple[Signed, ...]  # of the map's terms, as their meters read
    node_w: Signed
    residual_w: Signed  # the node less the map


@dataclass(frozen=True)
class NodeCalibration:
    """What one node was found to draw, by what its components' meters read."""

    schema: str
    created: Utc
    node_map: NodeMap
    window_s: NonNegative = 0.0
    rms: Amount = 0.0  # of the windows off the map, relative
    windows: tuple[MapWindow, ...] = ()
    notes: tuple[str, ...] = ()


def to_json(found: NodeCalibration) -> str:
    """The calibration as indented JSON with a newline at its end."""
    plain = fitted(dataclasses.asdict(found))
    return json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write(found: NodeCalibration, path: Path, publish: Callable[[Path, str], None] = write_text) -> None:
    """Write it to ``path`` atomically. Raises FileError."""
    publish(path, to_json(found))


def is_node_file(path: Path) -> bool:
    """Whether the file ``path`` says that it is such a calibration. Raises FileError if it cannot be read."""
    return f'"{SCHEMA_NAME}/' in read_text(path)[:200]


def read(path: Path) -> NodeCalibration:
    """The calibration in the file ``path``.

    Raises:
        FileError: it cannot be read, is no calibration of a node, or holds implausible numbers.
    """
    data = parse(read_text(path), str(path), _SCHEMA)
    try:
        found = decode(NodeCalibration, data, "calibration")
    except Misfit as error:
        raise FileError(f"{path}: not a valid calibration: {error}") from None
    if problem := _problem(found.node_map):
        raise FileError(f"{path}: not a valid calibration: {problem}")
    return found


def _problem(by: NodeMap) -> str:
    size = len(by.terms) + 1
    if not by.terms or not by.meters:
        return "it names no meter"
    if len(set(by.meters)) < len(by.meters):
        return "it names a meter twice"
    if any(len(term.devices) not in (0, len(term.meters)) for term in by.terms):
        return "its devices are not its meters'"
    if len(by.covariance) != size or any(len(row) != size for row in by.covariance):
        return f"its covariance is not {size} × {size}"
    if any(not abs(term.slope) <= MOST_SLOPE for term in by.terms):
        return f"a slope of more than {MOST_SLOPE:g} W a watt"
    variances = [by.covariance[i][i] for i in range(size)]
    if any(not v >= 0 for v in variances):
        return "a variance below 0"
    for i in range(size):
        for j in range(size):
            bound = math.sqrt(variances[i] * variances[j])
            if abs(by.covariance[i][j]) > bound * (1 + 1e-6) + 1e-30:
                return "its covariance is none"
    return ""
