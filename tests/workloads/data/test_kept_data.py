"""Data kept decoded, plain or compressed, are what would be decoded each time, to the last bit."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
import numpy
import torch

from energyprof.workload import Plan, Settings, Target, WorkloadError
from energyprof.workloads.data import clips, image_folder, kept_data, patches, volumes
from energyprof.workloads.data.utterances import Utterance

pytestmark = pytest.mark.slow
KINDS = ("decoded", "zstd")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(volumes.CACHE, str(tmp_path / "cache"))


class Program:
    def __init__(self, training: Any) -> None:
        self.training = training


def kept(name: str, training: Any, kind: str) -> Any:
    program = Program(training)
    config = {"data_cache": kind}
    kept_data.prepared(program, Plan(name, "tiny", config, Target("x", 1.0, "max"), 8, Settings()))
    return program.training


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_come_back_as_they_were_and_leave_no_file(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("zstandard")
    store = kept_data.Store(kind == "zstd")
    arrays = [numpy.arange(n, dtype=dtype) for n, dtype in ((5, "int16"), (0, "uint8"), (7, "float32"))]
    numbers = [store.add(array) for array in arrays]
    for there in (store, pickle.loads(pickle.dumps(store))):
        for number, array in zip(numbers, arrays, strict=True):
            found = there.read(number)
            assert found.dtype == array.dtype
            assert numpy.array_equal(found, array)
    assert list((tmp_path / "cache").iterdir()) == []


def test_compressed_data_take_less_room() -> None:
    pytest.importorskip("zstandard")
    sizes = []
    for compress in (False, True):
        store = kept_data.Store(compress)
        store.add(numpy.zeros(10_000, dtype="int16"))
        sizes.append(store.bytes)
    assert sizes[0] == 20_000 > 100 * sizes[1]


def sounds(folder: Path) -> clips.OnDisk:
    soundfile = pytest.importorskip("soundfile")
    chance = numpy.random.default_rng(0)
    found = []
    for number, (hz, kind, subtype) in enumerate(
        [(16000, "flac", "PCM_16"), (8000, "flac", "PCM_16"), (16000, "wav", "FLOAT")]
    ):
        file = folder / f"{number}.{kind}"
        soundfile.write(file, chance.uniform(-1, 1, 400 + 10 * number), hz, subtype=subtype)
        found.append(Utterance(file, "one", "a"))
    return clips.on_disk(found, 16000, 0, False)


@pytest.mark.parametrize("kind", KINDS)
def test_kept_clips_sound_as_decoded_ones(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("zstandard")
    plain = sounds(tmp_path)
    made = kept("speech", plain, kind)
    for file in plain.files:
        file.unlink()  # nothing is decoded again
    assert (made.texts, made.speakers) == (plain.texts, plain.speakers)
    found = list(made.batches(iter([torch.tensor([0, 2]), torch.tensor([1])])))
    again = sounds(tmp_path)
    wanted = list(again.batches(iter([torch.tensor([0, 2]), torch.tensor([1])])))
    for one, other in zip(found, wanted, strict=True):
        assert all(map(torch.equal, one, other))


def test_a_clip_that_cannot_be_decoded_is_one_line(tmp_path: Path) -> None:
    plain = sounds(tmp_path)
    plain.files[1].write_bytes(b"no sound")
    with pytest.raises(WorkloadError, match=r"1\.flac is not a readable sound"):
        kept("speech", plain, "decoded")


@pytest.mark.parametrize("kind", KINDS)
def test_kept_images_are_cut_as_decoded_ones(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("zstandard")
    pillow = pytest.importorskip("PIL.Image")
    chance = numpy.random.default_rng(0)
    files = []
    for number, size in enumerate([(40, 30), (17, 23), (20, 20)]):
        files.append(tmp_path / f"{number}.png")
        pillow.fromarray(chance.integers(0, 255, (*size, 3), dtype="uint8")).save(files[-1])
    plain = image_folder.Squares(files, torch.zeros(3, 4), 16, 0, False)
    made = kept("diffusion", plain, kind)
    views = [(0.0, 0.0, 0.0), (0.9, 0.4, 0.99), (0.2, 0.999, 0.5)]
    pick = ([2, 0, 1], views)
    assert all(map(torch.equal, made[pick], plain[pick]))


def test_an_image_that_cannot_be_decoded_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    (tmp_path / "a.png").write_bytes(b"no image")
    plain = image_folder.Squares([tmp_path / "a.png"], torch.zeros(1, 4), 16, 0, False)
    with pytest.raises(WorkloadError, match=r"a\.png is not a readable image"):
        kept("diffusion", plain, "decoded")


def test_kept_volumes_give_the_same_patches(tmp_path: Path) -> None:
    pytest.importorskip("zstandard")
    chance = numpy.random.default_rng(0)
    folder = tmp_path / "case"
    folder.mkdir()
    numpy.save(folder / "image.npy", chance.normal(size=(2, 41, 9, 7)).astype("float16"))
    numpy.save(folder / "label.npy", chance.integers(0, 3, (41, 9, 7)).astype("uint8"))
    numpy.save(folder / "places.npy", numpy.array([[1, 40, 0, 0]], dtype="int32"))
    plain = volumes.Volume(folder)
    (made,) = kept("unet", [plain], "zstd")
    assert made.label().shape == plain.label().shape
    assert numpy.array_equal(made.places(), plain.places())
    for begin, patch in (((0, 0, 0), (41, 9, 7)), ((15, 2, 1), (3, 4, 5)), ((30, 0, 0), (16, 16, 16))):
        assert numpy.array_equal(
            patches.cut(made.image(), begin, patch), patches.cut(plain.image(), begin, patch)
        )
        assert numpy.array_equal(
            patches.cut(made.label()[None], begin, patch), patches.cut(plain.label()[None], begin, patch)
        )


def test_a_disk_that_does_not_take_them_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv(volumes.CACHE, str(tmp_path / "taken" / "deeper"))
    with pytest.raises(WorkloadError, match=r"cannot keep decoded data .* set ENERGYPROF_CACHE"):
        kept_data.Store(False)
