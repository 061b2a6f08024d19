"""Data kept as they are decoded, in one file on the disk: nothing is decoded twice.

``decoded`` keeps them as they are, ``zstd`` compressed (RFC 8878): less to read, more to compute. They are
decoded and written before the first step, in a phase ``decode`` that is part of the training; the file has no
name and is gone with the last process that has it open. What is trained on is the same, to the last bit.
"""

import dataclasses
import os
import tempfile
import weakref
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Tuple, Union

from energyprof.wire import mark
from energyprof.workload import Plan, WorkloadError
from energyprof.workloads.data import clips, image_folder, sound, volumes
from energyprof.workloads.training import device as torch_side

SOURCES = (__file__,)
ZSTD = "zstd"
LEVEL = 3  # zstd's own default
PLANES = 16  # of a volume along its first axis are compressed together: a patch needs some of them


def prepared(program: Any, plan: Plan) -> None:
    """Let the program read what it trains on from one file.

    Raises:
        WorkloadError: a file cannot be decoded, or the disk does not take it.
    """
    mark("decode", samples=0)
    store = Store(compress=plan.config["data_cache"] == ZSTD)
    program.training = _KINDS[plan.name](program.training, store)


class Item(NamedTuple):
    """Where an array lies in the file."""

    offset: int
    size: int
    shape: Tuple[int, ...]
    dtype: str


class Store:
    """Arrays in one file that has no name."""

    def __init__(self, compress: bool) -> None:
        self._compress = compress
        self._items: List[Item] = []
        self._end = 0
        self._codec: Any = (0, None)  # of which process, and its decompressor: forks cannot share one
        folder = volumes.cache().parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=str(folder)) as file:
                self._open(os.dup(file.fileno()))
        except OSError as error:
            raise _full(error) from error

    def __len__(self) -> int:
        return len(self._items)

    def __getstate__(self) -> Dict[str, Any]:
        """For a process that is no fork: the file is opened by way of this one."""
        return {**self.__dict__, "_file": f"/proc/{os.getpid()}/fd/{self._file}", "_codec": (0, None)}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open(os.open(state["_file"], os.O_RDONLY))

    def _open(self, file: int) -> None:
        self._file = file
        weakref.finalize(self, os.close, file)

    @property
    def bytes(self) -> int:
        """Its size on the disk."""
        return self._end

    def add(self, array: Any) -> int:
        """Keep an array; its number."""
        data = memoryview(array.tobytes())
        if self._compress:
            data = memoryview(torch_side.library("zstandard").ZstdCompressor(level=LEVEL).compress(data))
        try:
            written = 0
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError as error:
            raise _full(error) from error
        self._items.append(Item(self._end, len(data), tuple(array.shape), str(array.dtype)))
        self._end += len(data)
        return len(self._items) - 1

    def read(self, number: int) -> Any:
        """An array, as it was added.

        Raises:
            WorkloadError: the disk does not give it back.
        """
        numpy, item = torch_side.library("numpy"), self._items[number]
        try:
            data = os.pread(self._file, item.size, item.offset)
        except OSError as error:
            raise WorkloadError(f"kept data cannot be read ({error.strerror}): check the disk") from error
        if self._compress:
            data = self._decompressor().decompress(data)
        return numpy.frombuffer(bytearray(data), dtype=item.dtype).reshape(item.shape)

    def _decompressor(self) -> Any:
        if self._codec[0] != os.getpid():
            self._codec = (os.getpid(), torch_side.library("zstandard").ZstdDecompressor())
        return self._codec[1]


@dataclasses.dataclass(frozen=True)
class Clips(clips.OnDisk):
    """Clips whose sound is kept."""

    store: Any = None

    def __getitem__(self, pick: List[int]) -> Union[clips.Batch, WorkloadError]:
        torch = torch_side.library("torch")
        try:
            sounds = [torch.from_numpy(_floats(self.store.read(number))) for number in pick]
        except WorkloadError as error:
            return error
        waves, lengths = sound.padded(sounds)
        return torch.tensor(pick), waves, lengths


def _clips(training: Any, store: Store) -> Clips:
    for wave in _made(_Sounds(training.files, training.rate_hz), training.workers):
        store.add(_smallest(wave.numpy()))
    fields = {field.name: getattr(training, field.name) for field in dataclasses.fields(training)}
    return Clips(**fields, store=store)


SCALE = 32768  # what decoders divide 16 bits by


def _smallest(wave: Any) -> Any:
    """A sound as 16 bits where it was of 16, else as it is: nothing is lost."""
    numpy = torch_side.library("numpy")
    whole = wave * numpy.float32(SCALE)
    fits = numpy.array_equal(whole, numpy.rint(whole)) and abs(whole).max(initial=0) < SCALE
    return whole.astype(numpy.int16) if fits else wave


