"""Files that a verdict rests on, as the base commit has them: what a change says of itself does not count."""

from __future__ import annotations

import os
from pathlib import Path

from energyprof.errors import FileError, UsageError
from energyprof.profile.git import git


class Tree:
    """The repository around the working directory and the commit that a change in it is judged by."""

    def __init__(self, base: str) -> None:
        """``base``: a revision, fetched from origin where it is not here; empty: no commit judges."""
        try:
            self.top: Path | None = Path(os.path.realpath(git(Path.cwd(), "rev-parse", "--show-toplevel")))
        except UsageError:
            self.top = None
        self._base = base

    def commit(self) -> str:
        """The base commit's hash, or HEAD's if there is no base.

        Raises:
            UsageError: it is neither here nor at origin.
        """
        top = self._around()
        try:
            return self._verified(top)
        except UsageError:
            try:
                git(top, "fetch", "--no-tags", "--depth=1", "--", "origin", self._base)
            except UsageError as error:
                shallow = git(top, "rev-parse", "--is-shallow-repository") == "true"
                here = "this shallow clone" if shallow else "this repository"
                raise UsageError(
                    f"base {self._base}: no such commit in {here}, and it cannot be fetched ({error}): "
                    "check out with its history (fetch-depth: 0)"
                ) from None
        return self._verified(top)

    def bytes_of(self, path: Path) -> bytes | None:
        """What the file says, from the base commit if it is under version control; ``None``: it is not there.

        One that lies in the repository and is not part of the change was put there by whoever runs us.

        Raises:
            UsageError: the base commit is not to be had.
            FileError: it cannot be read, or a link in the repository leads elsewhere.
        """
        inside = self.inside(path)
        if inside is not None and self.top is not None:
            tracked = self._tracked(inside)
            try:
                blob = self._blob(self.top, inside)
            except UsageError:
                if tracked or not path.exists():  # a change may have removed it
                    raise
                blob = None
            if tracked or blob is not None:
                return blob
            _refuse_links(self.top, inside)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FileError(f"{path}: cannot be read: {error.strerror}") from None

    def inside(self, path: Path) -> Path | None:
        """Where in the repository the path lies; ``None``: outside."""
        if self.top is None:
            return None
        # By its name, and by where its name leads.
        whole = Path(os.path.realpath(path.parent)) / path.name
        for place in (Path(os.path.abspath(path)), whole, Path(os.path.realpath(path))):
            for top in (self.top, Path(os.path.abspath(self.top))):
                if place.is_relative_to(top):
                    return place.relative_to(top)
        return None

    def refuse_as_folder(self, folder: Path) -> None:
        """Check that what we write to ``folder`` is no part of the change and goes nowhere else.

        Raises:
            UsageError: it is, or a link leads elsewhere.
        """
        inside = self.inside(folder)
        if inside is None or self.top is None:
            return
        try:
            _refuse_links(self.top, inside)
        except FileError as error:
            raise UsageError(str(error)) from None
        if self._tracked(inside):
            raise UsageError(f"{folder}: is under version control: name another folder for what is measured")

    def _tracked(self, inside: Path) -> bool:
        """Whether it, something in it or a link on the way is in the index or in HEAD."""
        top = self._around()
        names = [str(part) for part in (inside, *inside.parents) if str(part) != "."]
        literal = [f":(top,literal){name}" for name in names]
        if git(top, "ls-files", "-z", "--", literal[0]):
            return True
        entries = git(top, "ls-tree", "-z", "--full-tree", "--name-only", "HEAD", "--", *names).split("\0")
        return str(inside) in entries

    def _blob(self, top: Path, inside: Path) -> bytes | None:
        commit = self.commit()
        if not git(top, "ls-tree", "-z", "--full-tree", commit, "--", str(inside)):
            return None
        return git(top, "cat-file", "blob", f"{commit}:{inside}").encode()

    def _verified(self, top: Path) -> str:
        revision = f"{self._base or 'HEAD'}^{{commit}}"
        return git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", revision)

    def _around(self) -> Path:
        if self.top is None:
            raise UsageError(f"{Path.cwd()}: not a git repository, so there is no base commit to judge by")
        return self.top


def _refuse_links(top: Path, inside: Path) -> None:
    for part in (inside, *inside.parents):
        if str(part) != "." and (top / part).is_symlink():
            raise FileError(f"{top / part}: is a link in the repository that is judged: it is not followed")
