"""Reports with everything that a page can draw, and a reader of pages."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from energyprof.compare.comparison import compare
from energyprof.formats.html.page import page
from energyprof.report.file import trace_path, write
from energyprof.report.record import Phase, Point, Report, Run
from energyprof.trace.writer import new_trace
from reports import meter, report, run

SPIKE_W = 180.0


def trained(j_per_sample: float, seed: int) -> Run:
    """1000 samples with ten evaluations on the way, and the parts of a step after them."""
    made = run(j_per_sample, seed=seed, u_rel=0.06, gain_rel=0.05)
    energy_j, time_s = made.energy_j or 0.0, made.time_s or 0.0
    history = [
        Point(
            100 * i,
            0.8 * (1 - math.exp(-i / 3)) / (1 - math.exp(-10 / 3)),
            time_s * i / 10,
            energy_j * i / 10,
        )
        for i in range(1, 11)
    ]
    parts = [("data", 0.1), ("forward_backward", 0.7), ("optimiser", 0.1)]
    phases = [
        Phase(f"part:{name}", 20 + 10 * i, 30 + 10 * i, 1000, 1000 * joules, 2.0, {}, budget_j={"edge": 1.0})
        for i, (name, joules) in enumerate(parts)
    ]
    return replace(made, history=tuple(history), phases=(*made.phases, *phases))


def several(*j_per_sample: float, **changes: Any) -> Report:
    """A report with one such run for each energy per sample."""
    return report([trained(x, seed) for seed, x in enumerate(j_per_sample)], **changes)


def saved(content: Report, path: Path) -> Path:
    """The report at ``path`` with a trace of every run: 100 W, and one moment of SPIKE_W."""
    write(content, path)
    trace = new_trace(trace_path(path))
    for number, made in enumerate(content.runs):
        trace.begin_run()
        for m in content.meters:
            joules = 0.0
            for i in range(int(made.phases[-1].end_s / 0.1) + 1):
                trace.sample(number, m.name, 0.1 * i, 0.1 * i, joules, "")
                joules += 0.1 * (SPIKE_W if i == 77 else 100.0)
        trace.end_run()
    trace.close()
    return path


def drawn(*contents: Report, folder: Path | None = None, **options: Any) -> str:
    """The page of reports named a, b, c, …; with ``folder`` their traces are there, too."""
    labels = [chr(ord("a") + i) for i in range(len(contents))]
    traces = [None] * len(contents)
    if folder is not None:
        traces = [
            trace_path(saved(content, folder / f"{name}.json"))
            for name, content in zip(labels, contents, strict=True)
        ]
    return page(compare(contents, labels, **options), contents, traces)


def two_meters(**changes: Any) -> tuple[Any, ...]:
    """RAPL, counted, and a plug beside it."""
    plug = meter("shelly:0", part="machine", boundary="wall_ac", counted=False, **changes)
    return (meter(), plug)


class Reader(HTMLParser):
    """What a browser would make of a page, roughly: its words, elements and the data in it."""

    EMPTY = frozenset({"meta", "col", "path", "rect", "polygon"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.data = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.data += data
        elif self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def said(self) -> str:
        """All words, one space between them."""
        return " ".join(" ".join(self.words).split())

    @property
    def comparison(self) -> Any:
        """The embedded JSON."""
        return json.loads(self.data)

    def of(self, name: str) -> list[dict[str, str | None]]:
        """The attributes of every element of that name."""
        return [attributes for tag, attributes in self.elements if tag == name]
