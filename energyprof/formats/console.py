"""The terminal, or the file in its place, as rich draws on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from energyprof.formats.printable import printable


class Screen(Console):
    """What stands in names and notes is text: it styles nothing, and controls no terminal."""

    def __init__(self, out: TextIO) -> None:
        super().__init__(file=out, highlight=False, markup=False, emoji=False)

    def put(self, text: Text) -> None:
        """``text`` as it is broken into lines, however long; without colours past rich, which is slow."""
        if self.color_system is None and "\t" not in text.plain:
            self.file.write(printable(text.plain, keep="\n"))
        else:
            self.print(text, soft_wrap=True, end="")

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of ``renderable``; their styles and rich's own control codes are added later."""
        for segment in super().render(renderable, options):
            if segment.control is None and not segment.text.isprintable():
                segment = Segment(printable(segment.text, keep="\n\t"), segment.style)
            yield segment
