"""The terminal, or the file in its place, as rich draws on it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from energyprof.formats.printable import printable

# Columns of a pipe or a file, whose reader breaks lines, or wants none broken.
PIPE = 100_000
# Columns that a drawing takes at most.
DRAWN = 100


class Screen(Console):
    """What stands in names and notes is text: it styles nothing, and controls no terminal.

    Into a pipe or a file each line goes whole, unless ``COLUMNS`` says how wide it is.
    """

    def __init__(self, out: TextIO) -> None:
        width = None if out.isatty() or os.environ.get("COLUMNS", "").isdigit() else PIPE
        super().__init__(file=out, highlight=False, markup=False, emoji=False, width=width)

    @property
    def room(self) -> int:
        """How many columns a drawing may take."""
        return min(self.width, DRAWN)

    def print(self, *objects: Any, **settings: Any) -> None:
        """As rich prints, but no line loses its end: a command or a path in it may be longer than the screen.

        Into a pipe without the blanks that fill a line.
        """
        settings.setdefault("crop", False)
        if self.file.isatty():
            super().print(*objects, **settings)
            return
        with self.capture() as printed:
            super().print(*objects, **settings)
        self.file.write("\n".join(line.rstrip() for line in printed.get().split("\n")))

    def put(self, parts: Sequence[tuple[str, str]]) -> None:
        """Texts with their styles as they are broken into lines, however long; without colours past rich,
        which is slow.
        """
        plain = "".join(part for part, _ in parts)
        if self.color_system is None and "\t" not in plain:
            self.file.write(printable(plain, keep="\n"))
        else:
            self.print(Text.assemble(*parts), soft_wrap=True, end="")

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of ``renderable``; their styles and rich's own control codes are added later."""
        for segment in super().render(renderable, options):
            if segment.control is None and not segment.text.isprintable():
                segment = Segment(printable(segment.text, keep="\n\t"), segment.style)
            yield segment
