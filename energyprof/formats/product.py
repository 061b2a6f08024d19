"""The words for an energy to target taken apart: its factors, and which of them changed."""

from __future__ import annotations

from energyprof import units
from energyprof.compare.compared import Comparison
from energyprof.compare.product import Product
from energyprof.formats.factors import ESTIMATED
from energyprof.formats.wording import ratio_change, share

HEAD = "energy to target = energy per sample × samples to target × on top"
FOOTNOTE = "on top: evaluation, warm-up, and all else that counts besides the train phases."
RATIO = "ratio"
# From so many runs on, how much they vary is worth a word …
FEW = 3
# … where the energy per sample varies so many times less than the whole.
STEADY = 3
LONGEST = 28  # a longer label goes on a line of its own
_NAMES = {
    "energy_per_sample": "energy per sample",
    "samples_to_target": "samples to target",
    "on_top": "on top",
}


def rows(comparison: Comparison) -> list[tuple[str, str, str, str, str]]:
    """Label, energy and its three factors for each report that has them, followed by their ratios."""
    found = []
    for entry in comparison.entries:
        if (product := entry.product) is None:
            continue
        sample, samples, on_top = product.factors
        mark = ESTIMATED if entry.origin != "measured" else ""
        means = (mark + units.joules(sample.mean), f"{samples.mean:,.0f}", f"{on_top.mean:.3f}")
        found.append((entry.label, mark + units.joules(product.energy_j), *means))
        if product.ratio is not None:
            a, b, c = (
                "" if factor.change is None else _ratio(factor.change.ratio) for factor in product.factors
            )
            found.append((RATIO, _ratio(product.ratio), a, b, c))
    return found


def _ratio(value: float) -> str:
    """Three decimals, or two digits of what they would not show."""
    return f"{value:.3f}" if value >= 0.1 else f"{value:.2g}"


def sentences(comparison: Comparison) -> list[str]:
    """For each report: how much its factors vary from run to run, and which of them changed beyond chance."""
    products = [(entry.label, entry.product) for entry in comparison.entries if entry.product]
    lines = [_spread(*product) for product in products] + [_sentence(*product) for product in products]
    return [line for line in lines if line]


def _spread(label: str, product: Product) -> str:
    """Why two machines are told apart by what a sample takes: by how many seeds that is known."""
    whole, sample = product.spread, product.factors[0].spread
    samples = product.factors[1].spread
    if product.n < FEW or not whole or not sample or not samples or STEADY * sample > whole:
        return ""
    return (
        f"{label}: from run to run the energy to target varies by {share(whole)}, since the samples to it do "
        f"({share(samples)}); the energy per sample by {share(sample)}: it tells machines apart in few runs"
    )


def _sentence(label: str, product: Product) -> str:
    judged = [(factor, factor.change) for factor in product.factors if factor.change]
    if not any(change.verdict for _, change in judged):
        return ""
    changed = [
        f"{_NAMES[factor.name]} {ratio_change(change)}"
        for factor, change in judged
        if change.verdict in ("lower", "higher")
    ]
    same = [_NAMES[factor.name] for factor, change in judged if change.verdict == "unclear"]
    if not changed:
        return f"{label}: no factor changed beyond chance"
    return f"{label} changed {'; '.join(changed)}" + (f"; not {', '.join(same)}" if same else "")


def lines(comparison: Comparison) -> list[str]:
    """All of it as lines of text with aligned columns; none if no report has all factors."""
    found = rows(comparison)
    if not found:
        return []
    labels = [len(row[0]) for row in found if len(row[0]) <= LONGEST]
    first, *widths = [max(labels, default=0), *(max(len(row[k]) for row in found) for k in range(1, 5))]
    shown = []
    for label, *numbers in found:
        if len(label) > first:
            shown.append(f"  {label}")
            label = ""
        energy, *factors = (number.rjust(width) for number, width in zip(numbers, widths, strict=True))
        shown.append(f"  {label:<{first}}  {energy} = {' × '.join(factors)}")
    return [HEAD, *shown, *(f"  {line}" for line in sentences(comparison)), FOOTNOTE]
