"""The Grafana dashboard asks for what the exporter gives, by a real Prometheus where there is one."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from energyprof.formats.exports import exporting
from energyprof.formats.exports.metrics import METRICS, of_run
from energyprof.profile.live import Snapshot

BOARD = json.loads((Path(__file__).parent.parent.parent / "examples/grafana/energyprof.json").read_text())
NOW = Snapshot(0, 3, 7, "train", 12.0, 10.0, 640, 0.5, 48.5, 485.0, "measured")
LABELS = {"workload": "unet-tiny"}
# What PromQL itself has among the words of these expressions.
WORDS = {"avg", "avg_over_time", "by", "max"}
TARGETS = [(panel, target) for panel in BOARD["panels"] for target in panel["targets"]]
QUERIES = [(panel["title"], target["expr"]) for panel, target in TARGETS]
# A metric's name ends with what it is in; of Grafana's units, those that write it with prefixes.
UNITS = {
    "watts": "watt",
    "joules": "joule",
    "seconds": "s",
    "samples": "short",
    "score": "none",
    "run": "none",
}
# Of each panel, what it shows of `NOW`.
SHOWN = {
    "Power now": 48.5,
    "Power": 48.5,
    "Energy so far": 485.0,
    "Time so far": 10.0,
    "Run": 1.0,
    "Energy": 485.0,
    "Joules a sample": 485 / 640,
    "Score": 0.5,
    "Samples": 640.0,
    "Mean power by phase": 48.5,
}


def names(expression: str) -> set[str]:
    """The metrics of a PromQL expression."""
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\bby \([^)]*\)", "", expression)
    return set(re.findall(r"[a-zA-Z_:][\w:]*", bare)) - WORDS


def labels(expression: str) -> set[str]:
    """The labels that it asks for or groups by."""
    matched = re.findall(r"(\w+)\s*(?:=~|!=|!~|=)\s*\"", expression)
    return {*matched, *grouped(expression)}


def grouped(expression: str) -> set[str]:
    """The labels that its series are told by."""
    groups = re.findall(r"\bby \(([^)]*)\)", expression)
    return {word.strip() for group in groups for word in group.split(",")}


def drawn(panel: dict[str, Any], legend: str, series: dict[str, str]) -> str:
    """A series' name as Grafana writes it: an unknown label is empty, then the panel renames."""
    name = re.sub(r"\{\{(\w+)\}\}", lambda field: series.get(field[1], ""), legend)
    for step in panel["transformations"]:
        assert step["id"] == "renameByRegex"
        # Between slashes, or Grafana takes it for the whole name's.
        pattern = re.fullmatch("/(.*)/", step["options"]["regex"])
        assert pattern is not None
        name = re.sub(pattern[1], step["options"]["renamePattern"], name, count=1)
    return name


@pytest.mark.parametrize(("title", "expression"), QUERIES)
def test_each_query_asks_for_what_the_exporter_publishes(title: str, expression: str) -> None:
    assert names(expression) and names(expression) <= {metric.name for metric in METRICS}
    # Prometheus adds the instance; the test of the page above has the others.
    assert labels(expression) <= {*LABELS, *of_run(NOW), "instance"}


def test_every_metric_stands_on_the_board() -> None:
    assert set().union(*(names(expression) for _, expression in QUERIES)) == {m.name for m in METRICS}


def test_its_variables_are_labels_of_a_metric_and_the_source_is_chosen() -> None:
    listed = {variable["name"]: variable for variable in BOARD["templating"]["list"]}
    assert listed["source"]["type"] == "datasource"
    for name, variable in listed.items():
        if variable["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()  # type: ignore[union-attr]
            assert metric in {m.name for m in METRICS}
            assert label == name and label in {*LABELS, *of_run(NOW), "instance"}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(BOARD["panels"])))
    assert used - {"__range"} == set(listed)  # the range is Grafana's own


def test_every_query_heeds_every_variable() -> None:
    asked_for = {v["name"] for v in BOARD["templating"]["list"] if v["type"] == "query"}
    for title, expression in QUERIES:
        for matchers in re.findall(r"\{([^}]*)\}", expression):
            assert set(re.findall(r'(\w+)=~"\$\1"', matchers)) == asked_for, title


