"""Clips to train on or to score: in memory, as the packaged ones, or decoded from files batch by batch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, List, Sequence, Tuple, Union

from energyprof.workload import WorkloadError
from energyprof.workloads.data import digits, sound
from energyprof.workloads.data.utterances import Utterance
from energyprof.workloads.training.device import library

Batch = Tuple[Any, Any, Any]


@dataclass(frozen=True)
class InMemory:
    """Packaged clips, their sound (n, longest) int16 on the device."""

    texts: Tuple[str, ...]
    speakers: Tuple[str, ...]
    lengths: Any
    waves: Any
    workers: int = 0

    def chosen(self, numbers: Sequence[int]) -> "InMemory":
        """Only the clips of these indices."""
        kept = list(numbers)
        texts, speakers = (tuple(words[i] for i in kept) for words in (self.texts, self.speakers))
        return InMemory(texts, speakers, self.lengths[kept], self.waves[kept])

    def batches(self, picks: Iterator[Any]) -> Iterator[Batch]:
        """Of each of ``picks``: itself, waves and lengths."""
        for pick in picks:
            lengths = self.lengths[pick]
            there = pick.to(self.waves.device, non_blocking=True)
            yield pick, self.waves[there, : int(lengths.max())].float() / SCALE, lengths


SCALE = 32768.0  # 16 bits


def packaged(part: str, rate_hz: int, device: Any) -> InMemory:
    """The packaged digits' part ``train`` or ``validation`` at ``rate_hz``, on the device.

    Raises:
        WorkloadError: they are not there, or not what they should be.
    """
    torch, numpy = library("torch"), library("numpy")
    found = digits.part(part)
    spoken = [numpy.asarray(wave, dtype="float32") / digits.PEAK for wave in found.sounds]
    spoken = [sound.resampled(wave, digits.RATE_HZ, rate_hz) for wave in spoken]
    waves, lengths = sound.padded([torch.from_numpy(wave) for wave in spoken])
    kept = (waves * SCALE).round().clamp(-SCALE, SCALE - 1).to(torch.int16)
    return InMemory(found.texts, found.speakers, lengths, kept.to(device))


@dataclass(frozen=True)
class OnDisk:
    """Clips in files; item (pick) is a batch, or what is wrong: a worker's exception is many lines long."""

    files: Tuple[Path, ...]
    texts: Tuple[str, ...]
    speakers: Tuple[str, ...]
    lengths: Any
    rate_hz: int
    workers: int
    pinned: bool

    def chosen(self, numbers: Sequence[int]) -> "OnDisk":
        """Only the clips of these indices."""
        kept = list(numbers)
        files = tuple(self.files[i] for i in kept)
        texts, speakers = (tuple(words[i] for i in kept) for words in (self.texts, self.speakers))
        return OnDisk(files, texts, speakers, self.lengths[kept], self.rate_hz, self.workers, self.pinned)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, pick: List[int]) -> Union[Batch, WorkloadError]:
        try:
            waves, lengths = sound.padded([sound.read(self.files[number], self.rate_hz) for number in pick])
        except WorkloadError as error:
            return error
        return library("torch").tensor(pick), waves, lengths

    def batches(self, picks: Iterator[Any]) -> Iterator[Batch]:
        """Of each of ``picks``: itself, waves and lengths; other processes decode them."""
        torch = library("torch")
        loader = torch.utils.data.DataLoader(
            self,
            batch_size=None,  # an item is a batch already
            sampler=(pick.tolist() for pick in picks),
            num_workers=self.workers,
            pin_memory=self.pinned,
            generator=torch.Generator(),  # or it would draw from the model's
        )
        for batch in loader:
            if isinstance(batch, WorkloadError):
                raise batch
            yield tuple(batch)


def on_disk(utterances: Sequence[Utterance], rate_hz: int, workers: int, pinned: bool) -> OnDisk:
    """The clips of these utterances; of each file the header is read.

    Raises:
        WorkloadError: a file cannot be read.
    """
    lengths = library("torch").tensor([sound.length(one.file, rate_hz) for one in utterances])
    files, texts, speakers = zip(*((one.file, one.text, one.speaker) for one in utterances))
    return OnDisk(files, texts, speakers, lengths, rate_hz, workers, pinned)
