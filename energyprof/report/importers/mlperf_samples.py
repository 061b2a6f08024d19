"""How many samples an MLPerf run had trained at each of its events.

``samples_count`` counts samples. ``epoch_num`` counts epochs in some submitters' logs and samples in
others', and
``train_samples`` samples or batches. Neither is believed by its name: it must agree with what else the log
says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from energyprof.report.importers.mllog import MllogEvent, number
from energyprof.storable.frozen import dataclass

# Benchmark → what its training set holds, in samples: MLPerf Training's rules and reference implementations.
DATASETS: Mapping[str, tuple[int, ...]] = {
    "bert": (156_725_653,),
    "dlrm": (4_195_197_692,),
    "dlrm_dcnv2": (4_195_197_692,),
    "llama2_70b_lora": (3_901,),
    "maskrcnn": (117_266, 118_287),
    "resnet": (1_281_167,),
    "retinanet": (1_170_301,),
    "ssd": (1_170_301, 117_266, 118_287),
    "stable_diffusion": (6_513_144,),
    "unet3d": (168,),
}
# Loaders drop the last batch, or fill it up.
SAME = 0.02

# Their reference convergence points are counted in these, whatever the key is called (the rcp_checker of
# mlperf-logging).
COUNTED_AS_EPOCHS = {"bert": "samples", "gpt3": "tokens"}


@dataclass(frozen=True)
class Counter:
    """The samples that were trained by an event, from what it says; ``None``: that does not tell."""

    per_epoch: int | None  # samples; 1: ``epoch_num`` counts samples; None: not known
    batch: int | None
    doubt: str = ""  # why ``epoch_num`` is not believed

    def __call__(self, event: MllogEvent) -> int | None:
        """The count at ``event``."""
        said = event.metadata
        if (count := number(said.get("samples_count"))) is not None:
            return _whole(count)
        epochs = next((n for key in ("epoch_num", "epoch") if (n := number(said.get(key))) is not None), None)
        if epochs is not None:
            return None if self.per_epoch is None else _whole(epochs * self.per_epoch)
        steps = number(said.get("step_num"))
        return None if steps is None or self.batch is None else _whole(steps * self.batch)


def counter(benchmark: str, events: Iterable[MllogEvent]) -> Counter:
    """How this log counts."""
    events = list(events)
    said = {
        key: _count(_last(events, key)) for key in ("train_samples", "samples_per_epoch", "global_batch_size")
    }
    batch = said["global_batch_size"]
    if benchmark in COUNTED_AS_EPOCHS:
        return Counter(1, batch)
    epochs = _epochs(events)
    per_epoch, doubt = _epoch_size(benchmark, said["train_samples"], said["samples_per_epoch"], batch)
    if not epochs:
        return Counter(per_epoch, batch)
    if per_epoch is None:
        return Counter(None, batch, doubt)
    if per_epoch > 1 and all(n % per_epoch == 0 for n in epochs):
        return Counter(1, batch)  # whole epochs of samples: epochs would come in steps of one
    if any(n > MOST_EPOCHS for n in epochs) and max(epochs) > per_epoch:
        return Counter(
            None,
            batch,
            f"its epoch_num goes to {max(epochs):g}, which is neither a number of epochs nor whole epochs of "
            f"{per_epoch} samples",
        )
    return Counter(per_epoch, batch)


# No benchmark takes as many: unet3d's slowest reference takes 4,000.
MOST_EPOCHS = 20_000


def _epoch_size(
    benchmark: str, train: int | None, stated: int | None, batch: int | None
) -> tuple[int | None, str]:
    """The samples of an epoch, as far as what the log says of them agrees; else why not."""
    known = DATASETS.get(benchmark, ())
    if stated is not None:
        sizes = [train, *([train * batch] if train and batch else [])]
        if train is not None and not any(size and _same(size, stated, batch) for size in sizes):
            return None, f"its samples_per_epoch is {stated}, its train_samples {train}: they disagree"
        if known and not any(_same(stated, size, batch) for size in known):
            return None, f"its samples_per_epoch is {stated}, {benchmark} has {known[0]} samples"
        return stated, ""
    if train is None:
        return None, "it says neither train_samples nor samples_per_epoch"
    if known:
        if any(_same(train, size, batch) for size in known):
            return train, ""
        if batch and any(_same(train * batch, size, batch) for size in known):
            return train * batch, ""
        return None, f"its train_samples are {train}, {benchmark} has {known[0]} samples"
    if batch and train < batch:
        return None, f"its train_samples are {train}, less than one batch of {batch}"
    return train, ""


def _epochs(events: Iterable[MllogEvent]) -> list[float]:
    """The numbers of epochs that the log counts in, as far as they are not nothing."""
    found = []
    for event in events:
        for key in ("epoch_num", "first_epoch_num", "epoch_count"):
            if (n := number(event.metadata.get(key))) is not None and n > 0:
                found.append(n)
    return found


def _same(count: int, size: int, batch: int | None) -> bool:
    return abs(count - size) <= max(SAME * size, batch if batch and batch < size else 0)


def _count(value: object) -> int | None:
    found = number(value)
    return None if found is None or not 0 < found < 1e15 else int(found)


def _whole(count: float) -> int | None:
    return round(count) if math.isfinite(count) and 0 <= count < 2**62 else None


def _last(events: Iterable[MllogEvent], key: str) -> object:
    return next((event.value for event in reversed(list(events)) if event.key == key), None)
