"""OAR, as on Grid'5000: a generated script a cell, for ``oarsub -S``.

The script's process alone is signalled before the walltime (oarsub --checkpoint); it ends the training and
exits with 99, which queues an idempotent job again if it ran for more than 60 s.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from energyprof.errors import BatchError
from energyprof.files import write_text
from energyprof.study.cluster import LOGS, BatchSettings, answer, cell_command, program
from energyprof.study.folder import Cell

TEMPLATE = Path(__file__).parent.parent / "templates/study-oar.sh"
# Asked for with -t, Kwollect keeps a row of the wattmetre every second.
MONITOR = re.compile(r"monitor='?wattmetre_power_watt'?")
_WAITS_OR_RUNS = (
    "Waiting",
    "Hold",
    "toLaunch",
    "toAckReservation",
    "Launching",
    "Running",
    "Suspended",
    "Resuming",
    "Finishing",
)


class OarQueue:
    """Submits cells of one study."""

    def __init__(self, folder: Path, settings: BatchSettings) -> None:
        """Raises MissingPart: OAR is not here."""
        self._oarsub, self._oarstat = program("oarsub", "oar"), program("oarstat", "oar")
        self._folder, self._settings = folder, settings

    def submit(self, cell: Cell) -> str:
        """Raises BatchError: oarsub refused. FileError: the script cannot be written."""
        path = self._folder.resolve() / LOGS / f"{cell.name}.oar.sh"
        write_text(path, script(self._folder, cell, self._settings))
        path.chmod(0o755)
        code, told, error = answer([self._oarsub, "-S", str(path)])
        found = re.search(r"OAR_JOB_ID=([0-9]+)", told)
        if code != 0 or found is None:
            raise BatchError(f"oarsub: {error or told.strip() or f'exit code {code}'}"[:300])
        return found[1]

    def is_there(self, job: str) -> bool:
        """By oarstat, which knows ended jobs as well. Raises BatchError."""
        code, told, error = answer([self._oarstat, "-s", "-j", job])
        found = re.search(rf"{job} *: *(\w+)", told)
        if found is None:
            raise BatchError(f"oarstat: {error or told.strip() or f'exit code {code}'}"[:300])
        return found[1] in _WAITS_OR_RUNS


def script(folder: Path, cell: Cell, settings: BatchSettings) -> str:
    """The cell's script: the template filled in."""
    hours, minutes = divmod(settings.limit_min, 60)
    words = [shlex.quote(word) for word in cell_command(folder, cell, settings)]
    monitored = any(MONITOR.search(option) for option in settings.options)
    if monitored and "--meters" not in settings.words:
        words += ["--meters", '"$METER"']
    filled = {
        "RESOURCE": "host" if settings.node == "whole" else "core",
        "WALLTIME": f"{hours}:{minutes:02}:00",
        "JOB": f"energyprof-{cell.name}"[:80],
        "LOG": f"{folder.resolve()}/{LOGS}/{cell.name}.%jobid%.txt",
        "OPTIONS": "\n".join(f"#OAR {option}" for option in settings.options),
        "FOLDER": shlex.quote(str(Path.cwd())),
        "COMMAND": " ".join(words),
    }
    text = TEMPLATE.read_text()
    for name, value in filled.items():
        text = text.replace(f"@{name}@", value)
    return text