@pytest.mark.parametrize(("panel", "target"), TARGETS, ids=[title for title, _ in QUERIES])
def test_a_series_name_tells_it_from_every_other(panel: dict[str, Any], target: dict[str, Any]) -> None:
    told_by = grouped(target["expr"])
    assert told_by >= {"instance", "workload", "seed", "origin"}
    assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) == told_by
    series = {"workload": "unet-tiny", "instance": "gpu-3:9464", "origin": "measured", "phase": "train"}
    before = "train: " if "phase" in told_by else ""
    name = drawn(panel, target["legendFormat"], {**series, "seed": "7"})
    assert name == f"{before}unet-tiny seed 7 (measured) on gpu-3:9464"
    name = drawn(panel, target["legendFormat"], series)  # as of any program under `exec`
    assert name == f"{before}unet-tiny (measured) on gpu-3:9464"


def test_each_unit_is_that_of_the_metric() -> None:
    for panel, target in TARGETS:
        # Joules by samples are joules, too.
        metric = re.findall(r"energyprof_\w+", target["expr"])[0]
        assert panel["fieldConfig"]["defaults"]["unit"] == UNITS[metric.rpartition("_")[2]], panel["title"]


def test_what_is_shown_as_of_now_is_asked_for_as_of_now() -> None:
    # The last value of the time that is shown would be that of a run which ended long ago.
    for panel, target in TARGETS:
        assert (panel["type"] == "timeseries") != target.get("instant", False), panel["title"]
        if panel["type"] == "stat":
            assert panel["fieldConfig"]["defaults"]["noValue"] == "no run"


def test_a_gap_is_a_gap_and_no_colour_stands_for_a_limit_that_is_none() -> None:
    # Where a panel is silent Grafana draws what is above 80 in red.
    for panel in BOARD["panels"]:
        defaults = panel["fieldConfig"]["defaults"]
        if panel["type"] == "timeseries":
            assert defaults["custom"]["spanNulls"] is False
        elif panel["type"] == "stat":
            assert panel["options"]["colorMode"] == "none"
        else:
            assert panel["type"] == "bargauge" and defaults["color"]["mode"] == "fixed"


def test_no_two_panels_lie_on_each_other() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        own = {(at["x"] + i, at["y"] + j) for i in range(at["w"]) for j in range(at["h"])}
        assert not own & cells, panel["title"]
        assert at["x"] + at["w"] <= 24
        cells |= own


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def prometheus(folder: Path, target: int) -> Iterator[str]:
    """A real server that reads the page at ``target`` every second; its address."""
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n"
        f"- job_name: energyprof\n  static_configs: [{{targets: ['127.0.0.1:{target}']}}]\n"
    )
    port = free_port()
    words = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    words += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    with subprocess.Popen(["prometheus", *words], stderr=subprocess.DEVNULL) as server:
        try:
            yield f"http://127.0.0.1:{port}/api/v1"
        finally:
            server.terminate()


def asked(address: str, what: str, **parameters: str) -> Any:
    """The answer's data; ``None``: the server is not ready."""
    url = f"{address}/{what}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.load(answer)["data"]
    except OSError:
        return None


def found(address: str, query: str) -> Any:
    """The series of a query, as soon as there are any."""
    for _ in range(600):
        answer = asked(address, "query", query=query)
        if answer and answer["result"]:
            return answer["result"]
        time.sleep(0.1)
    raise AssertionError(f"no series: {query}")


def gone(address: str, query: str) -> None:
    """Returns when a query has no series left."""
    for _ in range(600):
        answer = asked(address, "query", query=query)
        if answer and not answer["result"]:
            return
        time.sleep(0.1)
    raise AssertionError(f"still there: {query}")


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("prometheus"), reason="no prometheus on the PATH (Debian: prometheus)")
def test_a_real_prometheus_answers_every_panel(tmp_path: Path) -> None:
    port = free_port()
    # As Grafana fills them in where all are chosen.
    asks = {
        title: re.sub(r"\$(workload|instance|origin)", ".*", expression).replace("$__range", "30m")
        for title, expression in QUERIES
    }
    with prometheus(tmp_path, port) as address:
        with exporting([f"prometheus:{port}"], LABELS) as (watcher,):
            watcher.see(NOW)
            for title, query in asks.items():
                (series,) = found(address, query)
                assert float(series["value"][1]) == pytest.approx(SHOWN[title]), title
            assert asked(address, "label/workload/values") == ["unet-tiny"]
            assert asked(address, "label/origin/values") == ["measured"]
        # The run is over: nothing is shown as of now, and what was is still there.
        for panel, _ in TARGETS:
            if panel["type"] == "stat":
                gone(address, asks[panel["title"]])
        assert found(address, asks["Mean power by phase"])
