"""A calibration for people: the points, the line through them, what the meter reads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from energyprof.meter import Calibration
from energyprof.report.transfer import drift_u
from energyprof.units import plus_minus, seconds, watts

if TYPE_CHECKING:
    from energyprof.measure.calibration import CalibrationRecord, CalibrationWindow

# More points than these would hide the line: only those furthest off it are shown.
SHOWN = 20


def calibration_table(record: CalibrationRecord, path: Path) -> RenderableType:
    """The calibration at 80 columns; ``path`` is where it lies."""
    parts: list[RenderableType] = [
        Text.assemble((record.meter, "bold"), f" against {record.reference.name}"),
        Text(_conditions(record), style="dim"),
        Text(),
        _points(record.windows),
        Text(),
        Text(_result(record), style="bold"),
        Text(_zero(record)),
    ]
    if record.delay_s is not None:
        late = plus_minus(abs(record.delay_s), 2 * (record.delay_u_s or 0.0), "s")
        when = "later" if record.delay_s >= 0 else "earlier"
        parts.append(Text(f"shows a step {late} {when} than {record.reference.name}"))
    if (made := record.calibration.made) is not None:
        later = f"± {200 * drift_u(12.0, made.drift_u):.1f} % more 12 hours after it was made"
        loads = f"from {watts(made.low_w)} to {watts(made.high_w)}"
        parts.append(Text(f"holds {loads}; at other loads its ± is wider; {later}", style="dim"))
    parts += [Text(f"note: {note}", style="dim") for note in record.notes]
    parts += [
        Text(),
        Text(f"calibration  {path}", style="bold", no_wrap=True, overflow="ignore"),
        Text("Use it with run or exec: --calibration FILE.", style="dim"),
    ]
    return Group(*parts)


def gain_words(calibration: Calibration) -> str:
    """Such as ``1.060 ± 0.012`` (k = 2)."""
    return _plain(calibration.gain, 2 * calibration.gain_u * calibration.gain)


def _plain(value: float, expanded: float) -> str:
    """Both without a prefix, to the second digit of the uncertainty."""
    decimals = 3 if expanded <= 0 else min(6, max(3, 1 - math.floor(math.log10(expanded))))
    return f"{value:.{decimals}f} ± {expanded:.{decimals}f}"


def _conditions(record: CalibrationRecord) -> str:
    r2 = "" if record.r2 is None else f", R² = {record.r2:.5f}"
    text = f"{len(record.windows)} windows of {record.window_s:g} s{r2}"
    if record.efficiency is not None:
        known = _plain(record.efficiency.value, 2 * record.efficiency.u)
        text += f"; efficiency {known} (k = 2)"
    return text


def _points(windows: Sequence[CalibrationWindow]) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for name in ("run", "at", "meter", "reference", "of the meter", "off the line"):
        table.add_column(name, justify="right", header_style="dim")
    shown = sorted(windows, key=lambda w: abs(w.residual_w), reverse=True)[:SHOWN]
    for w in sorted(shown, key=lambda w: (w.run, w.start_s)):
        powers = (f"{power_w:.2f} W" for power_w in (w.meter_w, w.reference_w, w.true_w))
        table.add_row(str(w.run + 1), seconds(w.start_s), *powers, f"{w.residual_w:+.2f} W")
    if len(windows) <= SHOWN:
        return table
    return Group(table, Text(f"the {SHOWN} furthest off the line, of {len(windows)}", style="dim"))


def _result(record: CalibrationRecord) -> str:
    gain = record.calibration.gain
    reads = 1 / gain - 1
    how = f"{100 * abs(reads):.1f} % {'low' if reads < 0 else 'high'}"
    return f"{record.meter} reads {how}: gain {gain_words(record.calibration)} (k = 2)"


def _zero(record: CalibrationRecord) -> str:
    found = record.calibration
    if found.offset_w == record.intercept_w:
        return (
            f"zero: {plus_minus(found.offset_w, 2 * found.offset_u_w, 'W')} (k = 2), added to what it reads"
        )
    return f"zero: not calibrated; the rest of the machine used {record.intercept_w:.3g} W throughout"
