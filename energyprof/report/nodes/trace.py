"""The joined trace: each node's runs one after the other, as that node wrote them, with rows that name it.

The pieces are numbered node by node. Stamps stay those of the node's own clock, so that its joules come out
digit for digit; the report says where its zero lies. Rows are copied as lines, not read: an hour of 64
nodes is millions of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from energyprof.errors import FileError
from energyprof.report.nodes.course import Course
from energyprof.report.record import MeterRecord, Report
from energyprof.storable.frozen import dataclass
from energyprof.trace.file import CHUNK_BYTES, HEADER, Rows, inflated, read_rows, read_run, read_runs
from energyprof.trace.rows import Row, Sample
from energyprof.trace.writer import TraceWriter

_NUMBER = re.compile(rb"[0-9]{1,9}(?=,)")
_BATCH_BYTES = 1 << 20


@dataclass
class _Piece:
    """The run that is being copied: its number in its own trace, and the one it gets."""

    own: bytes
    number: int


def copy(trace: Path, node: str, first: int, to: TraceWriter, meters: Sequence[MeterRecord]) -> list[Course]:
    """Append the runs of a node's ``trace`` as pieces from number ``first`` on; the course of each power.

    What was cut off ends with its last whole row.

    Raises:
        FileError: it cannot be read, or is no trace.
    """
    piece: _Piece | None = None
    courses: list[Course] = []
    try:
        with open(trace, "rb") as file:
            chunks = iter(lambda: file.read(CHUNK_BYTES), b"")
            for lines in _by_run(_batches(inflated(chunks, str(trace)))):
                found = _NUMBER.match(lines)
                if found is None:
                    raise FileError(f"{trace}: not a readable trace: a line that is not a row")
                if piece is None or found[0] != piece.own:
                    if piece is not None:
                        to.end_run()
                    piece = _Piece(found[0], first + len(courses))
                    courses.append(Course(meters))
                    to.begin_run()
                courses[-1].push(lines)
                to.lines(_named(lines, piece, node, trace))
                to.flush()
    except OSError as error:
        raise FileError(f"{trace}: cannot be read: {error.strerror}") from None
    if piece is not None:
        to.end_run()
    return courses


def _batches(texts: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines, about a megabyte at once; what has no end is left out."""
    parts: list[bytes] = []
    size = 0
    for text in texts:
        parts.append(text)
        size += len(text)
        if size >= _BATCH_BYTES:
            whole, _, rest = b"".join(parts).rpartition(b"\n")
            parts, size = [rest], len(rest)
            if whole:
                yield whole
    whole, _, _ = b"".join(parts).rpartition(b"\n")
    if whole:
        yield whole


def _by_run(batches: Iterable[bytes]) -> Iterator[bytes]:
    """The same lines with no header among them, which stands before each run."""
    header = HEADER.encode()
    for batch in batches:
        for lines in re.split(rb"(?m)^" + re.escape(header) + rb"$\n?", batch):
            if lines := lines.strip(b"\n"):
                yield lines


def _named(lines: bytes, piece: _Piece, node: str, trace: Path) -> str:
    """The lines under the piece's number, with the node's name before each meter's.

    Every line is taken for a meter's first, and what begins with @ or " is put right: searching for bytes is
    several times faster than a pattern.
    """
    own, found = b"\n" + piece.own + b",", b"\n" + lines
    if found.count(own) != found.count(b"\n") or own + b'""' in found or own + b'"@' in found:
        raise FileError(
            f"{trace}: not a readable trace: a line that is not a row of run {piece.own.decode()}"
        )
    start, name = b"\n%d," % piece.number, node.encode() + b"/"
    named = found.replace(own, start + name)
    named = named.replace(start + name + b"@", start + b"@")
    named = named.replace(start + name + b'"', start + b'"' + name)
    return named[1:].decode("utf-8", "replace")


def pieces(report: Report) -> list[tuple[int, int]]:
    """Whose the pieces of the joined report's trace are: by piece, the node and which of its runs it is."""
    return [(node, run) for node, part in enumerate(report.joined) for run in range(part.runs)]


class RowsOf:
    """A piece's rows, each time it is called, under the names that its node gave them."""

    def __init__(self, rows: Rows, node: str) -> None:
        self._rows, self._own = rows, f"{node}/"

    def __call__(self) -> Iterator[Row]:
        """The rows, once more."""
        own = self._own
        return (
            row if row.source[0] == "@" else row._replace(source=row.source.removeprefix(own))
            for row in self._rows()
        )


def node_runs(trace: Path, report: Report) -> Iterator[tuple[int, RowsOf]]:
    """Each piece of the joined trace: the number of its node, and its rows under the names of the node.

    Raises:
        FileError: it cannot be read, is no trace, or has other pieces than the report says.
    """
    owners = pieces(report)
    following = 0
    for number, rows in read_runs(trace):
        if number != following or number >= len(owners):
            break
        node = owners[number][0]
        yield node, RowsOf(rows, report.joined[node].node)
        following += 1
    if following != len(owners):
        raise FileError(
            f"{trace}: has {following} of the {len(owners)} runs of the nodes that its report was joined from"
        )


def run_rows(trace: Path, report: Report, number: int) -> Iterator[Row]:
    """The rows of one run of a report, whether of one machine or joined: these on the run's time axis.

    Raises:
        FileError: the trace cannot be read.
    """
    if not report.joined:
        yield from read_run(trace, number)
        return
    zeros = {part.node: part.zero_s for part in report.runs[number].nodes}
    owners = pieces(report)
    for row in read_rows(trace):
        node, run = owners[row.run] if row.run < len(owners) else (0, -1)
        name = report.joined[node].node
        if run == number and name in zeros:
            yield _later(row, zeros[name])


def _later(row: Row, by_s: float) -> Row:
    start_s, end_s, value = row.sample
    return row._replace(sample=Sample(start_s + by_s, end_s + by_s, value))
