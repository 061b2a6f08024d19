"""Claim: `energyprof --help` costs at most 1.5 × the CPU time of a one-command Typer app, and stays light.

    python benchmarks/startup.py

Pairs of whole processes in turn, user + system time of each, the median of the ratios.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import installed

PAIRS = 15
LIMIT = 1.5
HEAVY = ("torch", "numpy", "codecarbon", "monai", "pynvml")
BARE = """
import typer
app = typer.Typer()
@app.command()
def hello(name: str = "you") -> None:
    "Say hello."
    print(name)
app()
"""


def cpu_s(command: list[str]) -> float:
    """User + system time of one run of ``command``."""
    before = os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=installed.environment())
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> int:
    """Print the ratio; 1 if the claim does not hold."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        ours = [sys.executable, "-m", "energyprof", "--help"]
        theirs = [sys.executable, str(bare), "--help"]
        for command in (ours, theirs):
            cpu_s(command)  # compiled files and the disk's cache are warm from here on
        pairs = [(cpu_s(ours), cpu_s(theirs)) for _ in range(PAIRS)]
    ratio = statistics.median(a / b for a, b in pairs)
    code = f"""
import sys
sys.argv = ["energyprof", "--help"]
try:
    from energyprof.cli import main
    main()
except SystemExit:
    print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
    print(f"energyprof --help: {1000 * statistics.median(a for a, _ in pairs):.0f} ms CPU")
    print(f"bare Typer --help: {1000 * statistics.median(b for _, b in pairs):.0f} ms CPU")
    print(f"ratio (median of {PAIRS} pairs): {ratio:.2f}, limit {LIMIT}")
    print(f"heavy packages loaded: {loaded.strip()}")
    return 0 if ratio <= LIMIT and loaded.strip() == "[]" else 1


if __name__ == "__main__":
    sys.exit(main())
