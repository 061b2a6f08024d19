"""Cases are decoded once, checked to the last voxel, and kept where every process finds them."""

from __future__ import annotations

import gzip
import threading
from pathlib import Path

import pytest

from energyprof.workload import WorkloadError
from energyprof.workloads.data import decathlon, volumes
from fakes import decathlon as fake
from fakes.installed import needs

pytestmark = pytest.mark.slow
np = pytest.importorskip("numpy")
pytest.importorskip("nibabel")
pytest.importorskip("torch")
needs("monai")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of one's own."""
    monkeypatch.setenv("ENERGYPROF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "volumes"


@pytest.fixture
def folder(tmp_path):
    """Two cases of CT."""
    return fake.write(tmp_path / "blobs", fake.SIZES[:2])


def decode(folder: Path, workers: int = 0, spacing_mm=None):
    """Every case of a data set, in order of name."""
    data = decathlon.read(folder)
    cases = sorted((*data.training, *data.validation), key=lambda case: case.name)
    config = {"modality": list(data.modality), "labels": list(data.labels), "spacing_mm": spacing_mm}
    return volumes.decoded(cases, config, workers)


def refusal(folder: Path, workers: int = 0) -> str:
    """The line with which decoding a data set ends."""
    with pytest.raises(WorkloadError) as error:
        decode(folder, workers)
    assert "\n" not in str(error.value)
    return str(error.value).replace(str(folder), "DATA")


def flip(path: Path, at: float) -> None:
    """Change one byte of a file, at that share of its length."""
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 0xFF
    path.write_bytes(bytes(content))


def test_ct_is_kept_in_hounsfield_units_and_labels_as_bytes(folder):
    first = decode(folder)[0]
    stored = volumes.voxels(folder / "imagesTr/case_0.nii.gz")
    assert first.image().shape == (1, *fake.SIZES[0])
    assert np.array_equal(first.image()[0], stored)
    assert first.label().dtype == np.uint8
    assert np.array_equal(first.label(), volumes.voxels(folder / "labelsTr/case_0.nii.gz"))


def test_anything_else_has_mean_0_and_deviation_1_in_each_channel(tmp_path):
    first = decode(fake.write(tmp_path / "mr", fake.SIZES[:2], modality=("T1", "T2")))[0]
    image = np.asarray(first.image(), np.float64)
    assert image.shape == (2, *fake.SIZES[0])
    for channel in image:
        assert channel.mean() == pytest.approx(0, abs=0.02)
        assert channel.std() == pytest.approx(1, abs=0.02)
    assert not np.allclose(image[0], image[1])


def test_scaled_and_unpacked_files_are_read_as_their_header_says(tmp_path):
    import nibabel

    image = nibabel.Nifti1Image(np.full((4, 4, 4), 8, np.int16), np.eye(4))
    image.header.set_slope_inter(0.5, 1)
    nibabel.save(image, tmp_path / "a.nii")
    assert np.unique(volumes.voxels(tmp_path / "a.nii")).tolist() == [5.0]  # 8 · 0.5 + 1
    raw = (tmp_path / "a.nii").read_bytes()
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(raw))
    assert np.array_equal(volumes.voxels(tmp_path / "b.nii.gz"), volumes.voxels(tmp_path / "a.nii"))


def test_cases_are_resampled_and_keep_their_labels(folder):
    whole, coarse = decode(folder)[0], decode(folder, spacing_mm=[2.0, 1.0, 2.0])[0]
    assert coarse.label().shape == (12, 28, 20)
    assert coarse.image().shape == (1, 12, 28, 20)
    for value in (1, 2):
        share = (whole.label() == value).mean()
        assert (coarse.label() == value).mean() == pytest.approx(share, rel=0.1)
    assert coarse.image()[0][coarse.label() == 2].mean() == pytest.approx(fake.TUMOUR, rel=0.2)


def test_places_are_voxels_of_their_class(folder):
    first = decode(folder)[0]
    places, label = first.places(), first.label()
    assert set(places[:, 0]) == {1, 2}
    assert np.array_equal(label[tuple(places[:, 1:].T)], places[:, 0])
    assert len(places) == (label > 0).sum()


def test_many_places_are_spread_over_their_class(folder, monkeypatch):
    monkeypatch.setattr(volumes, "PLACES", 50)
    places = decode(folder)[0].places()
    assert [(places[:, 0] == value).sum() for value in (1, 2)] == [50, 50]
    assert len(np.unique(places[places[:, 0] == 1][:, 1])) > 5


def test_ct_is_scaled_by_the_foreground_of_all_volumes(folder):
    both = decode(folder)
    shown = np.concatenate([v.image()[0][v.label() > 0].astype(np.float64) for v in both])
    ((low, high, mean, deviation),) = volumes.scales(both, ["CT"])
    assert (low, high) == pytest.approx(np.percentile(shown, (0.5, 99.5)), abs=1)
    assert (mean, deviation) == pytest.approx((shown.mean(), shown.std()), rel=0.01)


