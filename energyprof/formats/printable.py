"""Text from reports and files that other people wrote, as it may be shown."""

from __future__ import annotations


def printable(text: str, keep: str = "") -> str:
    """``text`` with a question mark for each control character, but for those in ``keep``.

    A report from elsewhere must not control the terminal, nor end the line it stands in; and XML 1.0 cannot
    hold control characters, not even escaped (section 2.2).
    """
    return "".join(c if c.isprintable() or c in keep else "?" for c in text)
