"""Patches of decoded volumes: each drawn and changed at random, from a seed of its own, ahead of the step."""

from dataclasses import dataclass
from typing import Any, Iterator, List, Mapping, Sequence, Tuple, Union

from energyprof.workload import WorkloadError
from energyprof.workloads.data.volumes import Volume
from energyprof.workloads.training import order, ranks
from energyprof.workloads.training.device import library

Scale = Tuple[float, float, float, float]  # lowest, highest, mean, deviation
Pick = Tuple[int, int]  # a volume, and which draw of the whole training this is


@dataclass(frozen=True)
class Patches:
    """Item (picks) is a micro-batch: images (n, c, x, y, z) float32 and labels (n, 1, x, y, z) uint8."""

    volumes: Sequence[Volume]
    scales: Sequence[Scale]
    config: Mapping[str, Any]
    seed: int

    def __getitem__(self, picks: Sequence[Pick]) -> Union[Tuple[Any, Any], WorkloadError]:
        """The batch, or what is wrong: a worker's exception is many lines long."""
        torch = library("torch")
        change = augmentation(self.config["augmentation"])
        try:
            samples = [self._sample(*pick, change) for pick in picks]
        except WorkloadError as error:
            return error
        return torch.stack([s["image"] for s in samples]), torch.stack([s["label"] for s in samples])

    def _sample(self, number: int, draw: int, change: Any) -> Mapping[str, Any]:
        np = library("numpy")
        volume = self.volumes[number]
        # Any process draws the same from the run's seed and the draw's number.
        rng = np.random.RandomState(np.random.SeedSequence([self.seed % 2**32, draw]).generate_state(4))
        label = volume.label()
        begin = corner(label.shape, self.config, volume.places(), rng)
        sample = {
            "image": scaled(cut(volume.image(), begin, self.config["patch"]), self.scales),
            "label": cut(label[None], begin, self.config["patch"]),
        }
        sample = {name: padded(array, self.config["patch"]) for name, array in sample.items()}
        change.set_random_state(seed=int(rng.randint(2**31)))
        plain = library("monai.utils").convert_to_tensor
        return {name: plain(array, track_meta=False).contiguous() for name, array in change(sample).items()}


def corner(shape: Sequence[int], config: Mapping[str, Any], places: Any, rng: Any) -> List[int]:
    """Where a patch begins (3,): around a voxel of a class drawn first, or anywhere.

    Along an axis that is shorter than the patch it begins at 0, and ends with the volume.
    """
    np = library("numpy")
    room = [max(0, size - side) for size, side in zip(shape, config["patch"])]
    if len(places) and rng.uniform() < config["foreground"]:
        classes = np.unique(places[:, 0])
        of_class = places[places[:, 0] == classes[rng.randint(len(classes))]]
        middle = of_class[rng.randint(len(of_class)), 1:]
        return [int(min(max(0, m - side // 2), most)) for m, side, most in zip(middle, config["patch"], room)]
    return [int(rng.randint(most + 1)) for most in room]


def cut(array: Any, begin: Sequence[int], patch: Sequence[int]) -> Any:
    """A patch (c, …) of an array (c, x, y, z); of a mapped one only its pages are read."""
    np = library("numpy")
    box = tuple(slice(at, at + side) for at, side in zip(begin, patch))
    return np.array(array[(slice(None),) + box])  # noqa: RUF005 (Python 3.8 unpacks nothing here)


def scaled(image: Any, scales: Sequence[Scale]) -> Any:
    """Intensities (c, x, y, z), each channel clipped, shifted and divided; float32."""
    np = library("numpy")
    low, high, mean, deviation = (np.array(of, np.float32).reshape(-1, 1, 1, 1) for of in zip(*scales))
    return (np.clip(image.astype(np.float32), low, high) - mean) / deviation


def padded(array: Any, patch: Sequence[int]) -> Any:
    """An array (c, x, y, z) with as many zeros on either side as the patch asks for."""
    np = library("numpy")
    missing = [max(0, side - size) for side, size in zip(patch, array.shape[1:])]
    return np.pad(array, [(0, 0), *((more // 2, more - more // 2) for more in missing)])


def augmentation(ranges: Mapping[str, Any]) -> Any:
    """MONAI's transforms of a sample: flips of both, noise, blur and brightness of the image."""
    monai = library("monai.transforms")
    both, image, sigma = ["image", "label"], ["image"], ranges["sigma"]
    return monai.Compose(
        [
            *(monai.RandFlipd(both, prob=ranges["flipped"], spatial_axis=axis) for axis in range(3)),
            monai.RandGaussianNoised(image, prob=ranges["noisy"], std=ranges["noise"]),
            monai.RandGaussianSmoothd(
                image, prob=ranges["smoothed"], sigma_x=sigma, sigma_y=sigma, sigma_z=sigma
            ),
            monai.RandScaleIntensityd(image, factors=ranges["scale"], prob=ranges["scaled"]),
        ]
    )


def picks(n: int, config: Mapping[str, Any], seed: int) -> Iterator[List[Pick]]:
    """What this process's micro-batches hold, without end.

    Draws are numbered through the whole training, in the order of its batches: the same samples come up
    whatever the number of processes.
    """
    done = 0
    for numbers in order.micro_batches(n, config, seed, "cpu"):
        yield [
            (number, (done + i) * ranks.world() + ranks.rank()) for i, number in enumerate(numbers.tolist())
        ]
        done += len(numbers)


def micro_batches(patches: Patches, workers: int, device: Any) -> Iterator[Tuple[Any, Any]]:
    """Batches of patches without end, made ahead by so many processes.

    Raises:
        WorkloadError: a volume could not be read.
    """
    torch = library("torch")
    loader = torch.utils.data.DataLoader(
        patches,
        batch_size=None,  # an item is a batch already
        sampler=picks(len(patches.volumes), patches.config, patches.seed),
        num_workers=workers,
        pin_memory=device.type == "cuda",
        generator=torch.Generator(),  # or it would draw from the model's
    )
    for batch in loader:
        if isinstance(batch, WorkloadError):
            raise batch
        yield tuple(batch)
