"""``%load_ext energyprof``: ``%%energy`` runs a cell of a notebook and shows what it took."""

import importlib
import warnings
from pathlib import Path
from typing import Any, Optional

from energyprof.callbacks.window import Window


def load(shell: Any) -> None:
    """Teach the shell ``%%energy`` and ``%energy``."""

    def energy(line: str, cell: Optional[str] = None) -> None:
        """``%%energy [NAME]``: run the cell; ``%energy STATEMENT``: run the statement."""
        name, code = ("line", line) if cell is None else (line.strip() or "cell", cell)
        with Window(name) as window:
            result = shell.run_cell(code)
        if result.success:  # else the shell has shown why
            _show(window)

    shell.register_magic_function(energy, "line_cell", "energy")


def _show(window: Window) -> None:
    path = window.report_path if window.energy_j is not None else None
    if path is None:
        warnings.warn("energyprof: what this cell took is not known", RuntimeWarning, stacklevel=3)
        return
    # By their names: the training side, to which this belongs, is valid without them.
    shown = importlib.import_module("energyprof.formats.html.cell").cell_energy(Path(path), window.name)
    importlib.import_module("IPython.display").display(shown)
