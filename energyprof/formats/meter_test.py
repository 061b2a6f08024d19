"""A test of the meters for people: a line for each, what is wrong with it named."""

from __future__ import annotations

import math
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from energyprof.report.meter_test.record import BROKEN, MAY_FAIL, RAMP_S, MeterResult, MeterTestRecord
from energyprof.report.meter_test.scale import MOST_W
from energyprof.units import joules, percent, seconds, watts

# A time between renewals that goes up to this much more than usual is one time.
EVEN = 1.3
# Averaging that cannot be told below this is worth saying so.
COARSE_S = 0.5
# A longer name leaves too little of a line beside it.
LONG_NAME = 24
# Steps that show what a meter does that renews rarely hold so many renewals, and are no longer than this.
RENEWALS_A_STEP, LONGEST_S = 4, 300
# A longer test tells more of these.
TOO_SHORT = ("unclear", "coarse", "sparse")
UNTOLD = (*TOO_SHORT, "unloaded")


def meter_test_table(record: MeterTestRecord, path: Path | None) -> RenderableType:
    """The test at 80 columns; ``path`` is where it was kept."""
    parts: list[RenderableType] = [Text("load", style="bold"), Padding(_load(record), (0, 0, 0, 2))]
    parts += [Text(), Text("meters", style="bold"), *_meters(record)]
    if record.notes or record.disturbed:
        parts.append(Text())
    parts += [Text(f"! {note}", style="yellow") for note in record.notes]
    if record.disturbed:
        why = "; ".join(record.disturbed)
        parts.append(Text(f"! not to be relied on: {why}: repeat it on an idle machine", style="yellow"))
    parts += [Text(), _verdict(record)]
    if path is not None:
        parts.append(Text(f"meter test  {path}", style="bold", no_wrap=True, overflow="ignore"))
        if not record.disturbed:
            parts.append(Text("Use it with run or exec: --meter-test FILE.", style="dim"))
    return Group(*parts)


