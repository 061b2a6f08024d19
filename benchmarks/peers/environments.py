"""One virtual environment for each peer, as its own package index has it: pinned, unmodified, made once.

``python benchmarks/peers/environments.py`` makes all of them in ``.venv-peers/`` beside the package and says
which versions they hold.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent.parent / ".venv-peers"

# No extras: zeus's would bring torch, and no peer needs it to read a counter.
PACKAGES = {
    "zeus": ("zeus==0.16.0",),
    "codecarbon": ("codecarbon==3.3.2",),
    "carbontracker": ("carbontracker==2.4.7",),
    "pyjoules": ("pyJoules[nvidia]==0.5.1",),
    "perun": ("perun==1.0.0",),
}


def python(tool: str) -> Path:
    """The interpreter that has ``tool``; its environment is made if it is not there yet.

    Raises:
        CalledProcessError: the environment cannot be made; pip's words are on stderr.
    """
    if tool == "energyprof":
        return Path(sys.executable)
    folder = FOLDER / tool
    interpreter = folder / "bin/python"
    made = folder / "made-of.txt"  # written last: an interrupted installation is done again
    wanted = "\n".join(PACKAGES[tool]) + "\n"
    if not made.exists() or made.read_text() != wanted:
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / ".gitignore").write_text("*\n")
        print(f"setting up {folder} (once)", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PACKAGES[tool]], check=True, stdout=sys.stderr)
        made.write_text(wanted)
    return interpreter


def main() -> None:
    """Make them all."""
    for tool, packages in PACKAGES.items():
        print(f"{' '.join(packages):24} {python(tool)}")


if __name__ == "__main__":
    main()
