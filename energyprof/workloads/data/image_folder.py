"""The user's captioned images: a folder with a metadata.jsonl that has a line for each.

A line is ``{"file_name": …, "text": …}``: the layout that diffusers' training scripts and the datasets
library call an image folder. A tenth of the images, those whose names hash lowest, is held out.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, List, Sequence, Tuple, Union

from energyprof.workload import WorkloadError
from energyprof.workloads.training.device import library

METADATA = "metadata.jsonl"
HELD_OUT = 10  # one image in so many
EXAMPLE = '{"file_name": "1.png", "text": "what it shows"}'

Images = List[Tuple[Path, str]]  # the file, its caption
Pick = Tuple[Sequence[int], Sequence[Sequence[float]]]  # images, and how each is seen


def read(folder: Path) -> Tuple[Images, Images]:
    """The images to train on and those held out, in the order of their lines; no image is opened.

    Raises:
        WorkloadError: there is no metadata.jsonl, a line is broken or names no file, or there are too few.
    """
    file = folder / METADATA
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError as error:
        raise WorkloadError(f"{folder} has no {METADATA}: write a line {EXAMPLE} for each image") from error
    except OSError as error:
        raise WorkloadError(f"{file} cannot be read ({error.strerror}): check it") from error
    except UnicodeDecodeError as error:
        raise WorkloadError(f"{file} is not UTF-8 text: rewrite it") from error
    images = [
        _entry(folder, f"{file}, line {number}", line)
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    names = {path for path, _ in images}
    if len(names) < 2:
        raise WorkloadError(f"{file} lists {len(names)} image(s): training and validation need at least 2")
    by_hash = sorted(
        names, key=lambda path: hashlib.sha256(path.relative_to(folder).as_posix().encode()).hexdigest()
    )
    held_out = set(by_hash[: max(1, len(names) // HELD_OUT)])
    return [i for i in images if i[0] not in held_out], [i for i in images if i[0] in held_out]


def _entry(folder: Path, where: str, line: str) -> Tuple[Path, str]:
    """File and caption of a line."""
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise WorkloadError(f"{where} is not JSON: write {EXAMPLE}") from error
    name, caption = (_word(where, entry, key) for key in ("file_name", "text"))
    path = folder / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise WorkloadError(f"{where}: {name} lies outside the folder: move it there")
    if not path.is_file():
        raise WorkloadError(f"{where}: there is no {path}: correct it")
    return path, caption


def _word(where: str, entry: Any, key: str) -> str:
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, str) or not value:
        raise WorkloadError(f"{where} has no {key}: write {EXAMPLE}")
    return value


@dataclass(frozen=True)
class Squares:
    """Images of a folder and the tokens of their captions (n, length); item (pick) is a micro-batch."""

    files: Sequence[Path]
    tokens: Any
    side: int
    workers: int  # processes that decode images beside this one
    pinned: bool

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, pick: Pick) -> Union[Tuple[Any, Any], WorkloadError]:
        """The batch, or what is wrong: a worker's exception is many lines long."""
        try:
            images = [square(self.files[number], self.side, *view) for number, view in zip(*pick)]
        except WorkloadError as error:
            return error
        return library("torch").stack(images), self.tokens[list(pick[0])]

    def part(self, indices: Sequence[int]) -> "Squares":
        """These of the images, with their share of the processes that decode them."""
        workers = self.workers * len(indices) // len(self.files)
        files = [self.files[number] for number in indices]
        return Squares(files, self.tokens[list(indices)], self.side, workers, self.pinned)

    def batches(self, picks: Iterator[Tuple[Any, Any]]) -> Iterator[Tuple[Any, Any]]:
        """Images (m, 3, side, side) uint8 and tokens of each of ``picks``: indices (m,) and views (m, 3).

        Raises:
            WorkloadError: an image could not be read.
        """
        torch = library("torch")
        loader = torch.utils.data.DataLoader(
            self,
            batch_size=None,  # an item is a batch already
            sampler=((numbers.tolist(), views.tolist()) for numbers, views in picks),
            num_workers=self.workers,
            pin_memory=self.pinned,
            generator=torch.Generator(),  # or it would draw from the model's
        )
        for batch in loader:
            if isinstance(batch, WorkloadError):
                raise batch
            yield tuple(batch)


def square(file: Path, side: int, mirrored: float, top: float, left: float) -> Any:
    """A square of an image (3, side, side) uint8, its shorter side scaled to ``side``, in RGB.

    Args:
        mirrored: from 0.5 on it is.
        top, left: in 0…1, where along its longer side the square lies.

    Raises:
        WorkloadError: it is not an image, or a broken one.
    """
    numpy, pillow = library("numpy"), library("PIL.Image")
    try:
        with pillow.open(file) as opened:
            image = _rgb(opened)
    # Pillow's decoders raise whatever they stumble over; a decompression bomb is one of these, too.
    except Exception as error:
        said = str(error).splitlines()
        reason = said[0][:80] if said and str(file) not in said[0] else type(error).__name__
        raise WorkloadError(f"{file} is not a readable image ({reason}): replace it") from error
    scale = side / min(image.size)
    size = [max(side, round(scale * length)) for length in image.size]
    x, y = (int(place * (length - side + 1)) for place, length in zip((left, top), size))
    image = image.resize(size, pillow.Resampling.BILINEAR).crop((x, y, x + side, y + side))
    found = library("torch").from_numpy(numpy.array(image)).permute(2, 0, 1)
    return found.flip(2) if mirrored >= 0.5 else found


def _rgb(image: Any) -> Any:
    """An image of any mode the right way up in RGB; of 16-bit grey the upper byte: Pillow would cut off."""
    image = library("PIL.ImageOps").exif_transpose(image)
    if image.mode == "P":  # its transparency may be of a kind that only RGBA takes
        image = image.convert("RGBA")
    if image.mode.startswith("I"):
        numpy, pillow = library("numpy"), library("PIL.Image")
        image = pillow.fromarray((numpy.asarray(image) >> 8).astype("uint8"))
    return image.convert("RGB")
