"""The user's recordings: three layouts, who is held out, and one line on whatever is wrong."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from energyprof.workload import WorkloadError
from energyprof.workloads.data import unforeseen, voices
from energyprof.workloads.data.utterances import normalised
from fakes import recordings

pytest.importorskip("soundfile")
MOST = 1000


def speakers(part):
    return {one.speaker for one in part}


def refusal(folder: Path) -> str:
    with pytest.raises(WorkloadError) as error:
        voices.read(folder, MOST)
    assert "\n" not in str(error.value)
    return str(error.value).replace(str(folder), "DATA")


@pytest.mark.parametrize(
    ("said", "scored"),
    [
        ("Hello, World!", "hello world"),
        ("don’t  'quote' it", "don't quote it"),
        ("ÉTÉ — à la “mode”", "été à la mode"),
        ("ﬁve 42%", "five 42"),
        ("«…»", ""),
        ("日本語", "日本語"),
    ],
)
def test_words_alone_are_scored(said, scored):
    assert normalised(said) == scored


def test_a_tenth_of_the_speakers_is_held_out_wherever_the_folder_lies(tmp_path):
    folder = recordings.metadata(tmp_path / "a", speakers=20)
    trained, held_out = voices.read(folder, MOST)
    assert (len(speakers(trained)), len(speakers(held_out))) == (18, 2)
    assert not speakers(trained) & speakers(held_out)
    lines = (folder / "metadata.jsonl").read_text().splitlines()
    (folder / "metadata.jsonl").write_text("\n\n".join(reversed(lines)))
    moved = folder.rename(tmp_path / "b")
    assert speakers(voices.read(moved, MOST)[1]) == speakers(held_out)


def test_without_speakers_each_file_counts_as_one(tmp_path):
    folder = recordings.metadata(tmp_path)
    lines = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]
    for line in lines:
        del line["speaker"]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    trained, held_out = voices.read(folder, MOST)
    assert (len(trained), len(held_out)) == (33, 3)


@pytest.mark.slow
def test_most_bounds_what_is_held_out(tmp_path):
    folder = recordings.metadata(tmp_path, speakers=40)
    whole, some = (voices.read(folder, most)[1] for most in (MOST, 5))
    assert (len(whole), len(some)) == (12, 5)
    assert set(some) < set(whole)


def test_librispeech_holds_out_its_dev_subsets(tmp_path):
    folder = recordings.librispeech(tmp_path, train_clean=3, dev_clean=2, test_clean=2)
    trained, held_out = voices.read(folder, MOST)
    assert (len(trained), len(held_out)) == (9, 6)
    assert speakers(held_out) == {"2100", "2101"}
    assert trained[0].text == "no"
    assert trained[0].file.name == "1100-7-0000.flac"


@pytest.mark.parametrize("given", [".", "dev-clean"])
def test_a_single_librispeech_subset_is_split_by_reader(tmp_path, given):
    recordings.librispeech(tmp_path, dev_clean=10)
    trained, held_out = voices.read(tmp_path / given, MOST)
    assert (len(speakers(trained)), len(speakers(held_out))) == (9, 1)


@pytest.mark.slow
def test_common_voice_holds_out_dev_or_a_tenth_of_the_validated_speakers(tmp_path):
    folder = recordings.common_voice(tmp_path / "a", train=3, dev=2, test=1)
    trained, held_out = voices.read(folder, MOST)
    assert (len(trained), len(held_out)) == (9, 6)
    assert {one.file.suffix for one in trained} == {".mp3"}
    trained, held_out = voices.read(recordings.common_voice(tmp_path / "b", validated=10), MOST)
    assert (len(speakers(trained)), len(speakers(held_out))) == (9, 1)


@pytest.mark.slow
def test_an_old_common_voice_has_other_columns_and_names_without_an_ending(tmp_path):
    folder = recordings.common_voice(tmp_path, validated=10)
    rows = (folder / "validated.tsv").read_text().splitlines()
    old = ["\t".join(line.split("\t")[i] for i in (0, 1, 3)).replace(".mp3", "") for line in rows]
    (folder / "validated.tsv").write_text("\n".join(old) + "\n")
    assert len(voices.read(folder, MOST)[0]) == 27


def test_quotes_in_common_voice_are_letters(tmp_path):
    folder = recordings.common_voice(tmp_path, validated=2)
    table = folder / "validated.tsv"
    table.write_text(table.read_text().replace("Oh no!", '"Oh no'))
    trained, held_out = voices.read(folder, MOST)
    assert len(trained) + len(held_out) == 6


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "DATA/metadata.jsonl, line 2 is not JSON: write"),
        ("[]", "DATA/metadata.jsonl, line 2 has no file_name: write"),
        ('{"file_name": "clips/100-7-0000.wav"}', "line 2 has no text: write"),
        ('{"file_name": "clips/100-7-0000.wav", "text": "…"}', "line 2 says nothing: write"),
        ('{"file_name": "no.wav", "text": "a"}', "line 2: there is no DATA/no.wav: correct it"),
        ('{"file_name": "../a.wav", "text": "a"}', "line 2: ../a.wav lies outside the folder: move it"),
        ('{"file_name": "/a.wav", "text": "a"}', "line 2: /a.wav lies outside the folder: move it"),
        ('{"file_name": "clips/100-7-0000.wav", "text": "a", "speaker": []}', "line 2: the speaker is not a"),
    ],
)
def test_a_broken_line_is_named(tmp_path, line, said):
    folder = recordings.metadata(tmp_path)
    lines = (folder / "metadata.jsonl").read_text().splitlines()
    (folder / "metadata.jsonl").write_text("\n".join([lines[0], line, *lines[1:]]))
    assert said in refusal(folder)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("client_id", "client", "DATA/validated.tsv has no column 'client_id'"),
        ("validated100\tvalidated100-7-0000.mp3", "\tvalidated100-7-0000.mp3", "line 2 has no client_id"),
        ("validated100-7-0000.mp3", "gone.mp3", "line 2: there is no DATA/clips/gone.mp3"),
        ("\tNo.\t", "\t-\t", "line 2 says nothing"),
    ],
)
def test_a_broken_row_of_common_voice_is_named(tmp_path, before, after, said):
    folder = recordings.common_voice(tmp_path, validated=3)
    table = folder / "validated.tsv"
    text = table.read_text()
    assert before in text
    text = text.replace(before, after, 1)
    table.write_text(text)
    assert said in refusal(folder)


def test_a_short_row_of_common_voice_is_named(tmp_path):
    table = recordings.common_voice(tmp_path, validated=3) / "validated.tsv"
    head, row, *others = table.read_text().split("\n")
    table.write_text("\n".join([head, "\t".join(row.split("\t")[:2]), *others]))
    assert refusal(tmp_path).startswith("DATA/validated.tsv, line 2 has 2 columns of 13: correct it")


def test_a_transcript_without_its_sound_or_words_is_named(tmp_path):
    folder = recordings.librispeech(tmp_path, dev_clean=3)
    file = folder / "dev-clean" / "1101" / "7" / "1101-7.trans.txt"
    lines = file.read_text().splitlines()
    for broken, said in (("1101-7-0009 NO", "there is no DATA/dev-clean"), ("1101-7-0001", "says nothing")):
        file.write_text("\n".join([lines[0], broken]) + "\n")
        assert said in refusal(folder)
        assert "line 2" in refusal(folder)


def test_other_folders_one_speaker_and_what_is_not_text_are_one_line(tmp_path):
    assert refusal(tmp_path / "no").startswith("DATA is no folder: give one with metadata.jsonl")
    assert refusal(tmp_path).startswith("DATA holds no recordings that are known")
    folder = recordings.metadata(tmp_path / "one", speakers=1)
    assert refusal(folder).startswith("DATA has 1 speaker(s): one must be held out")
    (folder / "metadata.jsonl").write_bytes(b"\xff\xfe{")
    assert refusal(folder) == "DATA/metadata.jsonl is not UTF-8 text: rewrite it"
    (folder / "metadata.jsonl").write_text("")
    assert refusal(folder).startswith("DATA has 0 speaker(s)")


def _deep(folder):
    (recordings.metadata(folder) / "metadata.jsonl").write_text("[" * 100_000)


def _named_at_length(folder):
    line = {"file_name": "a" * 5000 + ".flac", "text": "a"}
    (recordings.metadata(folder) / "metadata.jsonl").write_text(json.dumps(line))


def _wide(folder):
    table = recordings.common_voice(folder, validated=3) / "validated.tsv"
    table.write_text(table.read_text() + "a " * 100_000)


@pytest.fixture
def as_it_comes():
    """The limit of the whole interpreter, which other libraries lift, is Python's own."""
    before = csv.field_size_limit(131072)
    yield
    csv.field_size_limit(before)


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (_deep, "a file cannot be read (maximum recursion depth exceeded"),
        (_named_at_length, "aaa… cannot be read (File name too long): check it"),
        (_wide, "a file cannot be read (field larger than field limit (131072)): check it"),
    ],
)
def test_what_pythons_own_readers_do_not_take_is_one_line(tmp_path, break_it, said, as_it_comes):
    break_it(tmp_path)
    with pytest.raises(WorkloadError) as error, unforeseen.one_line("DATA"):
        voices.read(tmp_path, MOST)
    assert str(error.value).startswith("--data DATA: ") and said in str(error.value)
    assert len(str(error.value).splitlines()) == 1 and len(str(error.value)) < 250


def test_without_data_of_the_users_an_error_stays_itself():
    with pytest.raises(OSError, match="gone"), unforeseen.one_line(None):
        raise OSError("gone")
