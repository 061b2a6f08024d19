"""The Decathlon's layout: read from headers alone, split the same everywhere, refused in one line."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from energyprof.workload import WorkloadError
from energyprof.workloads.data import decathlon
from fakes import decathlon as fake

np = pytest.importorskip("numpy")
nibabel = pytest.importorskip("nibabel")


@pytest.fixture
def folder(tmp_path):
    """Five cases of CT."""
    return fake.write(tmp_path / "blobs")


def refusal(folder: Path) -> str:
    """The line with which a data set is refused."""
    with pytest.raises(WorkloadError) as error:
        decathlon.read(folder)
    assert "\n" not in str(error.value)
    return str(error.value).replace(str(folder), "DATA")


def test_a_data_set_says_its_modalities_labels_and_cases(folder):
    data = decathlon.read(folder)
    assert data.name == "Blobs"
    assert data.modality == ("CT",)
    assert data.labels == ("background", "organ", "tumour")
    cases = {case.name: case for case in (*data.training, *data.validation)}
    assert sorted(cases) == [f"imagesTr/case_{number}.nii.gz" for number in range(5)]
    first = cases["imagesTr/case_0.nii.gz"]
    assert (first.shape, first.spacing_mm) == (fake.SIZES[0], (1.0, 1.0, 1.0))
    assert first.label == folder / "labelsTr/case_0.nii.gz"


def test_a_fifth_is_held_out_and_the_order_of_the_list_does_not_matter(folder):
    data = decathlon.read(folder)
    assert (len(data.training), len(data.validation)) == (4, 1)
    pairs = json.loads((folder / "dataset.json").read_text())["training"]
    fake.describe(folder, training=pairs[::-1])
    assert decathlon.read(folder) == data


def test_two_cases_are_one_to_train_and_one_to_validate(tmp_path):
    data = decathlon.read(fake.write(tmp_path, fake.SIZES[:2]))
    assert (len(data.training), len(data.validation)) == (1, 1)


def test_the_fingerprint_is_of_the_content_and_not_of_its_place(folder, tmp_path):
    once = decathlon.read(folder).fingerprint()
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    (moved / "imagesTs").mkdir()
    (moved / "imagesTs/unlabelled.nii.gz").write_bytes(b"not used")
    fake.describe(moved, description="better words")
    assert decathlon.read(moved).fingerprint() == once
    fake.save(moved / "imagesTr/case_3.nii.gz", np.zeros(fake.SIZES[3], np.int16))
    assert decathlon.read(moved).fingerprint() != once


@pytest.mark.parametrize("key", ["modality", "labels"])
def test_what_a_number_means_is_part_of_the_fingerprint(folder, key):
    once = decathlon.read(folder).fingerprint()
    fake.describe(folder, **{key: {"modality": {"0": "MRI"}, "labels": {"0": "a", "1": "b", "2": "c"}}[key]})
    assert decathlon.read(folder).fingerprint() != once


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("order", "<>")
def test_headers_of_every_kind_say_shape_and_spacing(tmp_path, kind, name, order):
    voxels = np.zeros((5, 6, 7, 2), np.int16)
    header = kind.header_class(endianness=order)
    nibabel.save(kind(voxels, np.diag([-0.5, 2.0, 3.0, 1.0]), header), tmp_path / name)
    assert decathlon.header(tmp_path / name) == ((5, 6, 7, 2), (0.5, 2.0, 3.0))


@pytest.mark.slow
def test_reading_needs_no_package(folder):
    code = (
        "import sys; from pathlib import Path; from energyprof.workloads.data import decathlon;"
        f"decathlon.read(Path({str(folder)!r})).fingerprint();"
        "sys.exit(bool({'numpy', 'nibabel', 'torch', 'monai'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_folder_that_is_not_there_is_named(tmp_path):
    assert (
        refusal(tmp_path / "none") == "DATA is not a folder: give --data the folder with dataset.json in it"
    )


def test_a_folder_without_its_list_is_named(tmp_path):
    assert refusal(tmp_path) == "DATA has no dataset.json: give --data the folder that does"


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe\x00", b"[1, 2]", b"null"])
def test_a_list_that_is_no_json_object_is_named(folder, content):
    (folder / "dataset.json").write_bytes(content)
    assert refusal(folder).startswith("DATA/dataset.json ")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"modality": None}, "has no object 'modality'"),
        ({"labels": None}, "has no object 'labels'"),
        ({"labels": ["background", "organ"]}, "has no object 'labels'"),
        ({"training": None}, "has no list 'training'"),
        ({"labels": {"background": 0, "organ": 1}}, "the keys of 'labels' are not"),
        ({"labels": {"0": "background", "2": "organ"}}, "the keys of 'labels' are not"),
        ({"labels": {"0": "background"}}, "1 labels: name the background"),
        ({"modality": {}}, "the keys of 'modality' are not"),
        ({"training": []}, "lists 0 labelled case(s): 2 are the fewest"),
        ({"training": [{"image": "a", "label": "b"}]}, "lists 1 labelled case(s): 2 are the fewest"),
        ({"training": [{"image": "a", "label": "b"}] * 2}, "lists an image twice"),
        ({"training": ["a", "b"]}, "does not name an image and a label: 'a'"),
        ({"training": [{"image": "a"}, {"image": "b"}]}, "does not name an image and a label"),
        ({"training": [{"image": "a", "label": 3}] * 2}, "does not name an image and a label"),
    ],
)
def test_a_list_that_does_not_hold_what_it_must_is_named(folder, changes, words):
    fake.describe(folder, **changes)
    line = refusal(folder)
    assert line.startswith("DATA/dataset.json")
    assert words in line


@pytest.mark.parametrize("name", ["imagesTr/case_1.nii.gz", "labelsTr/case_1.nii.gz"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "is not there, but dataset.json names it"),
        (b"", "cannot be read as NIfTI"),
        (b"\x1f\x8bnot packed", "cannot be read as NIfTI"),
        (gzip.compress(bytes(400), mtime=0)[:14], "cannot be read as NIfTI"),
        (gzip.compress(b"Hello " * 100, mtime=0), "is not a NIfTI file"),
        (gzip.compress(bytes(400), mtime=0), "is not a NIfTI file"),
    ],
    ids=["missing", "empty", "not packed", "cut short", "text", "zeros"],
)
def test_a_file_without_a_volume_is_named(folder, name, content, words):
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    line = refusal(folder)
    assert line.startswith(f"DATA/{name} ")
    assert words in line


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("labelsTr/case_2.nii.gz", (26, 30, 31), "has shape (26, 30, 31), its image (26, 30, 32)"),
        ("labelsTr/case_2.nii.gz", (26, 30, 32, 2), "has shape (26, 30, 32, 2), its image (26, 30, 32)"),
        ("imagesTr/case_2.nii.gz", (26, 30, 32, 2), "but dataset.json names 1 modality(s)"),
        ("imagesTr/case_2.nii.gz", (26, 30), "has shape (26, 30): a volume has three axes"),
    ],
)
def test_files_that_do_not_fit_together_are_named(folder, name, shape, words):
    fake.save(folder / name, np.zeros(shape, np.uint8))
    line = refusal(folder)
    assert line.startswith(f"DATA/{name} ")
    assert words in line


def test_axes_of_length_one_behind_the_third_do_not_count(folder):
    fake.save(folder / "imagesTr/case_2.nii.gz", np.zeros((*fake.SIZES[2], 1), np.uint8))
    assert len(decathlon.read(folder).training) == 4
