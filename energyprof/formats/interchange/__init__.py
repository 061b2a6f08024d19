"""A report in the formats of others: one file a format, one table, one contract.

Each number goes with the ends of its 95 % interval, with its origin and its boundary. What a format asks for
and the report does not know stays empty, and is named; nothing is made up.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from energyprof.errors import MissingPart, UsageError
from energyprof.formats.interchange.contract import InFile, InFolder

Place = Literal["text", "file", "folder"]


@dataclass(frozen=True)
class Format:
    """A row of the table."""

    module: str  # in this folder
    place: Place  # text, a file that may go to stdout
    what: str
    needs: str = ""  # packages beyond the standard library, by what they are imported as
    install: str = ""
    shared: bool = False  # a folder that may hold other runs already


FORMATS: Mapping[str, Format] = {
    "csv": Format("table", "text", "a row a run, for a spreadsheet or pandas"),
    "parquet": Format(
        "parquet",
        "file",
        "the same rows, typed, and the whole report in the file's metadata",
        "pyarrow",
        "energyprof[interchange]",
    ),
    "mlflow": Format(
        "mlflow", "folder", "an MLflow run for each run, in a store", "mlflow", "mlflow-skinny", shared=True
    ),
    "wandb": Format(
        "wandb", "folder", "a Weights & Biases run for each run, offline", "wandb", "wandb", shared=True
    ),
    "eco-ci": Format("eco_ci", "text", "the lap data of Green Coding's Eco CI"),
    "boamps": Format("boamps", "text", "Boavizta's data model for AI power measures (BoAmps)"),
    "eu-model-form": Format(
        "eu_model_form", "text", "the items on energy and compute of the EU's Model Documentation Form"
    ),
    "mlperf-json": Format("mlperf", "folder", "MLPerf Training's logs (mllog): results and power readings"),
    "ro-crate": Format(
        "ro_crate",
        "folder",
        "a research object (RO-Crate) of report and trace",
        "rocrate",
        "energyprof[interchange]",
    ),
}


def format_of(name: str) -> Format:
    """The format ``name``.

    Raises:
        UsageError: there is no such format.
    """
    if name not in FORMATS:
        raise UsageError(f"--to {name}: choose from {', '.join(FORMATS)}")
    return FORMATS[name]


def file_writer(name: str) -> InFile:
    """What makes the content of a format whose place is one file.

    Raises:
        MissingPart: a package that it needs is not installed.
    """
    return cast(InFile, _loaded(name))


def folder_writer(name: str) -> InFolder:
    """What writes a format whose place is a folder. Raises as `file_writer`."""
    return cast(InFolder, _loaded(name))


def _loaded(name: str) -> object:
    row = FORMATS[name]
    try:
        return importlib.import_module(f"energyprof.formats.interchange.{row.module}")
    except ModuleNotFoundError as error:
        if not row.needs or error.name is None or error.name.startswith("energyprof"):
            raise
        raise MissingPart(f"--to {name} needs {row.needs}: pip install '{row.install}'") from None
