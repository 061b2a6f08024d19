"""Before anything is metered: whether the interpreter that trains has all that the training needs."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from energyprof.errors import TrainingError
from energyprof.profile.installed_from import requirement
from energyprof.profile.island import pythonpath
from energyprof.profile.room import room

PROGRAM = "workloads/needs.py"
# An interpreter on a network's disk takes seconds to start; none takes this long.
LONGEST_S = 60.0


def check(
    interpreter: str, name: str, settings: Mapping[str, Any], package: Path | None, *, pip: str = "pip"
) -> None:
    """Do nothing if ``interpreter`` has what training ``name`` with ``settings`` needs.

    ``package`` is the energyprof that trains, if not this one; one from before there were such checks is
    not asked. ``pip`` is what installs for that interpreter.

    Raises:
        TrainingError: something is missing, or the interpreter does not run.
    """
    if package is not None and not (package / PROGRAM).exists():
        return
    with room() as folder:
        environment = {**os.environ}
        environment["PYTHONPATH"] = pythonpath(folder, environment.get("PYTHONPATH"), package)
        words = [interpreter, "-m", "energyprof.workloads.needs"]
        try:
            done = subprocess.run(
                [*words, json.dumps({"name": name, "settings": settings})],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=LONGEST_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise TrainingError(
                f"{interpreter}: did not say in {LONGEST_S:g} s whether it can train: start it by hand"
            ) from None
        except OSError as error:
            raise TrainingError(f"{interpreter}: cannot be started: {error.strerror}") from None
    if done.returncode == 0:
        return
    said = (done.stdout if done.returncode == 2 else "").strip().splitlines()
    if said:
        raise TrainingError(_for(pip, said[-1]))
    last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    raise TrainingError(f"{interpreter}: is not a Python that can train ({last}): check --python")


def _for(pip: str, said: str) -> str:
    """The message, with what installs for that interpreter, which may never have had an energyprof.

    An installed one stays as it is when pip is asked for its extras; where there is none, another's may come.
    """
    found = re.search(r"pip install '\w+\[([\w,-]+)\]'", said)
    if found is None:
        return said.replace("pip install", f"{pip} install")
    wanted = f"'energyprof[{found[1]}]'" if pip == "pip" else f"'{requirement(found[1])}'"
    return said.replace(found[0], f"{pip} install {wanted}")