def test_what_was_scaled_alone_is_left_as_it_is(tmp_path):
    decoded = decode(fake.write(tmp_path / "mixed", fake.SIZES[:2], modality=("CT", "PET")))
    assert volumes.scales(decoded, ["CT", "PET"])[1][2:] == (0.0, 1.0)


def test_a_case_is_decoded_once_wherever_the_data_lie(folder, tmp_path, cache):
    once = decode(folder)
    written = {path: path.stat().st_mtime_ns for path in cache.rglob("*.npy")}
    assert len(written) == 8
    folder.rename(tmp_path / "elsewhere")
    assert decode(tmp_path / "elsewhere") == once
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.npy")} == written


@pytest.mark.parametrize("name", ["imagesTr/case_1.nii.gz", "labelsTr/case_1.nii.gz"])
def test_another_content_is_another_entry(folder, name):
    once = decode(folder)
    fake.save(folder / name, np.zeros(fake.SIZES[1], np.uint8))
    again = decode(folder)
    assert again[0] == once[0]
    assert again[1] != once[1]


def test_processes_beside_decode_the_same(folder, cache):
    beside = [np.array(volume.image()) for volume in decode(folder, workers=2)]
    for file in cache.rglob("*.npy"):
        file.unlink()
    for entry in cache.iterdir():
        entry.rmdir()
    assert all(np.array_equal(a, b.image()) for a, b in zip(beside, decode(folder), strict=True))


def test_runs_that_decode_at_the_same_time_do_not_meet(folder, cache):
    threads = [threading.Thread(target=decode, args=(folder,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(list(entry.iterdir())) for entry in cache.iterdir()) == [4, 4]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("name", ["imagesTr/case_1.nii.gz", "labelsTr/case_0.nii.gz"])
def test_a_flipped_byte_is_one_line_with_the_file(folder, name, workers):
    flip(folder / name, 0.7)
    line = refusal(folder, workers)
    assert line.startswith(f"DATA/{name} is broken (")
    assert line.endswith("replace it")


def test_a_file_that_is_cut_short_is_one_line(folder):
    path = folder / "imagesTr/case_0.nii.gz"
    path.write_bytes(path.read_bytes()[:-1000])
    assert refusal(folder).startswith("DATA/imagesTr/case_0.nii.gz is broken (")
    whole = fake.save(path, np.ones(fake.SIZES[0], np.int16)).read_bytes()
    path.write_bytes(gzip.compress(gzip.decompress(whole)[:-9]))
    assert refusal(folder).startswith("DATA/imagesTr/case_0.nii.gz is broken (")


@pytest.mark.parametrize(("value", "said"), [(3, "3"), (0.5, "0.5"), (-1, "-1")])
def test_a_label_that_nobody_named_is_one_line(folder, value, said):
    import nibabel

    label = np.zeros(fake.SIZES[0], np.float32)
    label[3, 3, 3] = value
    nibabel.save(nibabel.Nifti1Image(label, np.eye(4)), folder / "labelsTr/case_0.nii.gz")
    assert (
        refusal(folder) == f"DATA/labelsTr/case_0.nii.gz holds label {said}, which dataset.json does not name"
    )


def test_labels_may_be_stored_as_floats(folder):
    import nibabel

    label = volumes.voxels(folder / "labelsTr/case_0.nii.gz")
    nibabel.save(nibabel.Nifti1Image(label.astype(np.float32), np.eye(4)), folder / "labelsTr/case_0.nii.gz")
    assert np.array_equal(decode(folder)[0].label(), label)


def test_an_image_of_no_numbers_is_one_line(folder):
    import nibabel

    image = np.full(fake.SIZES[0], np.nan, np.float32)
    nibabel.save(nibabel.Nifti1Image(image, np.eye(4)), folder / "imagesTr/case_0.nii.gz")
    assert refusal(folder).startswith("DATA/imagesTr/case_0.nii.gz holds values that are not numbers")


def test_a_cache_that_cannot_be_written_is_one_line(folder, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ENERGYPROF_CACHE", str(tmp_path / "file"))
    assert "make room, or set ENERGYPROF_CACHE" in refusal(folder)


def test_a_broken_cache_says_what_to_delete(folder):
    first = decode(folder)[0]
    (first.folder / "image.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(WorkloadError, match=r"image\.npy is broken .*: delete the folder") as error:
        first.image()
    assert "\n" not in str(error.value)


def test_the_cache_lies_where_the_user_keeps_caches(monkeypatch, tmp_path):
    monkeypatch.delenv("ENERGYPROF_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert volumes.cache() == tmp_path / "energyprof" / "volumes"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert volumes.cache() == tmp_path / "home" / ".cache" / "energyprof" / "volumes"
