"""The user's labelled text: three kinds of files, folders of them, and what is wrong with others."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from energyprof.workload import WorkloadError
from energyprof.workloads.data import labelled_text
from fakes.labelled_text import rows, write_csv

ROWS = [('said "no", then\nleft', "bad"), ("caf\u00e9", "good"), ("fine", "good")]


def write(path, found):
    """A file of rows in the format that its ending names."""
    records = [{"text": text, "label": label, "id": 7} for text, label in found]
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["text", "label", "id"])
            writer.writeheader()
            writer.writerows(records)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(record) + "\n\n" for record in records), encoding="utf-8")
    else:
        pyarrow = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(pyarrow.Table.from_pylist(records), path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".parquet"])
def test_every_kind_of_file_gives_the_same_texts_and_labels(tmp_path, kind):
    assert list(labelled_text.items(write(tmp_path / ("rows" + kind), ROWS))) == ROWS


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".parquet"])
def test_whole_numbers_are_labels_too(tmp_path, kind):
    path = write(tmp_path / ("rows" + kind), [("a", 10), ("b", 9)])
    assert list(labelled_text.items(path)) == [("a", "10"), ("b", "9")]


def test_a_byte_order_mark_and_a_field_longer_than_csvs_own_limit_are_read(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("\ufefftext,label\n" + "long " * 50_000 + ",good\n", encoding="utf-8")
    [(text, label)] = labelled_text.items(path)
    assert (len(text), label) == (250_000, "good")


def test_a_tenth_of_a_single_file_is_held_out(tmp_path):
    found = labelled_text.own_corpus(str(write_csv(tmp_path / "rows.csv")), 1000)
    assert found.classes == ("bad", "good")
    assert len(found.training) + len(found.validation) == 400
    assert 20 <= len(found.validation) <= 60


def test_a_folder_names_what_is_held_out(tmp_path):
    write(tmp_path / "train.csv", rows(20))
    write(tmp_path / "validation.jsonl", rows(7, seed=1))
    found = labelled_text.own_corpus(str(tmp_path), 1000)
    assert (len(found.training), len(found.validation)) == (20, 7)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.csv", b"", "has no text to train on"),
        ("rows.csv", b"text,label\n", "has no text to train on"),
        ("rows.csv", b"sentence,label\na,good\n", r"row 1 has no column 'text', but sentence, label"),
        ("rows.csv", b"text,label\na,good\nb\n", "the label in row 2 is not a word or whole number"),
        ("rows.csv", b"text,label\n ,good\n", "has no text in row 1"),
        ("rows.csv", b"text,label\n\xff\xfe,good\n", r"cannot be read \('utf-8' codec"),
        ("rows.csv", b"text,label\n" + b"a,good\n" * 40, "has no text held out|has only the label"),
        ("rows.jsonl", b'{"text": "a", "label": 1}\n{"text"', r"cannot be read \(row 2 is not JSON"),
        ("rows.jsonl", b'["a", "b"]\n', "row 1 has no column 'text'"),
        ("rows.jsonl", b'{"text": "a", "label": 0.5}\n', "the label in row 1 is not a word or whole number"),
        ("rows.jsonl", b'{"text": ["a"], "label": 1}\n', "has no text in row 1"),
        ("rows.parquet", b"PAR1 it is not", "cannot be read"),
        ("rows.txt", b"a good", r"is not of a known kind: use a \.csv, \.jsonl or \.parquet file"),
    ],
)
def test_a_file_that_will_not_do_is_one_line_that_names_it(tmp_path, name, content, message):
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(WorkloadError, match=message) as error:
        labelled_text.own_corpus(str(path), 1000)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_parquet_file_without_the_columns_says_which_it_has(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    path = tmp_path / "rows.parquet"
    pytest.importorskip("pyarrow.parquet").write_table(pyarrow.table({"sentence": ["a"], "label": [1]}), path)
    with pytest.raises(WorkloadError, match="row 1 has no column 'text', but sentence, label"):
        labelled_text.own_corpus(str(path), 1000)


@pytest.mark.parametrize("files", [[], ["train.csv"], ["train.csv", "train.jsonl", "validation.csv"]])
def test_a_folder_without_one_file_for_each_part_is_one_line(tmp_path, files):
    for name in files:
        write(tmp_path / name, rows(4))
    with pytest.raises(WorkloadError, match="there must be one"):
        labelled_text.own_corpus(str(tmp_path), 1000)


def test_a_file_stands_in_the_plan_by_its_contents_and_a_name_by_itself(tmp_path):
    first, second = write_csv(tmp_path / "a.csv"), write_csv(tmp_path / "b.csv")
    assert labelled_text.described(str(first)) == labelled_text.described(str(second))
    assert labelled_text.described(str(first)).startswith("sha256:")
    assert labelled_text.described("someone/reviews") == "hub:someone/reviews"


@pytest.mark.parametrize("data", ["missing.csv", "./reviews", "a/b/c", "/no/where", ""])
def test_what_is_neither_there_nor_a_name_is_one_line(data):
    with pytest.raises(WorkloadError, match=r"is not there: give a \.csv, \.jsonl or \.parquet file"):
        labelled_text.described(data)


@pytest.mark.slow
def test_a_data_set_that_cannot_be_reached_is_one_line():
    pytest.importorskip("datasets")
    program = (
        "from energyprof.workloads.data import labelled_text; labelled_text.own_corpus('someone/reviews', 9)"
    )
    told = subprocess.run(  # a process of its own: the hub's library reads the variable when it is imported
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    assert told.stderr.splitlines()[-1].startswith(
        "energyprof.workload.WorkloadError: someone/reviews cannot be loaded"
    )
