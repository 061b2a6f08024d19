"""Checkouts of the git repository around us: the working tree as it is, and a temporary earlier one."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from energyprof.errors import UsageError
from energyprof.profile.content import refuse_pointers, submodules
from energyprof.profile.git import git
from energyprof.profile.room import ORIGIN, remove_worktree, room
from energyprof.storable.frozen import dataclass

# Where an interpreter would import from without us: its own path, and what editable installs map elsewhere
# (setuptools, command/editable_wheel.py: a finder's module holds the packages in MAPPING).
_IMPORTS_FROM = """
import json, os, sys
folders = [folder for folder in sys.path if folder]
for name, module in list(sys.modules.items()):
    if name.startswith("__editable__"):
        folders += [os.path.dirname(path) for path in getattr(module, "MAPPING", {}).values()]
print(json.dumps(folders))
"""


@dataclass(frozen=True)
class Checkout:
    """One state of a repository as files."""

    top: Path
    folder: Path  # in it what the working directory is in the working tree
    origin: Path  # the working tree's top
    about: str  # for people: "HEAD~1, commit 4f2c1ab"

    @property
    def package(self) -> Path | None:
        """The energyprof in it, if this is its repository."""
        package = self.top / "energyprof"
        return package if (package / "workloads" / "__main__.py").is_file() else None

    def of(self, path: Path) -> Path:
        """The same file as ``path``, absolute or from the working directory, in this checkout.

        Raises:
            UsageError: it lies outside the repository, so it has no earlier version.
        """
        whole = Path(os.path.abspath(path))
        if not whole.is_relative_to(self.origin):
            raise UsageError(f"{path}: lies outside the repository {self.origin}, so it has no other version")
        return self.top / whole.relative_to(self.origin)

    def environment(self, interpreter: str | None) -> dict[str, str]:
        """A ``PYTHONPATH`` that leads to this checkout wherever imports would lead into the working tree.

        What this checkout does not have is not looked for there: it may be the change's.
        By what ``interpreter`` has installed from the repository, editable; ``None``: by the variable alone.
        """
        before = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
        if self.top == self.origin:
            return {}
        folders = before if interpreter is None else _imports_from(interpreter)
        moved = [
            str(self.top / Path(folder).relative_to(self.origin))
            for folder in folders
            if Path(folder).is_relative_to(self.origin)
        ]
        moved = [folder for folder in dict.fromkeys(moved) if os.path.isdir(folder)]
        elsewhere = [folder for folder in before if not Path(folder).is_relative_to(self.origin)]
        return {"PYTHONPATH": os.pathsep.join([*moved, *elsewhere])} if moved or elsewhere != before else {}


def working_tree() -> Checkout:
    """The repository of the working directory, as it is, what is not committed included.

    Raises:
        UsageError: this is not a repository, or git is missing.
    """
    here = Path.cwd()
    top = Path(git(here, "rev-parse", "--show-toplevel"))
    changed = ", with changes" if git(here, "status", "--porcelain", "--untracked-files=no") else ""
    commit = git(here, "rev-parse", "--short", "HEAD")
    return Checkout(top, here, top, f"the working tree, commit {commit}{changed}")


@contextlib.contextmanager
def worktree(revision: str, tree: Checkout) -> Iterator[Checkout]:
    """The repository of ``tree`` at ``revision`` with its submodules, in a folder that is removed in the end.

    Raises:
        UsageError: there is no such revision, it lacks the working directory, git cannot check it out, or a
            submodule or what Git LFS keeps of it is not here.
    """
    try:
        commit = git(
            tree.top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
        )
    except UsageError:
        raise UsageError(f"{revision}: no such revision in {tree.top}{_shallow(tree.top)}") from None
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(room())
        # Its own name is kept: a program may look at the name of its folder.
        top = place / "before" / tree.top.name
        made: list[tuple[Path, Path]] = []

        def check_out(origin: Path, into: Path, commit: str) -> None:
            made.insert(0, (origin, into))  # what lies within another goes first
            (place / ORIGIN).write_text("\0".join(str(path) for pair in made for path in pair))
            stack.callback(_forget, origin, into)
            git(origin, "worktree", "add", "--detach", "--force", str(into), commit)
            for part in submodules(origin, commit):
                check_out(part.origin, into / part.path, part.commit)
            refuse_pointers(into, origin, revision)

        check_out(tree.top, top, commit)
        folder = top / tree.folder.relative_to(tree.top)
        if not folder.is_dir():
            raise UsageError(f"{revision}: has no folder {tree.folder.relative_to(tree.top)}")
        short = git(top, "rev-parse", "--short", "HEAD")
        about = f"commit {short}" if commit.startswith(revision) else f"{revision}, commit {short}"
        yield Checkout(top, folder, tree.top, about)


def _forget(origin: Path, top: Path) -> None:
    with contextlib.suppress(UsageError):  # it was never made
        remove_worktree(origin, top)


def _shallow(top: Path) -> str:
    shallow = git(top, "rev-parse", "--is-shallow-repository") == "true"
    return "; the clone is shallow: git fetch --unshallow" if shallow else ""


def _imports_from(interpreter: str) -> list[str]:
    done = subprocess.run(
        [interpreter, "-c", _IMPORTS_FROM],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        folders: list[str] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise UsageError(f"{interpreter}: cannot tell where it imports from; is it Python?") from None
    return folders
