"""``energyprof template``: the job or container in which this machine's meters can be read."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

TRAINED = ("run", "unet", "--size", "tiny")


def template(
    kind: Annotated[
        Literal["slurm", "oar", "k8s", "docker", "jetson"],
        typer.Argument(metavar="KIND", help="slurm, oar, k8s, docker or jetson."),
    ],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COMMAND]", help="After `--`, what energyprof does there (default: run unet)."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there, not to stdout.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Of an image: the repository and tag, https://…/energyprof.git#v0.1.0, or a checkout.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Print a job script or a container's description, right for this machine's meters.

    For a batch system call it on a node that the job may get:

      srun energyprof template slurm -- run ./train.py
    """
    from energyprof.errors import UsageError
    from energyprof.files import write_new, write_text
    from energyprof.formats import job_templates
    from energyprof.measure.access import look
    from energyprof.measure.meters import sysfs_root

    if source is not None and kind in ("slurm", "oar"):
        raise UsageError(f"--source: a job of {kind} builds no image")
    access = look(sysfs_root())
    wanted = tuple(words or TRAINED)
    if kind in ("slurm", "oar"):
        command = shlex.join([sys.executable, "-m", "energyprof", *wanted])
        text = job_templates.batch(kind, access, command, str(Path.cwd()))
    else:
        text = job_templates.image(kind, access, wanted, source or _source())
    if output is None:
        sys.stdout.write(text)
    else:
        (write_text if force else write_new)(output, text)
        if kind in ("slurm", "oar"):
            output.chmod(0o755)  # oarsub -S asks for that


def _source() -> str:
    """What an image is built from: the address that this one was installed from."""
    from energyprof.errors import UsageError
    from energyprof.profile.installed_from import checkout, repository

    if found := repository():
        return "#".join(found)
    if folder := checkout():
        return str(folder)
    raise UsageError(
        "this energyprof was not installed from a repository: give --source "
        "https://…/energyprof.git#TAG, or the path of a checkout"
    )
