"""Sounds: read and resampled, sped up, put into rooms, and as spectrograms; broken files are one line."""

from __future__ import annotations

import math

import pytest

from energyprof.workload import WorkloadError
from energyprof.workloads.data import digits, mel, rooms, sound
from fakes import recordings

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")
soundfile = pytest.importorskip("soundfile")

FEATURES = {"rate_hz": 8000, "fft": 256, "window": 200, "hop": 80, "bands": 40, "low_hz": 60, "high_hz": 3900}
RANGES = {"rooms": 0.5, "rt60_s": [0.05, 0.4], "snr_db": [0.0, 20.0], "slope": [0.0, 1.0]}


def tone(hz, rate_hz=8000, seconds=0.5):
    return torch.sin(2 * math.pi * hz * torch.arange(round(seconds * rate_hz)) / rate_hz)


def crossings(wave, rate_hz):
    """Zero crossings a second."""
    return int((wave[1:] * wave[:-1] < 0).sum()) * rate_hz / len(wave)


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg"])
def test_every_kind_is_one_channel_at_the_wanted_rate(tmp_path, kind):
    file = recordings.sound(tmp_path / f"a.{kind}", "nnnnnnnn", 16000, channels=2)
    wave = sound.read(file, 8000)
    assert wave.dtype == torch.float32
    assert abs(len(wave) - sound.length(file, 8000)) <= 1
    assert len(wave) == pytest.approx(0.64 * 8000, rel=0.2)
    assert crossings(wave[500:-1500], 8000) == pytest.approx(2 * (300 + 40 * 14), rel=0.05)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(8000, 16000), (44100, 16000), (48000, 8000)])
