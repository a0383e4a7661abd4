"""Full-text search as the documentation has it, written down again as slowly as can be."""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise


def words_of(text: str) -> list[str]:
    """Runs of letters and digits with their marks, in lower case, of at most 32 bytes."""
    words = [""]
    for character in text:
        is_mark = unicodedata.category(character).startswith("M") and words[-1]
        if character.isalnum() or is_mark:
            words[-1] += character
        elif words[-1]:
            words.append("")
    lower = [word.lower() for word in words if word]
    return [word for word in lower if len(word.encode()) <= 32]


@dataclass(frozen=True)
class Text:
    """A document: when it was made, and its words."""

    created: float
    words: Sequence[str]


def counts_of(text: Text, searched: Sequence[str]) -> list[float]:
    """How often the text has each word; half for each that only begins like the last."""
    counts = [float(sum(word == each for each in text.words)) for word in searched]
    last = searched[-1]
    counts[-1] += 0.5 * sum(each.startswith(last) and each != last for each in text.words)
    return counts


def check_result(found: Sequence[str], texts: Mapping[str, Text], query: str) -> None:
    """Fails unless this is what a search among the texts, which fit its filters, has to give."""
    searched = list(reversed(dict.fromkeys(reversed(words_of(query)))))
    if not searched:
        assert list(found) == []
        return
    counts = {name: counts_of(text, searched) for name, text in texts.items()}
    counts = {name: each for name, each in counts.items() if any(each)}
    assert sorted(found) == sorted(counts)
    scores = _scores(counts, texts)
    for better, worse in pairwise(found):
        assert scores[better] >= scores[worse] - 1e-9, (better, worse, scores)
        first, second = texts[better], texts[worse]
        is_tie = counts[better] == counts[worse] and len(first.words) == len(second.words)
        assert not is_tie or first.created >= second.created, (better, worse)


def _scores(counts: Mapping[str, list[float]], texts: Mapping[str, Text]) -> dict[str, float]:
    """BM25 with k1 = 1.2 and b = 0.75, over nothing but what was found."""
    total = len(counts)
    average = sum(len(texts[name].words) for name in counts) / max(1, total)
    scores = dict.fromkeys(counts, 0.0)
    for name, each in counts.items():
        for at, count in enumerate(each):
            having = sum(other[at] > 0 for other in counts.values())
            idf = math.log(1 + (total - having + 0.5) / (having + 0.5))
            length = 0.25 + 0.75 * len(texts[name].words) / average
            scores[name] += idf * count * 2.2 / (count + 1.2 * length)
    return scores
