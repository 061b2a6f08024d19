"""What a commit needs beside its own files: submodules, and what Git LFS keeps elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from energyprof.errors import UsageError
from energyprof.profile.git import git
from energyprof.storable.frozen import dataclass

# The first line of what lies in the place of a file that is not here (github.com/git-lfs, docs/spec.md).
_POINTER = b"version https://git-lfs.github.com/spec/"
_GITLINK = "160000"


@dataclass(frozen=True)
class Submodule:
    """Another repository that a commit names, here as it is checked out in the working tree."""

    origin: Path
    path: str  # in the repository around it
    commit: str


def submodules(origin: Path, commit: str) -> Iterator[Submodule]:
    """The submodules of ``commit`` as far as the working tree ``origin`` has its own checked out.

    Raises:
        UsageError: one is not here, or lacks the commit that is asked for.
    """
    kept = set(_gitlinks(origin, "HEAD"))
    for path, wanted in _gitlinks(origin, commit).items():
        here = origin / path
        if not (here / ".git").exists():
            if path in kept:
                continue  # neither side has it
            raise UsageError(
                f"{path}: this submodule of {commit[:12]} is not here any more; use a clone that has it"
            )
        try:
            git(here, "cat-file", "-e", f"{wanted}^{{commit}}")
        except UsageError:
            raise UsageError(
                f"{path}: this submodule's commit {wanted[:12]}, which {commit[:12]} needs, is not here: "
                f"git -C {path} fetch origin {wanted}"
            ) from None
        yield Submodule(here, path, wanted)


def refuse_pointers(top: Path, origin: Path, revision: str) -> None:
    """Check that no file of ``top`` is a mere pointer where the working tree ``origin`` has its content.

    Raises:
        UsageError: some are.
    """
    paths = [path for path in git(top, "ls-files", "-z", "--", ":(attr:filter=lfs)").split("\0") if path]
    missing = [path for path in paths if _is_pointer(top / path) and not _is_pointer(origin / path)]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UsageError(
            f"{revision}: {missing[0]}{more}: kept by Git LFS and not here: git lfs install, then "
            f"git lfs fetch origin {revision}"
        )


def _gitlinks(top: Path, commit: str) -> dict[str, str]:
    found = {}
    for entry in git(top, "ls-tree", "-r", "-z", "--full-tree", commit).split("\0"):
        about, _, path = entry.partition("\t")
        if about.startswith(_GITLINK):
            found[path] = about.split()[2]
    return found


def _is_pointer(file: Path) -> bool:
    try:
        with open(file, "rb") as opened:
            return opened.read(len(_POINTER)) == _POINTER
    except OSError:
        return False
