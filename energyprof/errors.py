"""Every error energyprof raises on purpose, and the exit code that goes with it.

::

    EnergyprofError            2  could not do it
    ├── UsageError             2  the command's arguments do not make sense
    ├── FileError              2  a file cannot be read, written, or is not what it should be
    ├── MissingPart            2  a package, meter, device or workload that is not here
    ├── MeterError             2  one reading of one meter failed
    ├── TrainingError          2  the workload could not be trained here
    ├── BatchError             2  the batch system did not take a job, or does not answer
    ├── NoPower                4  a real meter was demanded, and there is none
    ├── NotComparable          3  the reports measure different things
    └── Tampered               4  what is measured has reached for the evidence

A message is one line: what, where, what to do. Only ``cli/`` catches them.
"""

from collections.abc import Iterable


class EnergyprofError(Exception):
    """The root; ``exit_code`` is what the command exits with."""

    exit_code = 2

    def __str__(self) -> str:
        """One line of printable characters, whatever it quotes."""
        return _printable(" ".join(super().__str__().splitlines()))


class UsageError(EnergyprofError):
    """The command's arguments do not make sense."""


def unknown_key(key: str, there: Iterable[str], where: str, within: str = "") -> UsageError:
    """The error of a ``key`` in the user's file that is none of those ``there``, with the nearest."""
    from difflib import get_close_matches  # nearly nobody needs it

    names = sorted(there)
    near = get_close_matches(key, names, 1)
    are = "is" if len(names) == 1 else "are"
    instead = f"did you mean {near[0]}?" if near else f"there {are} {', '.join(names)}"
    place = f" in {within}" if within else ""
    return UsageError(f"{where}: unknown key {key[:60]!r}{place}: {instead}")


class FileError(EnergyprofError):
    """A file cannot be read or written, or is not what it should be."""


class MissingPart(EnergyprofError):
    """A package, meter, device or workload that is not here; the message names the remedy."""


class MeterError(EnergyprofError):
    """One reading of one meter failed; the sampler records it and goes on."""


class TrainingError(EnergyprofError):
    """The workload could not be trained here."""


class BatchError(EnergyprofError):
    """The batch system did not take a job, or does not answer."""


class NoPower(EnergyprofError):
    """A real meter was demanded, and nothing here measures the power."""

    exit_code = 4


class NotComparable(EnergyprofError):
    """The reports measure different things; the message names every difference, each in a line."""

    exit_code = 3

    def __str__(self) -> str:
        """Lines of printable characters."""
        return "\n".join(map(_printable, Exception.__str__(self).split("\n")))


class Tampered(EnergyprofError):
    """What is measured has changed what it is measured by: there is no verdict."""

    exit_code = 4


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in line)
