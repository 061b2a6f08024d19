"""The user's image folder: any image becomes a square; whatever is wrong is one line that names the file."""

from __future__ import annotations

import json

import pytest

from energyprof.workload import WorkloadError
from energyprof.workloads.data import image_folder
from fakes import images

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")

SIDE = 16
MIDDLE = (0.0, 0.5, 0.5)  # not mirrored, halfway from top and left


@pytest.fixture
def folder(tmp_path):
    """24 images with captions."""
    return images.write(tmp_path / "images")


def refusal(folder) -> str:
    """The line with which reading a folder ends."""
    with pytest.raises(WorkloadError) as error:
        image_folder.read(folder)
    assert "\n" not in str(error.value)
    return str(error.value).replace(str(folder), "DATA")


def squares(files, workers=0):
    """The files as a source of batches; image n has the token n."""
    tokens = torch.arange(len(files)).view(-1, 1)
    return image_folder.Squares(list(files), tokens, SIDE, workers, False)


def batches(source, *picks):
    """What comes of these picks of images, seen as they are."""
    plain = [(torch.tensor(pick), torch.tensor([MIDDLE] * len(pick))) for pick in picks]
    return list(source.batches(iter(plain)))


def test_a_tenth_of_the_images_is_held_out_always_the_same(folder):
    training, held_out = image_folder.read(folder)
    assert (len(training), len(held_out)) == (22, 2)
    assert {path for path, _ in training}.isdisjoint(path for path, _ in held_out)
    assert image_folder.read(folder) == (training, held_out)


def test_who_is_held_out_depends_neither_on_order_nor_on_place(folder, tmp_path):
    names = {path.name for path, _ in image_folder.read(folder)[1]}
    metadata = folder / "metadata.jsonl"
    lines = metadata.read_text().splitlines()
    metadata.write_text("\n\n".join(reversed(lines)))
    moved = folder.rename(tmp_path / "elsewhere")
    assert {path.name for path, _ in image_folder.read(moved)[1]} == names


def test_every_caption_stays_with_its_image(folder):
    lines = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]
    told = {line["file_name"]: line["text"] for line in lines}
    found = [pair for part in image_folder.read(folder) for pair in part]
    assert {path.name: caption for path, caption in found} == told


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "DATA/metadata.jsonl, line 2 is not JSON"),
        ("[1]", "DATA/metadata.jsonl, line 2 has no file_name"),
        ('{"text": "a"}', "DATA/metadata.jsonl, line 2 has no file_name"),
        ('{"file_name": "0.jpg"}', "DATA/metadata.jsonl, line 2 has no text"),
        ('{"file_name": "0.jpg", "text": 3}', "DATA/metadata.jsonl, line 2 has no text"),
        ('{"file_name": "gone.png", "text": "a"}', "DATA/metadata.jsonl, line 2: there is no DATA/gone.png"),
        ('{"file_name": "../a.png", "text": "a"}', "line 2: ../a.png lies outside the folder"),
    ],
)
def test_a_broken_line_is_named(folder, line, said):
    metadata = folder / "metadata.jsonl"
    first, *rest = metadata.read_text().splitlines()
    metadata.write_text("\n".join([first, line, *rest]))
    assert said in refusal(folder)


def test_a_folder_without_metadata_or_images_is_refused(tmp_path):
    assert refusal(tmp_path).startswith("DATA has no metadata.jsonl")
    (tmp_path / "metadata.jsonl").write_text("\n")
    assert refusal(tmp_path).startswith("DATA/metadata.jsonl lists 0 image(s)")
    (tmp_path / "metadata.jsonl").write_bytes(b"\xff\xfe\x00")
    assert refusal(tmp_path).startswith("DATA/metadata.jsonl is not UTF-8 text")
    assert "metadata.jsonl" in refusal(tmp_path / "metadata.jsonl")


@pytest.mark.parametrize("size", [(40, 60), (61, 40), (8, 9), (16, 16), (300, 5)])
def test_the_middle_of_an_image_fills_the_square(tmp_path, size):
    image = Image.new("RGB", size, (10, 20, 30))
    middle = [length // 2 for length in size]
    image.putpixel(tuple(middle), (10, 20, 30))
    image.save(tmp_path / "a.png")
    found = image_folder.square(tmp_path / "a.png", SIDE, *MIDDLE)
    assert found.shape == (3, SIDE, SIDE)
    assert found.dtype == torch.uint8
    assert found.flatten(1).tolist() == [[value] * SIDE * SIDE for value in (10, 20, 30)]


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ((0.0, 0.5, 0.5), range(16, 48)),
        ((0.0, 0.0, 0.0), range(32)),
        ((0.0, 0.999, 0.999), range(32, 64)),
        ((0.5, 0.0, 0.0), range(31, -1, -1)),
    ],
)
def test_a_view_says_where_the_square_lies_and_whether_it_is_mirrored(tmp_path, view, expected):
    ramp = np.tile(np.arange(64, dtype=np.uint8), (32, 1))
    Image.fromarray(ramp).save(tmp_path / "a.png")
    assert image_folder.square(tmp_path / "a.png", 32, *view)[0, 0].tolist() == list(expected)


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("L", 77, [77, 77, 77]),
        ("1", 1, [255, 255, 255]),
        ("RGBA", (1, 2, 3, 200), [1, 2, 3]),
        ("P", 0, [0, 0, 0]),
        ("I;16", 40 * 256 + 5, [40, 40, 40]),
    ],
)
def test_any_mode_becomes_rgb(tmp_path, mode, colour, expected):
    Image.new(mode, (20, 20), colour).save(tmp_path / "a.png")
    assert image_folder.square(tmp_path / "a.png", SIDE, *MIDDLE)[:, 3, 3].tolist() == expected


def test_a_photo_taken_sideways_is_turned_upright(tmp_path):
    image = Image.new("L", (32, 32))
    image.paste(200, (0, 0, 16, 32))
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: to be turned by 90° clockwise
    image.save(tmp_path / "a.png", exif=exif)
    found = image_folder.square(tmp_path / "a.png", SIDE, *MIDDLE)[0]
    assert found[0].tolist() == [200] * SIDE
    assert found[-1].tolist() == [0] * SIDE


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_come_in_order_whatever_the_workers(folder, workers):
    files = [path for path, _ in image_folder.read(folder)[0]]
    found = batches(squares(files, workers), [3, 1], [5], [0, 2])
    assert [tokens.flatten().tolist() for _, tokens in found] == [[3, 1], [5], [0, 2]]
    for (batch, _), pick in zip(found, ([3, 1], [5], [0, 2]), strict=True):
        assert torch.equal(batch, torch.stack([image_folder.square(files[n], SIDE, *MIDDLE) for n in pick]))


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("content", [b"", b"no image", None], ids=["empty", "text", "cut off"])
def test_a_broken_image_is_one_line_that_names_it(folder, workers, content):
    files = [path for path, _ in image_folder.read(folder)[0]]
    broken = files[2]
    broken.write_bytes(broken.read_bytes()[:-40] if content is None else content)
    with pytest.raises(WorkloadError) as error:
        batches(squares(files, workers), [0], [1, 2])
    assert str(error.value).startswith(f"{broken} is not a readable image (")
    assert "\n" not in str(error.value)