def _meters(record: MeterTestRecord) -> list[RenderableType]:
    """What each does beside its name, or below it where names are long."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, overflow="ignore")
    table.add_column(overflow="fold")
    below: list[RenderableType] = []
    for result in record.results:
        mark, style = ("✗", "red") if result.broken else ("–", "dim")
        if not result.broken and result.state == "follows":
            mark, style = "✓", "green"
        name = Text.assemble("  ", (mark, style), " ", (result.meter, "bold"))
        words = Text(meter_words(result, record), style="red" if result.broken else "", overflow="fold")
        table.add_row(name, words)
        below += [name, Padding(words, (0, 0, 0, 6))]
    longest = max((len(result.meter) for result in record.results), default=0)
    return below if longest > LONG_NAME else [table]


def _load(record: MeterTestRecord) -> Text:
    lines = [f"{target.name}: {target.about}" for target in record.targets]
    lines += record.unloaded
    how = f"{len(record.steps)} steps of {_step_s(record):.3g} s: idle, half and full"
    return Text("\n".join([how, *lines]))


def _step_s(record: MeterTestRecord) -> float:
    return (record.steps[-1].end_s - record.steps[0].start_s) / len(record.steps)


def _verdict(record: MeterTestRecord) -> Text:
    broken = [_suspects(result) for result in record.results if result.broken]
    untold = [result.meter for result in record.results if not result.broken and result.state in UNTOLD]
    well = len(record.results) - len(broken) - len(untold)
    if broken:
        return Text(f"Not to be trusted: {', '.join(broken)}.", style="red")
    if record.disturbed:
        return Text("Nothing is known for certain.", style="yellow")
    if not well:
        return Text("No meter was put to the test: nothing that it reads was loaded.", style="yellow")
    words = "The meter follows its load" if well == 1 else f"{well} meters follow their loads"
    if untold:
        words += f"; {', '.join(untold)} {'was' if len(untold) == 1 else 'were'} not put to the test"
    return Text(f"{words}.", style="yellow" if untold else "green")


def _suspects(result: MeterResult) -> str:
    """The meter, or those of which one is wrong."""
    beside = [result.twin.meter] if result.twin is not None and not result.twin.agrees else []
    if result.within is not None and not result.within.agrees:
        beside += result.within.parts
    if beside and result.state not in BROKEN and result.implausible is None:
        return f"{result.meter} or {' or '.join(beside)}"
    return result.meter


def meter_words(result: MeterResult, record: MeterTestRecord) -> str:
    """What a meter does, in one sentence without its name."""
    said = [_state(result, record), *_scale(result)]
    if result.state not in ("dead", "frozen", "sparse", "coarse"):
        said += [*_renewals(result), *_averaging(result, record)]
    said += _others(result)
    if result.set_back:
        times = {1: "once", 2: "twice"}.get(result.set_back, f"{result.set_back} times")
        said.append(f"its counter was set back {times} meanwhile")
    if result.failed > MAY_FAIL and result.state != "dead":
        said.append(f"{100 * result.failed:.0f} % of its reads failed: {result.problem}")
    return ", ".join(said) + (_longer(result, record) if result.state in TOO_SHORT else "")


def _state(result: MeterResult, record: MeterTestRecord) -> str:
    idle, full = (watts(w) if w is not None else "" for w in (result.idle_w, result.full_w))
    state = result.state
    if state == "follows":
        return f"follows ({_rise(result)})"
    if state == "elsewhere":
        return (
            f"does not follow {result.load}, but {' and '.join(result.follows)}: {_mapping(result, record)}"
        )
    if state == "against":
        return f"falls where the load of {result.load} rises ({_rise(result)})"
    if state == "unmoved":
        return f"does not follow {result.load}: {idle} idle, {full} in full load"
    if state == "unclear":
        return f"too unsteady to tell: {idle} idle, {full} in full load"
    if state == "frozen":
        when = "throughout" if result.since_s is None else f"from {seconds(result.since_s)} on"
        if idle:
            return f"shows {idle} {when}, whatever the load"
        return f"stands still{'' if result.since_s is None else f' {when}'}, whatever the load"
    if state == "dead":
        some = "" if result.failed == 1 else f" for {100 * result.failed:.0f} % of the test"
        return f"gives no reading{some}: {result.problem or 'it was never read'}"
    if state == "coarse":
        size = f"in steps of {joules(result.quantum)}" if result.quantum else "in too large steps"
        often = f", one in some {_time(result.renewed_s)}" if result.renewed_s else ""
        return f"counts {size}{often}: too coarse for this test"
    if state == "sparse":
        return _too_rarely(result, record)
    reads = f"reads {idle}" if idle else "reads"
    why = "this load hardly touches its part" if result.load else "nothing of its part was loaded"
    return f"{reads}, not tested: {why}"


def _too_rarely(result: MeterResult, record: MeterTestRecord) -> str:
    """Why steps were too short for a meter."""
    steps = f"steps of {_time(_step_s(record))}"
    if result.window_most_s is not None and result.window_s is not None:
        return f"averages over at least {_time(result.window_s)}, longer than {steps} can tell"
    if result.looked_s is not None and RENEWALS_A_STEP * result.looked_s > _step_s(record):
        return f"read every {_time(result.looked_s)}, too rarely for {steps}"
    return f"renewed {f'every {_time(result.renewed_s)}, ' if result.renewed_s else ''}too rarely for {steps}"


def _longer(result: MeterResult, record: MeterTestRecord) -> str:
    """Which steps tell more, being long enough for several renewals each; "": none that the test allows."""
    if result.state == "coarse" and result.renewed_s is None:
        return f"; --seconds {LONGEST_S} tells more"
    slowest_s = max(result.renewed_most_s or result.renewed_s or 0.0, result.looked_s or 0.0)
    longest_s = max(2 * _step_s(record), RENEWALS_A_STEP * slowest_s, 2 * (result.window_most_s or 0.0))
    return f"; --seconds {math.ceil(longest_s)} tells more" if longest_s <= LONGEST_S else ""


def _mapping(result: MeterResult, record: MeterTestRecord) -> str:
    if any(target.kind == "gpu" and target.name in result.follows for target in record.targets):
        if any(target.device for target in record.targets if target.name in result.follows):
            return "it reads another board than its UUID says"
        return "CUDA and the meters count GPUs in different orders (CUDA_DEVICE_ORDER=PCI_BUS_ID)"
    return "it reads another package than its name says"


def _scale(result: MeterResult) -> list[str]:
    if result.implausible is None or result.idle_w is None:
        return []
    limit = watts(result.limit_w) if result.limit_w is not None else ""
    if result.implausible == "above_limit":
        bound = f"more than the {limit} that its device may draw"
    elif result.implausible == "above_any":
        bound = f"more than any {_device(result.part)} draws"
        bound += " under such a load" if result.limit_w not in MOST_W.values() else ""
    else:
        bound = f"less than any {_device(result.part)} draws under such a load"
    factors = {0.001: "mW read as W?", 1000.0: "W read as mW?"}
    guess = factors.get(result.factor or 0.0)
    return [f"{bound}: {'its scale is off' if guess is None else guess}"]


def _device(part: str) -> str:
    names = {"cpu": "processor", "dram": "memory", "gpu": "GPU", "board": "board", "soc": "module"}
    return names.get(part, "machine")


def _renewals(result: MeterResult) -> list[str]:
    usual_s, most_s, looked_s = result.renewed_s, result.renewed_most_s, result.looked_s
    if usual_s is None or most_s is None or looked_s is None:
        return []
    if usual_s <= 2 * looked_s:
        return [f"renewed at least every {_time(usual_s)}"]
    if most_s <= EVEN * usual_s:
        return [f"renewed every {_time(usual_s)}"]
    usual, most = _time(usual_s), _time(most_s)
    same = usual.split()[1:] == most.split()[1:]
    return [f"renewed every {usual.split()[0] if same else usual} to {most}"]


def _averaging(result: MeterResult, record: MeterTestRecord) -> list[str]:
    if result.state != "follows":
        return []
    window_s, delay_s, finest_s = result.window_s, result.delay_s, result.finest_s
    if window_s is None or finest_s is None:
        return ["too unsteady to tell its averaging"]
    if result.decay_s and window_s >= RAMP_S:
        said = [f"averages with a time constant of {_time(result.decay_s)}"]
    elif 0 < window_s < RAMP_S:
        said = [f"averages over no more than {_time(window_s)}"]
    elif window_s > 0:
        said = [f"averages over {_time(window_s)}"]
        if window_s > _step_s(record):
            said = [f"averages over some {_time(window_s)}, longer than this test's steps"]
    elif finest_s > COARSE_S:
        said = [f"no averaging over more than {_time(finest_s)} seen"]
    else:
        said = ["no averaging seen"]
    return [*said, f"{_time(delay_s)} late"] if delay_s else said


def _others(result: MeterResult) -> list[str]:
    said = []
    if (twin := result.twin) is not None:
        if twin.agrees and result.state == "follows":
            said.append(f"agrees with {twin.meter} ({percent(twin.ratio - 1)})")
        elif not twin.agrees:
            does = "rises by" if result.state == "follows" else "counts"
            said.append(f"{does} {twin.ratio:.3g} times what {twin.meter} does: one of them is wrong")
    if (within := result.within) is not None:
        rises = f"rises by {watts(within.rise_w)} where {' and '.join(within.parts)}"
        rises += f" {'rise' if len(within.parts) > 1 else 'rises'} by {watts(within.parts_rise_w)}"
        if within.agrees:
            said.append(rises)
        elif within.rise_w < within.parts_rise_w:
            said.append(f"{rises}, which it should hold: one of them is wrong")
        else:
            said.append(f"{rises}: one of them is wrong, or something else rose as well")
    return said


def _rise(result: MeterResult) -> str:
    """The powers at rest and in full load: ``12.0 → 61.0 W``."""
    idle, full = watts(result.idle_w or 0.0), watts(result.full_w or 0.0)
    same = idle.split()[1:] == full.split()[1:]
    return f"{idle.split()[0] if same else idle} → {full}"


def _time(value_s: float) -> str:
    """A time to two digits: ``1.0 ms``, ``100 ms``, ``1.0 s``."""
    if value_s >= 10:
        return seconds(value_s)
    number, unit = (float(f"{1000 * value_s:.2g}"), "ms") if value_s < 0.995 else (value_s, "s")
    return f"{number:g} {unit}" if number >= 10 else f"{number:#.2g} {unit}"
