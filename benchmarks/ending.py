"""How a benchmark that makes a table ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path


def ended(
    lines: Sequence[str], problems: Sequence[str], problem: str, start_s: float, output: Path | None
) -> int:
    """Print the table and the claims that are not kept, each as such a ``problem``; 1 if there are any.

    ``start_s``: when it began, by ``time.monotonic()``. ``output``: a file that gets the same.
    """
    listed = ["", *(f"- {problem}: {one}" for one in problems)] if problems else []
    text = "\n".join([*lines, *listed])
    print(text)
    print(f"took {(time.monotonic() - start_s) / 60:.1f} min", file=sys.stderr)
    if output:
        output.write_text(text + "\n", encoding="utf-8")
    return 1 if problems else 0
