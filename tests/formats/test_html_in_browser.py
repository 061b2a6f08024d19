"""The HTML page in headless Chromium: its figures are there, nothing overflows, no script runs."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from formats.pages import Reader, saved, several
from simulate.scenarios import EXAMPLES, simulated

from energyprof.compare.comparison import compare
from energyprof.formats import factors
from energyprof.formats.html.page import write_page
from energyprof.formats.html.simulation import write_simulation_page
from energyprof.report.file import trace_path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")

WIDTHS = (360, 768, 1280)  # a phone, a tablet, a desk
CONTENTS = [several(1.0, 1.01, 0.99), several(0.8, 0.81, 0.79), several(1.3, 1.31, 1.29, origin="modelled")]
LABELS = [
    "base",
    "faster",
    "a report with a name as long as names of files are now and then: 2026-01-01T00:00",
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of three reports with their traces."""
    folder = tmp_path_factory.mktemp("page")
    paths = [saved(content, folder / f"{i}.json") for i, content in enumerate(CONTENTS)]
    comparison = compare(CONTENTS, LABELS, allow=["origin"])
    write_page(folder / "page.html", comparison, CONTENTS, list(map(trace_path, paths)))
    return folder / "page.html"


def opened(page: Path, *options: str) -> str:
    """The document as the browser holds it after loading it."""
    profile = page.parent / "profile"
    command = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-dev-shm-usage",
        f"--user-data-dir={profile}",
        "--dump-dom",
        *options,
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
def test_the_browser_finds_every_figure_of_the_json(written: Path) -> None:
    text = written.read_text()
    # Were a script to run, the title would change; the page's own policy forbids it.
    probed = written.with_name("probed.html")
    probed.write_text(text.replace("</body>", "<script>document.title = 'a script ran'</script></body>"))
    dom = opened(probed)
    title = re.search("<title>(.*?)</title>", dom)
    assert title is not None and title[1] == "unet tiny: 3 reports compared"
    data = re.search('<script type="application/json" id="comparison">(.*?)</script>', dom, re.DOTALL)
    assert data is not None
    entries = json.loads(data[1])["entries"]
    comparison = compare(CONTENTS, LABELS, allow=["origin"])
    said = " ".join(html.unescape(re.sub("<[^>]*>", " ", dom.replace(data[1], ""))).split())
    assert [entry["label"] for entry in entries] == LABELS
    for entry, as_data in zip(comparison.entries, entries, strict=True):
        assert len(as_data["estimates"]) == len(entry.estimates) > 5
        for estimate, numbers in zip(entry.estimates, as_data["estimates"], strict=True):
            assert numbers["mean"] == estimate.mean
            assert factors.mean(entry, estimate) in said
            if estimate.change is not None:
                assert factors.times(estimate.change) in said


@pytest.mark.slow
def test_nothing_is_wider_than_a_phone_or_a_desk_and_every_drawing_has_a_size(written: Path) -> None:
    fits(written)


@pytest.mark.slow
def test_a_simulations_page_fits_as_well(tmp_path: Path) -> None:
    page = tmp_path / "simulation.html"
    write_simulation_page(page, simulated(EXAMPLES / "simulate-consensus.toml"))
    fits(page)


def fits(written: Path) -> None:
    """At every width nothing runs over, every drawing has a size, and no word is too small to read."""
    # The page stands in frames of these widths, and the document around them measures it.
    frames = "".join(
        f'<iframe width="{width}" height="800" style="border:0" srcdoc="{html.escape(written.read_text())}">'
        "</iframe>"
        for width in WIDTHS
    )
    script = """
addEventListener('load', () => {
  const found = [...document.querySelectorAll('iframe')].map(frame => {
    const page = frame.contentDocument, root = page.documentElement
    const boxes = [...page.querySelectorAll('svg[role=img]')].map(svg => svg.getBoundingClientRect())
    const size = word => parseFloat(frame.contentWindow.getComputedStyle(word).fontSize)
    const words = [...page.querySelectorAll('.xs span, .ys span, p, td, th')]
    return {
      wide: root.scrollWidth,
      drawings: boxes.length,
      flat: boxes.filter(box => box.width < 60 || box.height < 12).length,
      small: words.filter(word => size(word) < 11).length,
    }
  })
  document.title = JSON.stringify(found)
})"""
    around = written.with_name("around.html")
    around.write_text(
        f"<!DOCTYPE html><html><head><title></title></head><body>{frames}<script>{script}</script>"
    )
    title = re.search("<title>(.*?)</title>", opened(around, "--virtual-time-budget=5000"))
    assert title is not None and title[1]
    for width, found in zip(WIDTHS, json.loads(html.unescape(title[1])), strict=True):
        assert found["wide"] <= width, found
        assert found["drawings"] == len(Reader(written.read_text()).of("svg")) - legends(written)
        assert (found["flat"], found["small"]) == (0, 0), found


def legends(page: Path) -> int:
    """Drawings that only show what a colour means."""
    return sum(svg.get("aria-hidden") == "true" for svg in Reader(page.read_text()).of("svg"))
