"""Full-text search: words, what a search finds, and the order in which it finds it.

A document's rank (BM25) is computed from nothing but the documents that the search finds: how many
they are, how many of them have each word, and how long they are on average. So the result of a
search depends on those documents alone, and a commit that changes none of them changes no rank.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from heapq import nlargest
from typing import Final, NamedTuple

from reactive.limits import DEFAULT_LIMITS

_SATURATION: Final = 1.2  # BM25's k1: how soon more of the same word stops to matter
_LENGTH_WEIGHT: Final = 0.75  # BM25's b: how much a long text has to make up for
PREFIX_WEIGHT: Final = 0.5  # of a word that only begins like the last word of the search

_ASCII_WORDS: Final = re.compile(r"[a-z0-9]+")


class _Separated(dict[int, int]):
    """For each character itself where it may be in a word, else a space; filled as it is used."""

    def __missing__(self, code: int) -> int:
        character = chr(code)
        # Vowel signs and accents that stand alone belong to the letter before them.
        is_inside = character.isalnum() or unicodedata.category(character).startswith("M")
        self[code] = code if is_inside else ord(" ")
        return self[code]


_separated: Final = _Separated()

TEXT_VERSION: Final = f"1/{unicodedata.unidata_version}"
"""An index that was built by another idea of what a word is has to be built again."""


def split_words(text: str) -> list[str]:
    """The words of a text: runs of letters and digits in lower case, too long ones left out."""
    if text.isascii():
        found = _ASCII_WORDS.findall(text.lower())
    else:
        found = [_from_letter(word).lower() for word in text.translate(_separated).split(" ")]
    most = DEFAULT_LIMITS.search_term_bytes_max
    return [word for word in found if word and len(word) <= most and len(word.encode()) <= most]


def _from_letter(word: str) -> str:
    """The word without the marks that it has before its first letter."""
    if not word or word[0].isalnum():
        return word
    return word[next((at for at, each in enumerate(word) if each.isalnum()), len(word)) :]


def search_words(text: str) -> tuple[str, ...]:
    """What a search for the text looks for: its distinct words; the last one stays the last."""
    return tuple(dict.fromkeys(reversed(split_words(text))))[::-1]


class TextEntry(NamedTuple):
    """A document's place in a text index.

    `text` are its words with one space between them, `created` is its creation time, and
    `filters` are the encoded values of the index's filter fields.
    """

    number: int
    created: float
    text: str
    filters: tuple[bytes, ...]


class TextSearch(NamedTuple):
    """What a search looks for: documents with any of the words that fit all of the filters.

    `words` are distinct; the last of them stands for the words that begin with it, too. A filter
    is the position of a filter field and the encoded value that it must have.
    """

    words: tuple[str, ...]
    filters: tuple[tuple[int, bytes], ...]

    def counts(self, entry: TextEntry) -> list[float] | None:
        """How often the entry has each of the words; None when the search does not find it."""
        if any(entry.filters[at] != value for at, value in self.filters):
            return None
        words = entry.text.split(" ")
        counts = [float(words.count(word)) for word in self.words]
        last = self.words[-1]
        exact = counts[-1]
        beginning = sum([word.startswith(last) for word in words])
        counts[-1] = exact + (beginning - exact) * PREFIX_WEIGHT
        return counts if any(counts) else None

    def finds(self, entry: TextEntry) -> bool:
        """Whether the entry is one of those that are looked for."""
        if any(entry.filters[at] != value for at, value in self.filters):
            return False
        # A word begins behind a space or at the start of the text, and ends before one.
        text = f" {entry.text} "
        return f" {self.words[-1]}" in text or any(f" {word} " in text for word in self.words)


class TextRead(NamedTuple):
    """A search that a transaction depends on."""

    number: int
    search: TextSearch

    def is_changed_by(self, entry: TextEntry) -> bool:
        """Whether a document that enters or leaves with this entry changes what was found."""
        return entry.number == self.number and self.search.finds(entry)


class TextMatches:
    """The documents that a search found, before they are ranked."""

    __slots__ = ("_counts", "_created", "_lengths")

    def __init__(self, words: int) -> None:
        self._created: dict[str, float] = {}
        self._lengths: dict[str, int] = {}
        self._counts: list[dict[str, float]] = [{} for _ in range(words)]

    def __len__(self) -> int:
        return len(self._created)

    def put(self, word: int, found: Sequence[tuple[str, float, float, int]]) -> None:
        """Adds documents that have one of the words: id, how often, creation time and length."""
        if found:
            # Without a loop in Python: there may be a great many of them.
            ids, counts, created, lengths = zip(*found, strict=True)
            self._counts[word].update(zip(ids, counts, strict=True))
            self._created.update(zip(ids, created, strict=True))
            self._lengths.update(zip(ids, lengths, strict=True))

    def drop(self, document_id: str) -> None:
        """Takes a document out; one that is not in is no error."""
        if self._created.pop(document_id, None) is not None:
            del self._lengths[document_id]
            for counts in self._counts:
                counts.pop(document_id, None)

    def add(self, document_id: str, search: TextSearch, entries: Iterable[TextEntry]) -> None:
        """Puts a document in whose entries these are, if the search finds one of them."""
        for entry in entries:
            counts = search.counts(entry)
            if counts is None:
                continue
            self._created[document_id] = entry.created
            self._lengths[document_id] = entry.text.count(" ") + 1
            for held, count in zip(self._counts, counts, strict=True):
                if count:
                    held[document_id] = count

    def ranked(self, limit: int) -> list[str]:
        """The best documents, best first; those of equal rank newest first."""
        created, lengths = self._created, self._lengths
        if not created or limit < 1:
            return []
        total = len(created)
        average = sum(lengths.values()) / total
        scores = dict.fromkeys(created, 0.0)
        for counts in self._counts:
            rarity = math.log1p((total - len(counts) + 0.5) / (len(counts) + 0.5))
            known: dict[tuple[float, int], float] = {}
            for document_id, count in counts.items():
                place = (count, lengths[document_id])
                gain = known.get(place)
                if gain is None:
                    gain = known[place] = rarity * _gain(count, place[1] / average)
                scores[document_id] += gain
        if limit < total:
            (*_, least) = nlargest(limit, scores.values())
            scores = {each: score for each, score in scores.items() if score >= least}
        best = sorted([(score, created[each], each) for each, score in scores.items()])
        return [document_id for _, _, document_id in best[: -limit - 1 : -1]]


def _gain(count: float, length: float) -> float:
    pivot = 1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * length
    return count * (_SATURATION + 1) / (count + _SATURATION * pivot)
