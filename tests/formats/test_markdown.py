"""Markdown as a pull request shows it."""

from __future__ import annotations

from io import StringIO

import pytest

from energyprof.compare.comparison import compare
from energyprof.formats import markdown
from reports import at


def written(*labels: str, **changes: bool) -> str:
    out = StringIO()
    reports = [at(1.0 + i, 1.1 + i, 0.9 + i, **changes) for i, _ in enumerate(labels)]
    markdown.write_comparison(compare(reports, list(labels)), out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("@someone", "@<!-- -->someone"),
        ("fix #12", "fix #<!-- -->12"),
        ("!7", "!<!-- -->7"),
        ("a|b", r"a\|b"),
        ("<b>_x_", r"\<b\>\_x\_"),
        ("C# or A@ B", "C# or A@ B"),
    ],
)
def test_a_label_calls_nobody_links_nowhere_and_is_no_markup(label: str, shown: str) -> None:
    assert f"| {shown} |" in written(label, "other")


def test_joules_of_a_model_are_marked_wherever_they_stand() -> None:
    cells = [
        cell.strip() for line in written("a", origin="modelled").splitlines() for cell in line.split("|")
    ]
    joules = [cell for cell in cells if cell.endswith("J")]
    assert len(joules) >= 4
    assert all(cell.startswith("≈ ") for cell in joules)
    assert "≈" not in written("a")
