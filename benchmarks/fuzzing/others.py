"""Files of other tools, and logs of meters, broken."""

from __future__ import annotations

import functools
import io
import random
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from fuzzing.kind import Target, shown, table_of
from fuzzing.mutate import broken_bytes, broken_json, encoded

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "report" / "importers"))

import test_carbontracker
import test_codecarbon
import test_expetator
import test_pyjoules
import test_zeus

from energyprof.report import importers
from energyprof.report.file import read, to_json
from energyprof.report.importers.imported import Request
from energyprof.report.importers.save import save
from fakes import mlperf_logs


@functools.cache
def _made(write: Callable[[Path], Path]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        return write(Path(folder)).read_text()


def _codecarbon(folder: Path) -> Path:
    return test_codecarbon.write(folder / "e.csv", {}, {"run_id": "b", "timestamp": "2026-01-02T11:10:00"})


def _carbontracker(folder: Path) -> Path:
    epochs = [test_carbontracker.epoch("200.0 150.0"), test_carbontracker.epoch("210.0", "35.0")]
    return test_carbontracker.log(folder / test_carbontracker.NAME, *epochs)


def _zeus(folder: Path) -> Path:
    rows = [test_zeus.row(10.0 * n, f"step{n}", 10, 300, 280) for n in range(3)]
    return test_zeus.write(folder / "z.csv", *rows)


def _pyjoules(folder: Path) -> Path:
    rows = [f"{test_pyjoules.START_S + 10 * n};step{n};10.0;1000000;1;1;1000" for n in range(3)]
    path = folder / "p.csv"
    path.write_text("\n".join([test_pyjoules.HEADER, *rows, ""]))
    return path


def _expetator(folder: Path) -> Path:
    return test_expetator.bundle(folder, ("ep", test_expetator.START, "2.4"))


def import_read(kind: str, name: str, content: bytes, folder: Path) -> None:
    """The file is imported, and every eighth report shown."""
    path = folder / name
    path.write_bytes(content)
    _imported(Request((path,)), kind if len(content) % 2 else "", folder)


def _imported(request: Request, kind: str, folder: Path) -> None:
    found = importers.read(request, kind).dated("2026-01-01T00:00:00Z")
    made = save(found, folder / "made.json", "refused")
    again = read(folder / "made.json")
    if len(to_json(again)) % 8 == 0:
        shown(made)


def _powers(start_s: float) -> str:
    return "\n".join(f"{start_s + 10 * n:.3f},{500 + n}.5" for n in range(8))


def mlperf_files(rng: random.Random) -> bytes:
    """A result, a mark, and a power log."""
    result = "\n".join(line for line in _mlperf().split("\n"))
    powers = "timestamp,power_w\n" + _powers(mlperf_logs.START_S)
    if rng.random() < 0.6:
        lines = result.split("\n")
        for _ in range(rng.randint(1, 3)):
            i = rng.randrange(len(lines))
            start, mark, said = lines[i].partition(":::MLLOG ")
            how = (broken_json,) if mark else ()
            lines[i] = start + mark + encoded(rng, said, *how, *how).decode("utf-8", "replace")
        result = "\n".join(lines)
    else:
        powers = table_of(powers, ",")(rng).decode("utf-8", "replace")
    return result.encode("utf-8", "replace") + _MARK + powers.encode("utf-8", "replace")


_MARK = b"\n====\n"


def mlperf_read(content: bytes, folder: Path) -> None:
    """Result and power log are imported."""
    result, _, powers = content.partition(_MARK)
    path = folder / "result_0.txt"
    path.write_bytes(result)
    log = folder / "node_0.csv"
    log.write_bytes(powers)
    _imported(
        Request((path,), (log,) if len(content) % 4 else ()), "mlperf" if len(content) % 2 else "", folder
    )


@functools.cache
def _mlperf() -> str:
    ended = ((60.0, 512, 0.9),)
    return _made(
        lambda folder: mlperf_logs.write_result(folder / "result_0.txt", span_s=60.0, evaluations=ended)
    )


def zip_bytes(rng: random.Random) -> bytes:
    """A bundle in a zip, its table or its bytes broken."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        # A ZipInfo is of 1980; by its name alone a member would be of today, another each time.
        archive.writestr(zipfile.ZipInfo(test_expetator.NAME), table_of(_made(_expetator), " ")(rng))
        archive.writestr(zipfile.ZipInfo(f"{test_expetator.NAME}_power/x"), b"[]")
    return broken_bytes(rng, packed.getvalue()) if rng.random() < 0.7 else packed.getvalue()


def _reader(kind: str, name: str) -> Callable[[bytes, Path], None]:
    return functools.partial(import_read, kind, name)


def _log() -> str:
    head = "timestamp, index, name, power.draw [W], temperature.gpu"
    times = (f"2026/01/02 10:00:{n:02}.500" for n in range(12))
    rows = [f"{at}, {n % 2}, NVIDIA A100, {200 + n}.25 W, 40" for n, at in enumerate(times)]
    return "\n".join([head, *rows, ""])


OTHERS: Mapping[str, Target] = {
    "mlperf": Target(mlperf_files, mlperf_read),
    "codecarbon": Target(table_of(_made(_codecarbon), ","), _reader("codecarbon", "emissions.csv")),
    "carbontracker": Target(
        table_of(_made(_carbontracker), " "), _reader("carbontracker", test_carbontracker.NAME)
    ),
    "power log": Target(table_of(_log(), ","), _reader("power", "power.csv")),
    "zeus": Target(table_of(_made(_zeus), ","), _reader("zeus", "z.csv")),
    "pyjoules": Target(table_of(_made(_pyjoules), ";"), _reader("pyjoules", "p.csv")),
    "expetator": Target(table_of(_made(_expetator), " "), _reader("expetator", test_expetator.NAME)),
    "expetator zip": Target(zip_bytes, _reader("expetator", f"{test_expetator.NAME}.zip")),
}
