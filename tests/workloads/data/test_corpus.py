"""Splitting labelled texts: by a hash, equal texts together, and never silently into nothing."""

import pytest

from energyprof.workload import WorkloadError
from energyprof.workloads.data import corpus

ITEMS = [(f"text {number}", ("even", "odd")[number % 2]) for number in range(1000)]


def test_a_tenth_is_held_out_by_the_text_alone():
    training, held_out = corpus.split(ITEMS)
    assert len(training) + len(held_out) == 1000
    assert len(held_out) == pytest.approx(100, abs=30)  # 3 standard deviations of a binomial
    assert corpus.split(reversed(ITEMS))[1] == held_out[::-1]
    assert {text for text, _ in held_out} == {text for text, _ in corpus.split(ITEMS + ITEMS)[1]}


def test_the_digest_of_a_text_is_fixed_forever():
    # another digest would be another split: the same data would silently become other work
    assert corpus.digest("text 0").startswith("822beb0d1729878a")


def test_a_text_that_is_no_unicode_has_a_digest():
    assert len(corpus.digest("\ud800")) == 64


def test_labels_become_places_among_the_classes():
    found = corpus.of("here", [("a", "no"), ("b", "yes")], [("c", "yes")], 10)
    assert found == corpus.Corpus(("no", "yes"), [("a", 0), ("b", 1)], [("c", 1)])


def test_whole_numbers_come_in_their_order_before_words():
    items = [(label, label) for label in ("10", "9", "-1", "ten")]
    assert corpus.of("here", items, items, 10).classes == ("-1", "9", "10", "ten")


def test_at_most_so_many_are_held_out_whatever_their_order():
    few = corpus.of("here", ITEMS, ITEMS, 7).validation
    assert len(few) == 7
    assert corpus.of("here", ITEMS, ITEMS[::-1], 7).validation == few


@pytest.mark.parametrize(
    ("items", "held_out", "message"),
    [
        ([], None, "here has no text to train on"),
        ([("a", "yes"), ("b", "no")], [], "here has no text held out"),
        ([("a", "yes")], [("b", "yes")], "here has only the label 'yes'"),
        ([("a", "yes"), ("b", "no")], [("c", "maybe")], "no text to train on has the label 'maybe'"),
    ],
)
def test_what_cannot_be_learnt_is_one_line(items, held_out, message):
    with pytest.raises(WorkloadError, match=message) as error:
        corpus.of("here", items, held_out, 10)
    assert "\n" not in str(error.value)
