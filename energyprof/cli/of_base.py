"""What ``check --base`` judges by: files as the base commit has them, folders that no change can write."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path


@contextlib.contextmanager
def of_base(
    revision: str, wanted: Sequence[Path | None], *, allow_missing: bool
) -> Iterator[list[Path | None]]:
    """``wanted``, with copies in the place of files under version control, under the same names.

    With a report goes the noise beside it. What the commit does not have is, if it may be missing, not there
    in the copy's place either.

    Raises:
        UsageError: a folder is under version control, or the commit is not to be had.
        FileError: a file cannot be read or is missing, or a link in the repository leads elsewhere.
    """
    from energyprof.compare.gate.noise import noise_path
    from energyprof.errors import FileError, UsageError
    from energyprof.profile.room import room
    from energyprof.study.trusted import Tree

    tree = Tree(revision)
    tree.commit()
    with room() as folder:
        found: list[Path | None] = []
        for number, path in enumerate(wanted):
            if path is None or tree.inside(path) is None:
                found.append(path)
            elif path.is_dir():
                try:
                    tree.refuse_as_folder(path)
                except UsageError:
                    raise UsageError(
                        f"{path}: is under version control, so the change that is judged may have written "
                        "it: keep that folder outside of the repository, or leave --base out"
                    ) from None
                found.append(path)
            else:
                (folder / str(number)).mkdir()
                copy = folder / str(number) / path.name
                for one in (path, noise_path(path)):
                    if (content := tree.bytes_of(one)) is not None:
                        copy.with_name(one.name).write_bytes(content)
                if not copy.exists() and not allow_missing:
                    raise FileError(
                        f"{path}: cannot be read: there is no such file, or the base commit has none"
                    )
                found.append(copy)
        yield found
