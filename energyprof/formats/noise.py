"""How much a machine's runs vary, and the margins that follow, for people."""

from __future__ import annotations

from energyprof.compare.gate.check import Check
from energyprof.compare.gate.limits import DEFAULT_MARGIN, LIMITED, margin
from energyprof.compare.gate.noise import Noise, Spread
from energyprof.formats.wording import share, title


def margins(noise: Noise, verdict: Check) -> list[str]:
    """A line for each figure that can be limited, and what the two sides of the same work came to."""
    limited = {name: spread for name, spread in noise.figures.items() if name in LIMITED}
    several = any(spread.session_sd is not None for spread in limited.values())
    heads = [
        noise.workload,
        "varies by",
        "runs",
        *(("sessions by", "of") if several else ()),
        "default limit",
    ]
    rows = [
        [
            title(name),
            share(spread.sd),
            str(spread.n),
            *(_sessions(spread) if several else ()),
            f"+{share(margin(name, noise))}",
        ]
        for name, spread in limited.items()
    ]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = []
    for row in (heads, *rows):
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells[1:]]))
    lines.append(f"varies by: one run, 1 sd. Default limit: twice that, at least {100 * DEFAULT_MARGIN:g} %.")
    if several:
        lines.append("sessions by: the mean of a session, 1 sd; of so many sessions.")
    if verdict.outcome == "FAIL":
        lines.append(
            "The same work was judged a regression: by chance (1 in 20), or because this machine changes "
            "from run to run; look at the reports, and repeat."
        )
    return lines


def _sessions(spread: Spread) -> tuple[str, str]:
    return ("?" if spread.session_sd is None else share(spread.session_sd), str(spread.sessions))
