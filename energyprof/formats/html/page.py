"""One page for one or many reports: it needs no network, scripts or fonts."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from energyprof import files
from energyprof.compare.compared import Comparison, Entry
from energyprof.formats import factors, json, wording
from energyprof.formats.html.document import data_block, document
from energyprof.formats.html.figures import figures
from energyprof.formats.html.inference import blocks, inference
from energyprof.formats.html.machines import machines
from energyprof.formats.html.nodes import nodes
from energyprof.formats.html.phases import phases, steps
from energyprof.formats.html.power import power
from energyprof.formats.html.rounds import rounds
from energyprof.formats.html.score import scores
from energyprof.formats.html.tags import Markup, paragraph, table, tag, text
from energyprof.meter import Origin
from energyprof.report.record import Report

MOST_CARDS = 6
UNKNOWN = "an unknown machine"

BADGES: Mapping[Origin, str] = {"measured": "measured", "modelled": "ESTIMATE", "simulated": "SIMULATED"}


def write_page(
    path: Path,
    comparison: Comparison,
    reports: Sequence[Report],
    traces: Sequence[Path | None],
) -> None:
    """Write the page to ``path``; ``traces`` may be missing beside their ``reports``.

    Raises:
        FileError: the file cannot be written.
    """
    files.write_text(path, page(comparison, reports, traces))


def page(comparison: Comparison, reports: Sequence[Report], traces: Sequence[Path | None]) -> str:
    """The whole page as HTML."""
    labels = [entry.label for entry in comparison.entries]
    names = dict.fromkeys(entry.workload for entry in comparison.entries)
    title = (
        f"{', '.join(names)}: {'energy to train' if len(labels) == 1 else f'{len(labels)} reports compared'}"
    )
    sections = [
        figures(comparison),
        scores(reports, labels),
        power(reports, labels, traces),
        phases(reports, labels),
        nodes(reports, labels),
        rounds(reports, labels),
        steps(reports, labels),
        blocks(reports, labels),
        inference(reports, labels, comparison.lives),
        machines(reports, labels),
    ]
    header = [*_warnings(comparison), _reports(comparison)]
    return document(title, header, (part for part in sections if part is not None), _data(comparison))


def _warnings(comparison: Comparison) -> list[Markup]:
    lines = wording.notes(comparison)
    lines += [f"{entry.label}: {line}" for entry in comparison.entries for line in factors.beside(entry)]
    return [paragraph(line, "warn") for line in lines]


def _reports(comparison: Comparison) -> Markup:
    """What each report is and its main figure: a card each, or a table if there are many."""
    entries = comparison.entries
    if len(entries) <= MOST_CARDS:
        return tag("ul", *(_card(entry) for entry in entries), class_="reports")
    heads = ("report", "", "", "kind", "runs", "work", "machine")
    return table(heads, [_row(entry) for entry in entries])


def _card(entry: Entry) -> Markup:
    mean, what = _main(entry)
    return tag(
        "li",
        tag("h3", text(entry.label)),
        tag("div", text(mean), class_="big"),
        paragraph(what),
        tag("p", kind(entry)),
        paragraph(f"{entry.workload}, {_runs(entry)}"),
        paragraph(entry.machine or UNKNOWN),
    )


def _row(entry: Entry) -> list[Markup]:
    words = [entry.label, *_main(entry)]
    after = [_runs(entry), entry.workload, entry.machine or UNKNOWN]
    return [*map(text, words), kind(entry), *map(text, after)]


def _main(entry: Entry) -> tuple[str, str]:
    """The report's energy, and what that is."""
    main = entry.estimate(*wording.HEADLINES)
    if main is None:
        return "–", "no run counts: why stands above" if entry.left_out else "energy not measured"
    sure = wording.with_meters(main) or wording.spread(main)
    return factors.mean(entry, main), f"{wording.title(main.figure)}, {sure}"


def kind(entry: Entry) -> Markup:
    """Whether it was measured, and within which boundary."""
    classes = "badge estimate" if entry.origin != "measured" else "badge"
    made = tag("span", text(BADGES[entry.origin]), class_=classes)
    return Markup(made + text(" ") + tag("span", text(entry.boundary or "no meter"), class_="badge"))


def _runs(entry: Entry) -> str:
    runs = "1 run" if entry.runs == 1 else f"{entry.runs} runs"
    return runs if entry.reached is None else f"{runs}, {entry.reached} reached the target"


def _data(comparison: Comparison) -> Markup:
    """The comparison as `compare --json` prints it, for programs that read the page."""
    out = io.StringIO()
    json.write_comparison(comparison, out)
    return data_block("comparison", out.getvalue())
