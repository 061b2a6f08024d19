"""Verdicts of a check as people read them: the words that text, Markdown and CI formats share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energyprof.formats.wording import change, share, title

if TYPE_CHECKING:
    from energyprof.compare.gate.check import Check
    from energyprof.compare.gate.limits import Limit
    from energyprof.compare.gate.verdict import Verdict


def headline(verdict: Verdict) -> str:
    """``energy per sample -1.2 % (-2.0 … -0.4 %, one-sided 95 %), limit +3 %``."""
    over = f" over {verdict.baseline_runs + 1} reports" if verdict.design == "trend" else ""
    return f"{title(verdict.limit.figure)} {bounds(verdict)}{over}, limit {margin(verdict.limit)}"


def bounds(verdict: Verdict) -> str:
    """The change with its bounds, and their levels."""
    shown = change(verdict.change, verdict.low, verdict.high)
    if verdict.low is None or verdict.high is None:
        return shown
    levels = dict.fromkeys(level(x) for x in (verdict.low_confidence, verdict.high_confidence))
    return f"{shown[:-1]}, one-sided {' and '.join(levels)})"


def level(confidence: float) -> str:
    """Such as ``95 %`` or ``98.2 %``."""
    return f"{100 * confidence:.3g} %"


def margin(limit: Limit) -> str:
    """Such as ``+3 %``."""
    return f"+{round(100 * limit.margin, 2):g} %"


def explanation(verdict: Verdict) -> list[str]:
    """Why the verdict is what it is, and what more runs would do."""
    lines = []
    if verdict.improved:
        than = "the reports before it" if verdict.design in ("history", "trend") else "the baseline"
        lines.append(f"IMPROVED: less {title(verdict.limit.figure)} than {than}.")
    counted, alone = _counted(verdict)
    if verdict.low is None:
        lines.append(f"{counted}: {f'{alone} has no spread to judge by' if _single(verdict) else _EQUAL}.")
    elif verdict.detectable is None:
        lines.append(f"{counted}: far too few.")
    elif verdict.low == verdict.high:
        lines.append(f"{counted}: {_SAME[verdict.design]}.")
    else:
        smallest = share(verdict.detectable)
        lines.append(
            f"With {counted} at this scatter an increase of {smallest} would FAIL with a chance of 80 %."
        )
    if verdict.withheld is not None:
        by = f": {'; '.join(verdict.left)}" if verdict.left else ""
        lines.append(
            f"The runs alone would say {verdict.withheld}, but what a side's runs share could turn it{by}."
        )
    lines.append(_remedy(verdict))
    return [line for line in lines if line]


# Where nothing varies: as far as readings go whose error is not known, or because all count the same.
_EQUAL = "all of a side are equal, which says nothing of how much they vary"


_SAME = {
    "apart": "all runs of both sides are equal",
    "pairs": "all runs of both sides are equal",
    "history": "all reports are equal",
    "trend": "all reports are equal",
}


def _single(verdict: Verdict) -> bool:
    """Whether a side is too few to have a spread. Of a history the new report stands alone by nature."""
    return verdict.baseline_runs < 2 or (verdict.runs < 2 and verdict.design in ("apart", "pairs"))


def _counted(verdict: Verdict) -> tuple[str, str]:
    """What there was to judge by, and what a single one is called."""
    n = verdict.baseline_runs
    if verdict.design == "pairs":
        return f"{n} pair{'s' if n > 1 else ''} of runs", "a single pair"
    if verdict.design == "history":
        return f"{n} report{'s' if n > 1 else ''} before it", "a single report"
    if verdict.design == "trend":
        return f"{n + 1} reports", "so little"
    return f"{verdict.runs} against {n} runs", "a single run"


def _remedy(verdict: Verdict) -> str:
    limit, needed = f"limit of {margin(verdict.limit).lstrip('+')}", verdict.runs_needed
    if verdict.design == "trend":
        return ""
    if verdict.low is None and not _single(verdict):
        return ""
    if verdict.low is None:
        return {
            "pairs": "Take more pairs, such as: energyprof ab … --pairs 5",
            "history": "Keep more reports in the folder.",
        }.get(verdict.design, "Repeat both, such as: energyprof run … --repeats 3")
    if verdict.low == verdict.high:
        return ""
    what = "reports" if verdict.design == "history" else "runs"
    if needed is None:
        return f"Unchanged work would not pass a {limit} reliably with any practical number of {what}."
    if verdict.outcome == "INCONCLUSIVE" and needed <= min(verdict.runs, verdict.baseline_runs):
        return f"The change is close to the {limit}: only more runs could tell."
    many = {"pairs": f"{needed} pairs", "history": f"{needed} reports before it"}
    with_many = many.get(verdict.design, f"{needed} runs a side")
    return f"Unchanged work passes a {limit} with a chance of 80 % from {with_many} on."


def outcome(result: Check) -> str:
    """One sentence on the whole check."""
    against = f"{result.label} against {result.baseline}"
    on = "add runs" if result.next_look is None else f"go on to {result.next_look} pairs"
    if any(verdict.withheld for verdict in result.verdicts):
        on = "and more runs would not help"
    if result.removed and all(verdict.outcome == "PASS" for verdict in result.verdicts):
        on = "some of the work is missing"
    return {
        "PASS": f"PASS: {against}",
        "FAIL": f"FAIL: {against}: an increase beyond chance, and beyond the limit as estimated",
        "INCONCLUSIVE": f"INCONCLUSIVE: {against}: NEITHER A PASS NOR A FAIL, {on} "
        "(it fails a build only with --strict)",
        "INVALID": f"INVALID: {against}: these measurements allow no verdict",
        "NOT_COMPARABLE": f"NOT COMPARABLE: {against}: not all of it is the same work, measured alike",
        "NO_BASELINE": f"NO BASELINE: {result.baseline} does not exist, so {result.label} is not "
        "judged (allowed)",
    }[result.outcome]


def not_judged(result: Check) -> list[str]:
    """A line for each of several works that has no verdict, and why."""
    return [
        *(f"CHANGED, so not judged: {line}" for line in result.changed),
        *(f"NOT COMPARABLE: {line}" for line in result.incomparable),
        *(f"REMOVED, so not judged: {line}" for line in result.removed),
        *(f"ADDED, no baseline yet: {line}" for line in result.added),
    ]


def background(result: Check) -> list[str]:
    """What to know to read the verdict, a line each."""
    return [*result.notes, *(f"{where}: {flag.words}" for where, flag in result.doubts)]
