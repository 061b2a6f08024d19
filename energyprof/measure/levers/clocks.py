"""Ranges of clocks, as users write them: 1200MHz or 300MHz-1200MHz."""

from __future__ import annotations

from energyprof.measure.lever import Amounts


class ClockValues:
    """What a card's clock can be held between."""

    def __init__(self, amounts: Amounts) -> None:
        self._amounts = amounts

    def ends(self, value: str) -> tuple[str, str]:
        """The lower and the upper end, in the driver's own words. Raises ValueError."""
        low, dash, high = value.partition("-")
        ends = self._amounts.own(low), self._amounts.own(high if dash else low)
        if int(ends[0]) > int(ends[1]):
            raise ValueError("the lower frequency comes first")
        return ends

    def span(self, ends: list[str]) -> str:
        """The ends as people read them; once where they are one."""
        return " … ".join(dict.fromkeys(map(self._amounts.shown, ends)))

    @property
    def range(self) -> str:
        """From the least to the most, for people."""
        return self._amounts.range

    @property
    def rungs(self) -> tuple[str, ...]:
        """The steps that the card offers."""
        return self._amounts.rungs
