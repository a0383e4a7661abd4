"""Whose searches find this document?

Searches are filed by the filters that they have, the values of those, and their words. A document
is looked up once for each combination of filter fields in use; only where somebody searches among
documents with its values, once for each of its words, and once for each length that the last words
of those searches have.
"""

from collections import Counter
from typing import Generic, TypeVar

from reactive.values.text import TextEntry, TextSearch

Owner = TypeVar("Owner")


class _Words(Generic[Owner]):
    """Searches that share their filters: each under all of its words, the last one as a prefix.

    An owner with several searches for a word is counted.
    """

    __slots__ = ("lengths", "prefixes", "words")

    def __init__(self) -> None:
        self.words: dict[str, Counter[Owner]] = {}
        self.prefixes: dict[str, Counter[Owner]] = {}
        self.lengths: Counter[int] = Counter()

    def add(self, owner: Owner, search: TextSearch) -> None:
        *words, last = search.words
        for word in words:
            self.words.setdefault(word, Counter())[owner] += 1
        self.prefixes.setdefault(last, Counter())[owner] += 1
        self.lengths[len(last)] += 1

    def remove(self, owner: Owner, search: TextSearch) -> None:
        *words, last = search.words
        for word in words:
            _take(self.words, word, owner)
        _take(self.prefixes, last, owner)
        self.lengths[len(last)] -= 1
        if not self.lengths[len(last)]:
            del self.lengths[len(last)]

    def probe(self, words: set[str], hit: set[Owner]) -> int:
        probes = 0
        if self.words:
            probes += len(words)
            for word in words:
                hit.update(self.words.get(word, ()))
        for length in self.lengths:
            beginnings = {word[:length] for word in words if len(word) >= length}
            probes += len(beginnings)
            for beginning in beginnings:
                hit.update(self.prefixes.get(beginning, ()))
        return probes


def _take(filed: dict[str, Counter[Owner]], word: str, owner: Owner) -> None:
    owners = filed[word]
    owners[owner] -= 1
    if not owners[owner]:
        del owners[owner]
        if not owners:
            del filed[word]


class TextReads(Generic[Owner]):
    """The searches of one full-text index, each with an owner; an owner may have several."""

    __slots__ = ("_by_fields",)

    def __init__(self) -> None:
        self._by_fields: dict[tuple[int, ...], dict[tuple[bytes, ...], _Words[Owner]]] = {}

    def __len__(self) -> int:
        return len(self._by_fields)

    def add(self, owner: Owner, search: TextSearch) -> None:
        fields, values = _place(search)
        by_values = self._by_fields.setdefault(fields, {})
        words = by_values.get(values)
        if words is None:
            words = by_values[values] = _Words()
        words.add(owner, search)

    def remove(self, owner: Owner, search: TextSearch) -> None:
        """Forgets one search that was added."""
        fields, values = _place(search)
        by_values = self._by_fields[fields]
        by_values[values].remove(owner, search)
        if not by_values[values].prefixes:
            del by_values[values]
            if not by_values:
                del self._by_fields[fields]

    def probe(self, entry: TextEntry, hit: set[Owner]) -> int:
        """Adds to `hit` whose searches find the entry; the number of places looked up."""
        probes = 0
        words: set[str] | None = None
        for fields, by_values in self._by_fields.items():
            probes += 1
            found = by_values.get(tuple([entry.filters[at] for at in fields]))
            if found is not None:
                if words is None:
                    words = set(entry.text.split(" "))
                probes += found.probe(words, hit)
        return probes


def _place(search: TextSearch) -> tuple[tuple[int, ...], tuple[bytes, ...]]:
    filters = sorted(search.filters)
    return tuple([at for at, _ in filters]), tuple([value for _, value in filters])