def _floats(wave: Any) -> Any:
    numpy = torch_side.library("numpy")
    return wave / numpy.float32(SCALE) if wave.dtype == numpy.int16 else wave


@dataclasses.dataclass(frozen=True)
class Squares(image_folder.Squares):
    """Images that are kept decoded, their shorter side scaled."""

    store: Any = None

    def __getitem__(self, pick: image_folder.Pick) -> Union[Tuple[Any, Any], WorkloadError]:
        torch = torch_side.library("torch")
        try:
            images = [self._square(number, *view) for number, view in zip(*pick)]
        except WorkloadError as error:
            return error
        return torch.stack(images), self.tokens[list(pick[0])]

    def _square(self, number: int, mirrored: float, top: float, left: float) -> Any:
        whole = self.store.read(number)
        y, x = (int(place * (n - self.side + 1)) for place, n in zip((top, left), whole.shape))
        found = torch_side.library("torch").from_numpy(whole[y : y + self.side, x : x + self.side].copy())
        found = found.permute(2, 0, 1)
        return found.flip(2) if mirrored >= 0.5 else found


def _squares(training: Any, store: Store) -> Squares:
    for image in _made(_Images(training.files, training.side), training.workers):
        store.add(image.numpy())
    fields = {field.name: getattr(training, field.name) for field in dataclasses.fields(training)}
    return Squares(**fields, store=store)


@dataclasses.dataclass(frozen=True)
class Volume(volumes.Volume):
    """A decoded case whose image and label are kept."""

    arrays: Any = None

    def image(self) -> Any:
        """The intensities, from which boxes can be cut."""
        return self.arrays[0]

    def label(self) -> Any:
        """The classes, from which boxes can be cut once they have a first axis."""
        return self.arrays[1]


class Planes:
    """An array (c, x, y, z) of which boxes are read, a few planes at a time."""

    def __init__(self, array: Any, store: Store, label: bool) -> None:
        self._store, self._label = store, label
        self._shape = array.shape
        begins = range(0, array.shape[1], PLANES)
        self._numbers = [store.add(array[:, at : at + PLANES]) for at in begins]

    @property
    def shape(self) -> Tuple[int, ...]:
        """As numpy has it; a label's is without the first axis."""
        return tuple(self._shape[1:] if self._label else self._shape)

    def __getitem__(self, box: Any) -> Any:
        if box is None:
            return self
        numpy = torch_side.library("numpy")
        start, stop, _ = box[1].indices(self._shape[1])
        first, last = start // PLANES, -(-stop // PLANES)
        planes = [self._store.read(number) for number in self._numbers[first:last]]
        within = slice(start - first * PLANES, stop - first * PLANES)
        return numpy.concatenate(planes, axis=1)[box[0], within, box[2], box[3]]


def _volumes(training: Sequence[Any], store: Store) -> List[Volume]:
    return [
        Volume(one.folder, (Planes(one.image(), store, False), Planes(one.label()[None], store, True)))
        for one in training
    ]


@dataclasses.dataclass(frozen=True)
class _Sounds:
    files: Sequence[Any]
    rate_hz: int

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> Any:
        try:
            return sound.read(self.files[number], self.rate_hz)
        except WorkloadError as error:
            return error


@dataclasses.dataclass(frozen=True)
class _Images:
    files: Sequence[Any]
    side: int

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> Any:
        """The image (height, width, 3) uint8 as ``image_folder.square`` scales it, before it is cut."""
        try:
            return _whole(self.files[number], self.side)
        except WorkloadError as error:
            return error


def _whole(file: Any, side: int) -> Any:
    torch, numpy = torch_side.library("torch"), torch_side.library("numpy")
    pillow = torch_side.library("PIL.Image")
    try:
        with pillow.open(file) as opened:
            image = image_folder._rgb(opened)
    except Exception:
        image_folder.square(file, side, 0.0, 0.0, 0.0)  # says in a line what is wrong with it
        raise
    scale = side / min(image.size)
    size = [max(side, round(scale * length)) for length in image.size]
    return torch.from_numpy(numpy.array(image.resize(size, pillow.Resampling.BILINEAR)))


def _made(items: Any, workers: int) -> Iterator[Any]:
    """Each of the items in turn, made by so many processes.

    Raises:
        WorkloadError: one cannot be.
    """
    torch = torch_side.library("torch")
    loader = torch.utils.data.DataLoader(
        items, batch_size=None, num_workers=workers, generator=torch.Generator()
    )
    for item in loader:
        if isinstance(item, WorkloadError):
            raise item
        yield item


def _full(error: OSError) -> WorkloadError:
    return WorkloadError(
        f"{volumes.cache().parent} cannot keep decoded data ({error.strerror}): make room, or set "
        f"{volumes.CACHE}"
    )


_KINDS: Dict[str, Any] = {"speech": _clips, "diffusion": _squares, "unet": _volumes}