def test_a_tone_stays_itself_at_another_rate(from_hz, to_hz):
    found = torch.from_numpy(sound.resampled(tone(440, from_hz).numpy(), from_hz, to_hz))
    expected = tone(440, to_hz)
    assert len(found) == len(expected)
    middle = slice(to_hz // 20, -to_hz // 20)
    assert torch.allclose(found[middle], expected[middle], atol=0.02)


def test_what_the_lower_rate_cannot_hold_is_gone():
    found = sound.resampled(tone(7000, 16000).numpy(), 16000, 8000)
    assert abs(found[400:-400]).max() < 0.02


def test_what_is_no_sound_is_one_line(tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8000)
    soundfile.write(tmp_path / "nan.wav", np.full(800, np.nan, "float32"), 8000, subtype="FLOAT")
    for name, said, read in (
        ("text.wav", "is not a readable sound", sound.length),
        ("gone.flac", "is not a readable sound", sound.read),
        ("empty.wav", "holds no sound", sound.length),
        ("nan.wav", "not numbers", sound.read),
    ):
        with pytest.raises(WorkloadError, match=said) as error:
            read(tmp_path / name, 8000)
        assert "\n" not in str(error.value) and name in str(error.value)


def test_a_file_that_was_cut_off_is_refused(tmp_path):
    file = recordings.sound(tmp_path / "a.flac", "nonono", 16000)
    file.write_bytes(file.read_bytes()[:-4000])
    with pytest.raises(WorkloadError, match=r"a\.flac"):
        sound.read(file, 16000)


def test_twice_as_fast_is_half_as_long_and_an_octave_higher():
    waves = torch.stack([tone(200), tone(200)])
    waves[1, 2000:] = 0
    found, lengths = rooms.respeeded(waves, torch.tensor([4000, 2000]), torch.tensor([2.0, 1.0]))
    assert lengths.tolist() == [2000, 2000]
    assert found.shape == (2, 2000)
    assert torch.allclose(found[0, :1990], tone(400)[:1990], atol=0.02)
    assert torch.equal(found[1], waves[1, :2000])


def test_rooms_and_noise_keep_to_the_clip_and_to_their_ratio():
    waves = torch.stack([tone(300), tone(500)])
    waves[1, 2000:] = 0
    lengths = torch.tensor([4000, 2000])
    dry = {**RANGES, "rooms": 0.0, "snr_db": [10.0, 10.0]}
    found = rooms.heard(waves, lengths, 8000, dry, torch.Generator().manual_seed(1))
    assert found[1, 2000:].abs().max() == 0
    noise = found - waves
    for row in (0, 1):
        ratio_db = 20 * torch.log10(waves[row].norm() / noise[row].norm())
        assert float(ratio_db) == pytest.approx(10, abs=0.1)


def test_a_room_lets_a_click_ring_and_none_leaves_it():
    waves = torch.zeros(64, 4000)
    waves[:, 100] = 1.0
    still = {**RANGES, "snr_db": [200.0, 200.0]}
    found = rooms.heard(waves, torch.full((64,), 4000), 8000, still, torch.Generator().manual_seed(0))
    rings = (found[:, 110:].abs().amax(dim=1) > 1e-3).sum()
    assert 20 < int(rings) < 44  # half of them
    assert torch.allclose(found[:, 100], torch.ones(64), atol=1e-3)
    assert found[:, :100].abs().max() < 1e-4


def test_the_same_generator_gives_the_same_rooms():
    waves, lengths = torch.stack([tone(300)]), torch.tensor([4000])
    one, two, other = (
        rooms.heard(waves, lengths, 8000, RANGES, torch.Generator().manual_seed(s)) for s in (1, 1, 2)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_a_tone_is_loudest_in_the_band_around_it():
    filters = mel.filters(FEATURES)
    assert filters.shape == (40, 129)
    assert (filters.sum(dim=1) > 0).all()
    for hz in (300, 1000, 3000):
        spectrum = mel.log_mel(torch.stack([tone(hz), tone(hz + 400)]), torch.tensor([4000, 4000]), FEATURES)
        assert spectrum.shape == (2, mel.frames(4000, FEATURES), 40)
    bin_of = [int(filters[:, round(hz / 8000 * 256)].argmax()) for hz in (300, 1000, 3000)]
    assert bin_of == sorted(bin_of)


def test_spectrograms_are_normalised_over_the_clip_and_padding_changes_none():
    wave = tone(500, seconds=0.3) + 0.1 * torch.randn(2400, generator=torch.Generator().manual_seed(0))
    long = torch.nn.functional.pad(wave, (0, 1600))
    lengths = torch.tensor([2400])
    short = mel.log_mel(wave[None], lengths, FEATURES)
    padded = mel.log_mel(long[None], lengths, FEATURES)
    frames = mel.frames(2400, FEATURES)
    assert torch.allclose(short[:, :frames], padded[:, :frames], atol=1e-4)
    assert padded[:, frames:].abs().max() == 0
    assert torch.allclose(short.mean(dim=1), torch.zeros(1, 40), atol=1e-4)
    assert float(short.std()) == pytest.approx(1, abs=0.02)


def test_the_packaged_digits_are_what_they_are_said_to_be():
    trained, held_out = digits.part("train"), digits.part("validation")
    assert (len(trained.texts), len(held_out.texts)) == (960, 256)
    assert (len(set(trained.speakers)), len(set(held_out.speakers))) == (48, 16)
    assert not set(trained.speakers) & set(held_out.speakers)
    # No variant of a voice is on both sides, nor its kin: gene and gene2.
    kin = [{name.partition("+")[2].lower() for name in part.speakers} for part in (trained, held_out)]
    stems = [{n if len(n.rstrip("0123456789")) < 2 else n.rstrip("0123456789") for n in part} for part in kin]
    assert not stems[0] & stems[1]
    accents = [name.partition("+")[0] for name in trained.speakers]
    assert {accents.count(accent) for accent in set(accents)} == {120}
    words = {word for text in trained.texts + held_out.texts for word in text.split()}
    assert len(words) == 10
    assert list(trained.texts) == digits.texts()
    assert all(2500 < len(wave) < 25000 and wave.abs().max() > 100 for wave in trained.sounds)


def test_a_changed_corpus_is_not_trained_on(tmp_path, monkeypatch):
    for name in digits.SHA256:
        (tmp_path / name).write_bytes((digits.FOLDER / name).read_bytes() + b" ")
    monkeypatch.setattr(digits, "FOLDER", tmp_path)
    with pytest.raises(WorkloadError, match="install energyprof anew"):
        digits.check()
