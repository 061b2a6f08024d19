"""What options say, checked; and the values that they have where nothing is said."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from energyprof.errors import UsageError

# Every command loads this file, --help included: what a report needs is loaded where one is written.
if TYPE_CHECKING:
    from energyprof.report.file import Taken

# Where reports go by default.
FOLDER = Path("energyprof-reports")
# Not a round number: the sensors of A100 and H100 sample 25 ms of every 100 ms, and a load or a meter with
# such a period would always be read at the same phase (Yang et al., SC'24, arXiv 2312.02741).
INTERVAL_S = 0.097
IDLE_S = 2.0
# Of a control, for each kind of device: the slowest meters renew once a second.
CONTROL_S = 12.0


def taken(*, force: bool) -> Taken:
    """What becomes of a file that lies where one is to be written."""
    return "replaced" if force else "refused"


def report_path(asked: Path | None, name: str, *, force: bool) -> Path:
    """The path that the report will have, if nobody takes it before: it is made when it is written.

    A name of ours tells runs apart that start in the same second in one folder, on this machine or others.

    Raises:
        UsageError: it or its trace exists and may not be overwritten, or it is a folder.
    """
    from energyprof.files import TAKEN, gives_way, sweep

    if asked is None:
        from platform import node

        from energyprof.clock import utc_now

        stamp, host = re.sub(r"[-:]|\.\d+", "", utc_now()), re.sub(r"[^\w-]+", "_", node().split(".")[0])
        stem = f"{_short(name)}-{stamp}-{_short(host)}-{os.getpid()}"
        path, number = FOLDER / f"{stem}.json", 1
        while _lies_at(path):
            number += 1
            path = FOLDER / f"{stem}-{number}.json"
    else:
        path = asked
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file in it, such as {path / 'report.json'}")
    if not gives_way(path):
        raise UsageError(f"{path}: is not a file, whose place a report could take; name another for --output")
    if not force and (there := _lies_at(path)):
        raise UsageError(f"{there}: {TAKEN}")
    sweep(path.parent)
    return path


def checked_page(page: Path | None) -> None:
    """Refuse, before any work, a place where no page can be written.

    Only a page or an empty file gives way to a page: no report, trace or scenario is lost to a slip.

    Raises:
        UsageError: a folder lies there, or anything else that is not a page.
    """
    from energyprof.files import gives_way

    if page is None:
        return
    if page.is_dir():
        raise UsageError(f"{page}: is a folder; name a file in it, such as {page / 'page.html'}")
    if not gives_way(page) or not _is_page(page):
        raise UsageError(f"{page}: is there already and not a page; name another file for --html")


def _is_page(path: Path) -> bool:
    """Whether it begins as a page does, or holds nothing yet."""
    try:
        with path.open("rb") as file:
            return file.read(len(_PAGE)).lower() in (b"", _PAGE)
    except OSError:
        return True  # nothing lies there, or nobody may look: writing it will say


_PAGE = b"<!doctype html"


def _lies_at(path: Path) -> Path | None:
    """Which file of a report at ``path`` is there already, even if it is a link that leads nowhere."""
    from energyprof.report.file import trace_path
    from energyprof.trace.writer import is_empty

    trace = trace_path(path)
    if os.path.lexists(path):
        return path
    # One killed right at its start left an empty trace. Whether its maker lives is asked of its lock, later.
    return trace if os.path.lexists(trace) and not is_empty(trace) else None


def _short(name: str) -> str:
    """A name that leaves room for the others in the 255 bytes that a file's may have."""
    return name.encode(errors="replace")[:80].decode(errors="ignore")


def checked_interval(interval_s: float) -> float:
    """``interval_s`` if meters can be read that often.

    Raises:
        UsageError: it is not between 1 ms and an hour.
    """
    if not 0.001 <= interval_s <= 3600:
        raise UsageError(f"--interval {interval_s:g}: give seconds between 0.001 and 3600")
    return interval_s


def checked_duration(option: str, text: str) -> float:
    """The seconds that a text such as 90, 10s, 5m or 2h says.

    Raises:
        UsageError: it says none.
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(s|m|min|h)?", text.strip())
    if found is None or float(found[1]) == 0:
        raise UsageError(f"{option} {text}: give a time such as 90, 10s, 5m or 2h")
    return float(found[1]) * {"m": 60, "min": 60, "h": 3600}.get(found[2] or "s", 1)


def checked_wait(option: str, wait_s: float) -> float:
    """``wait_s``, which ``option`` was given, if it is a sensible time to wait.

    Raises:
        UsageError: it is negative, or longer than a day.
    """
    if not 0 <= wait_s <= 86400:
        raise UsageError(f"{option} {wait_s:g}: give seconds between 0 and 86400")
    return wait_s
