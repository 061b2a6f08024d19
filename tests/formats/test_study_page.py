"""A study's page: whole without a network, harmless whatever names hold, and quick with many settings."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO

import pytest
from rich.console import Console

from energyprof.formats.html.study import study_page
from energyprof.formats.study import study_tables
from energyprof.report.record import Phase
from energyprof.study.folder import Trained, cells
from energyprof.study.plan import Plan, plan_of
from energyprof.study.summary import summarised
from reports import report, run


def study(values: list[str | float], repeats: int = 3) -> tuple[Plan, list[Trained]]:
    """A study in which each value takes 10 % more than the one before."""
    plan = plan_of(
        {"command": "run ./t.py", "repeats": repeats, "factors": {"argument.x": values}}, "p.toml", "toy"
    )
    rng, done = random.Random(0), []
    for cell in cells(plan):
        place = values.index(dict(cell.setting.values)["argument.x"])
        joules = (1 + 0.1 * place) * rng.gauss(1, 0.005)
        done.append(Trained(cell, report([run(joules, seed=cell.seed, score=0.8 + place / 1000)])))
    return plan, done


class Elements(HTMLParser):
    """Every element that is opened, with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_it_holds_every_effect_and_both_fronts() -> None:
    page = study_page(summarised(*study(["a", "b", "c", "d"])))
    for words in ("argument.x=d", "Energy to target against time", "Energy to target against score"):
        assert words in page
    assert "+30." in page or "+29." in page
    assert page.count("<svg") >= 4 * 4 + 2


def test_it_loads_nothing_and_runs_nothing() -> None:
    page = study_page(summarised(*study(["a", "b"])))
    for tag, attributes in Elements(page).found:
        assert tag not in ("link", "img", "iframe", "object")
        assert not any(name in ("src", "href") or name.startswith("on") for name in attributes)
        assert tag != "script" or attributes["type"] == "application/json"


@pytest.mark.parametrize("seconds, said", [(None, {"operations", "parameters"}), (1091.4, {"parameters"})])
def test_operations_that_only_the_first_batch_took_predict_nothing(
    seconds: float | None, said: set[str]
) -> None:
    plan, done = study(["a", "b", "c", "d"])
    sizes = {"a": 1e6, "b": 2e6, "c": 3e6, "d": 4e6}
    counted = []
    for one in done:
        size = sizes[str(dict(one.cell.setting.values)["argument.x"])]
        facts = {"parameters": size, "flops_per_sample": 6 * size, "seconds": seconds}
        counted.append(Trained(one.cell, report([run(size, score=0.8, facts=facts)])))
    found = {one.name for one in summarised(plan, counted).proxies}
    assert found & {"operations", "parameters"} == said


def test_names_are_text_whatever_they_hold() -> None:
    evil = "</script><script>alert(1)</script>\x1b[31m"
    page = study_page(summarised(*study(["a", evil])))
    assert "<script>alert" not in page
    assert "\x1b" not in page
    data = re.search(r'id="study">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    assert json.loads(data[1])["settings"][1]["setting"]["argument.x"] == evil


def test_of_many_settings_the_points_are_named_in_the_table_alone() -> None:
    few, many = (study_page(summarised(*study([f"v{i}" for i in range(n)], 1))) for n in (5, 60))
    assert 'class="legend"' in few
    assert 'class="legend"' not in many
    assert many.count("<summary>The numbers</summary>") == 2


def test_a_study_that_has_only_begun_has_a_page() -> None:
    plan, done = study(["a", "b"])
    assert "0 of 6 trainings done" in study_page(summarised(plan, []))
    assert "1 of 6 trainings done" in study_page(summarised(plan, done[:1]))


def test_inferences_that_were_measured_are_figures_of_a_study() -> None:
    plan, done = study(["a", "b"])
    assert "an inference" not in study_page(summarised(plan, done))
    inferring = []
    for cell in done:
        assert cell.report is not None
        (own,) = cell.report.runs
        joules = 50.0 if cell.cell.setting.values[0][1] == "a" else 40.0
        windows = [
            Phase(f"part:inference:as trained:{batch}", 0.0, 1.0, 100 * batch, joules, 0.0, {}, cpu_s=0.5)
            for batch in (1, 16)
        ]
        whole = replace(own, phases=(*own.phases, *windows))
        inferring.append(replace(cell, report=replace(cell.report, runs=(whole,))))
    found = summarised(plan, inferring)
    effect = found.settings[1].effects["energy_per_inference"]
    assert effect is not None and effect.ratio == pytest.approx(0.8)
    out = StringIO()
    Console(file=out, width=80).print(study_tables(found))
    for words in ("energy an inference, one at a time", "time an inference, in a batch", "500 mJ", "-20.0 %"):
        assert words in out.getvalue()
        assert words in study_page(found)
