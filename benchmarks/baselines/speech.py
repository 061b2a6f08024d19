"""What recognises the digits without a network: one answer for all, the most alike clip, and regressions.

Each method hears what the network hears: the training clips in rooms and noise, drawn ``COPIES`` times, and
its own validation set; and answers in whole words, of which the network knows nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from energyprof.workload import Settings, WorkloadError
from energyprof.workloads import recognition, speech
from energyprof.workloads.data import digits

COPIES = 6  # of each training clip; the network has seen as many when it reaches its target
SLOTS = 24  # a clip is stretched to
CEPSTRA = 13  # of each frame: the smooth part of its spectrum
PLACES = 5  # words in the longest clip
NEAR = 40  # clips that are compared more closely
REGULARISATION = (0.003, 0.03)  # scikit-learn's C; the best of them on the validation set counts


def trivial_scores(config: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The methods that need no network, by name, and their word error rates on the validation set."""
    import numpy

    if config["data"] != digits.NAME:
        raise WorkloadError("only the packaged digits have baselines: leave out --data")
    plan = speech.plan(Settings(device="cpu"))
    workload = recognition.Recognition(replace(plan, config=config))
    workload.prepare()
    known, known_texts = heard(workload)
    new, texts = held_out(workload)
    yield "one answer for all", min(errors([answer] * len(texts), texts) for answer in constants())
    for name, features in (("averaged over time", averaged), (f"in {SLOTS} slots", stretched)):
        mine, theirs = (numpy.stack([features(clip) for clip in clips]) for clips in (known, new))
        yield f"most alike clip, {name}", errors(nearest(mine, known_texts, theirs), texts)
        yield f"regression for each place, {name}", regression(mine, known_texts, theirs, texts)
    found = warped(known, mine, known_texts, new, theirs)
    yield f"most alike of the {NEAR} nearest, warped in time", errors(found, texts)


def heard(workload: recognition.Recognition) -> tuple[list[Any], list[str]]:
    """Cepstra (frames, CEPSTRA) of the training clips, each ``COPIES`` times in rooms and noise; texts."""
    symbols = workload.recogniser.symbols
    clips, texts = [], []
    wanted = COPIES * len(workload.training.texts)
    for spectra, _, spelling, counts in workload.batches(0):
        for spectrum, letters, count in zip(spectra, spelling.tolist(), counts.tolist(), strict=True):
            clips.append(cepstra(spectrum.numpy()))
            texts.append("".join(symbols[letter] for letter in letters[:count]))
        if len(clips) >= wanted:
            return clips, texts
    raise AssertionError("batches have no end")


def held_out(workload: recognition.Recognition) -> tuple[list[Any], list[str]]:
    """The same of the validation set."""
    clips = [cepstra(spectrum.numpy()) for spectra, _, _ in workload.validation for spectrum in spectra]
    return clips, [text for _, _, texts in workload.validation for text in texts]


def cepstra(spectrum: Any) -> Any:
    """Cosine transform of each frame of a log-mel spectrogram (frames, bands) less its padding of zeros."""
    from scipy.fft import dct

    spoken = spectrum[: int(abs(spectrum).sum(axis=1).nonzero()[0][-1]) + 1]
    return dct(spoken, axis=1, norm="ortho")[:, :CEPSTRA]


def averaged(clip: Any) -> Any:
    """Mean and deviation of each cepstrum over the clip, and its length."""
    import numpy

    return numpy.concatenate([clip.mean(axis=0), clip.std(axis=0), [len(clip) / 100]])


def stretched(clip: Any) -> Any:
    """The clip at ``SLOTS`` places evenly apart, and its length."""
    import numpy

    edges = numpy.linspace(0, len(clip), SLOTS + 1).astype(int)
    slots = [clip[a : max(b, a + 1)].mean(axis=0) for a, b in itertools.pairwise(edges)]
    return numpy.concatenate([*slots, [len(clip) / 100]])


def constants() -> Iterator[str]:
    """Each digit three to five times."""
    for word in ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"):
        for count in range(3, PLACES + 1):
            yield " ".join([word] * count)


def nearest(known: Any, texts: list[str], new: Any) -> list[str]:
    """Of each new clip the text of the known one at the least distance."""
    return [texts[int(row[0])] for row in order(known, new)]


def order(known: Any, new: Any) -> Any:
    """Of each new clip the known ones, nearest first (m, n)."""
    spread = known.std(axis=0) + 1e-6
    known, new = known / spread, new / spread
    apart = (new**2).sum(axis=1)[:, None] - 2 * new @ known.T + (known**2).sum(axis=1)[None, :]
    return apart.argsort(axis=1)


def warped(known: list[Any], known_slots: Any, texts: list[str], new: list[Any], new_slots: Any) -> list[str]:
    """Of each new clip the text of that of the ``NEAR`` nearest which is at the least warped distance."""
    found = []
    for clip, row in zip(new, order(known_slots, new_slots), strict=True):
        near = [int(i) for i in row[:NEAR]]
        found.append(texts[min(near, key=lambda i: warped_distance(clip[::2], known[i][::2]))])
    return found


def warped_distance(a: Any, b: Any) -> float:
    """Dynamic time warping of (frames, CEPSTRA) each, by the length of both: Sakoe and Chiba, 1978."""
    import numpy

    apart = numpy.sqrt(((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2))
    before = numpy.concatenate([[0.0], numpy.full(len(b), numpy.inf)])
    for row in apart.tolist():
        line, last = [numpy.inf], numpy.inf
        for j, cost in enumerate(row):
            last = cost + min(last, before[j + 1], before[j])
            line.append(last)
        before = line
    return float(before[-1]) / (len(a) + len(b))


def regression(known: Any, known_texts: list[str], new: Any, texts: list[str]) -> float:
    """Word error rate of a logistic regression for each place, which says a word or that there is none."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scale = StandardScaler().fit(known)
    known, new = scale.transform(known), scale.transform(new)
    rates = []
    for c in REGULARISATION:
        said: list[list[str]] = [[] for _ in texts]
        for place in range(PLACES):
            wanted = [(text.split() + [""] * PLACES)[place] for text in known_texts]
            if len(set(wanted)) > 1:
                found = LogisticRegression(C=c, max_iter=300).fit(known, wanted).predict(new)
            else:
                found = wanted[:1] * len(texts)
            for words, word in zip(said, found, strict=True):
                words.append(str(word))
        rates.append(errors([" ".join(filter(None, words)) for words in said], texts))
    return min(rates)


def errors(said: list[str], texts: list[str]) -> float:
    """Word error rate over all clips."""
    import jiwer

    found = jiwer.process_words(texts, said)
    wrong = found.substitutions + found.deletions + found.insertions
    return float(wrong / (found.hits + found.substitutions + found.deletions))
